"""Which finished runs may be deleted: told a page at a time, and none that a run which has not ended needs."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partita import approval, flow, task
from partita.core.states import Mark, State
from partita.engine import pruning
from partita.engine.pruning import Pruning
from partita.engine.reading import Reading
from partita.errors import RunError
from partita.store.port import CacheRow, Turn
from partita.store.sqlite import SqliteStore
from partita.testing import MemoryWorkspace
from partita.testing.store_rows import NOW, a_run, a_step
from partita.values import pack


@task(cache=True)
def rows(count: int) -> str:
    return "row" * count


@task(cache=True, cache_key=lambda count: count)
def keyed(count: int) -> str:
    return "key" * count


@task
def length(text: str, agreed: Any = None) -> int:
    return len(text)


@flow
def look(count: int) -> int:
    return length(rows(count))


@flow
def look_keyed(count: int) -> int:
    return length(keyed(count))


@flow
def ask(count: int) -> int:
    return length(rows(count), approval("go on?"))


@flow
def ask_keyed(count: int) -> int:
    return length(keyed(count), approval("go on?"))


def pruning_of(workspace: MemoryWorkspace) -> Pruning:
    book = workspace.engine.book
    return Pruning(book, Reading(book, workspace.engine.recovery))


@pytest.mark.parametrize(("made", "taking"), [(look, ask), (look_keyed, ask_keyed)])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_run_whose_cached_value_an_unfinished_one_took_stays_until_that_has_ended(
    workspace: MemoryWorkspace, made: Any, taking: Any, restarts: bool
) -> None:
    source, other = workspace.submit(made, (3,), {}, {}).wait(), workspace.submit(made, (4,), {}, {}).wait()
    unfinished = workspace.submit(taking, (3,), {}, {})
    workspace.work()
    assert any("cached" in step["marks"] for step in unfinished.steps)
    if restarts:
        workspace.restart()
    found = pruning_of(workspace)
    told = found.prunable({})
    reason = f"run {unfinished.id} took values of it from the cache and has not ended"
    assert told["held"] == [{"run": source.id, "reason": reason}]
    assert [run["id"] for run in told["runs"]] == [other.id]
    with pytest.raises(RunError, match=f"run {source.id} cannot be deleted: {reason}"):
        found.delete({"run": source.id})
    workspace.approve(unfinished.id)
    unfinished.wait()
    assert found.delete({"run": source.id}) == source.id


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "store.db")
    made.acquire("test")
    return made


def alone(store: SqliteStore) -> tuple[Pruning, Any]:
    """The pruning of an engine that has no run itself."""
    book: Any = SimpleNamespace(
        store=store, turn=Turn(), lives={}, live=lambda run: None, versions_changed=0, versions_forgotten=0, peers=None,
        now=NOW, waits=None,
    )  # fmt: skip
    return Pruning(book, Reading(book, None)), book  # type: ignore[arg-type]


def test_what_runs_of_other_engines_took_is_known_too(store: SqliteStore) -> None:
    ended = {"state": State.SUCCEEDED, "ended_at": NOW}
    runs = [a_run(1, id="source", **ended), a_run(2, id="first", **ended), a_run(3, id="away"), a_run(4, id="again")]
    runs[3] = runs[3]._replace(options=pack({"adopt": "first"}))
    taken = a_step(1, run=3, value=b"v", marks=Mark.CACHED, state=State.SUCCEEDED)
    store.commit(
        Turn(runs=runs, steps=[taken], cached=[CacheRow(b"k", "f", "f", "source", 1, b"v", b"", NOW, None, 0, None)])
    )
    found, _ = alone(store)
    assert {held["run"]: held["reason"] for held in found.prunable({})["held"]} == {
        "source": "run away took values of it from the cache and has not ended",
        "first": "run again reruns it and has not ended",
    }
    with pytest.raises(RunError, match="took values of it"):
        found.delete({"run": "source"})


def pages(found: Pruning, **fields: Any) -> list[dict[str, Any]]:
    made, after = [], 0
    while True:
        made.append(found.prunable({**fields, "after": after}))
        after = made[-1]["next"]
        if after is None:
            return made


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"keep": 7}, {"keep": 7, "flow": "g"}, {"keep": 3, "states": ["failed"]}, {"before": NOW + 40},
        {"runs": [f"r{n:04}" for n in (5, 90, 5, 7)]},
    ],
)  # fmt: skip
def test_pages_of_any_size_are_together_what_one_is(
    store: SqliteStore, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PAGE_S", 1e9)
    runs = [
        a_run(
            n, id=f"r{n:04}", flow=f"f:{n % 3}", title="g" if n % 3 else "h", ended_at=NOW + n,
            state=State.FAILED if n % 4 else State.SUCCEEDED,
        )
        for n in range(1, 101)
    ]  # fmt: skip
    store.commit(Turn(runs=[*runs, a_run(200, id="going", flow="f:1", title="g")]))
    found, _ = alone(store)
    (whole,) = pages(found, **fields)
    assert whole["runs"]
    for limit in (1, 7, 100):
        parts = pages(found, **fields, limit=limit)
        ids = [run["id"] for part in parts for run in part["runs"]]
        assert list(dict.fromkeys(ids)) == [run["id"] for run in whole["runs"]]
        assert all(part["looked"] <= limit for part in parts)


def test_no_page_is_long_and_what_others_need_is_asked_once(store: SqliteStore) -> None:
    """The engine does nothing else meanwhile."""
    ended = {"state": State.SUCCEEDED, "ended_at": time.time() - 100}
    store.commit(Turn(runs=[a_run(n, id=f"r{n}", **ended) for n in range(1, 3001)]))
    found, book = alone(store)
    asked, took = [], []
    ask_store = store.unfinished_runs
    book.store = SimpleNamespace(
        **{name: getattr(store, name) for name in dir(store) if not name.startswith("_")}
        | {"unfinished_runs": lambda: [asked.append(1), ask_store()][1]}
    )
    after, looked, count = 0, 0, 0
    while after is not None:
        began = time.thread_time()
        page = found.prunable({"after": after})
        took.append(time.thread_time() - began)
        after, looked, count = page["next"], looked + page["looked"], count + 1
        assert page["looked"] <= 500
    assert looked == 3000 and len(asked) <= 2 * count
    assert sorted(took)[len(took) * 9 // 10] < 0.1
