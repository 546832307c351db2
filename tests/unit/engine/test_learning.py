"""What ended attempts leave: their rows with sizes and where they ran, and what is learned from them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from partita import flow, task
from partita.engine.history_requests import HistoryRequests
from partita.engine.learning import BRIEF_FIRST, BRIEF_SHARE, FORM, Learning
from partita.errors import NotFoundError
from partita.plan.history import History
from partita.protocol.requests import HistoryView
from partita.store.port import LearnedRow, Turn
from partita.testing import MemoryWorkspace, memory_workspace
from partita.values import pack

SIZE = 1 << 20


@task
def load(number: int) -> bytes:
    return bytes(SIZE + number)


@task(version=3, expect="10m")
def fit(data: bytes) -> int:
    return len(data)


@task(retries=1)
def fails(number: int) -> int:
    raise ValueError(number)


@task(cache=True)
def cached(number: int) -> int:
    return number


@task
def brief(number: int) -> int:
    return number


@flow
def train(number: int) -> int:
    return fit(load(number))


@flow
def failing() -> int:
    return fails(1)


@flow
def caching() -> int:
    return cached(1)


@flow
def many(count: int) -> list[int]:
    return brief.map(list(range(count)))


@pytest.fixture
def memory() -> Iterator[MemoryWorkspace]:
    """Loading takes 4 seconds, fitting 20."""
    with memory_workspace() as workspace:

        def slow_load(number: int) -> bytes:
            workspace.clock.jump(4.0)
            return bytes(SIZE + number)

        def slow_fit(data: bytes) -> int:
            workspace.clock.jump(20.0)
            return len(data)

        workspace.fake(load, slow_load)
        workspace.fake(fit, slow_fit)
        yield workspace


def told(memory: MemoryWorkspace, task: str = "") -> list[HistoryView]:
    return HistoryRequests(memory.engine.book, memory._reading).told({"task": task})


def test_an_attempt_keeps_what_it_read_and_wrote_and_where_it_ran(memory: MemoryWorkspace) -> None:
    train.run(7).result()
    rows = {row["step"]: row for row in memory.attempts()}
    names = {step["name"]: rows[step["id"]] for step in memory.all_steps() if step["id"] in rows}
    assert names["load"]["output_bytes"] > SIZE and names["load"]["input_bytes"] < 100
    # The value is a blob, of which only the node travels: what it holds counts.
    assert names["fit"]["input_bytes"] >= SIZE + 7 and 0 < names["fit"]["output_bytes"] < 100
    assert {row["node"] for row in rows.values()} == {"process"}


def test_what_attempts_took_is_learned_by_function_version_and_node_class(memory: MemoryWorkspace) -> None:
    for number in range(3):
        train.run(number).result()
    found = {view["task"]: view for view in told(memory)}
    assert found.keys() == {"fit", "load"}
    assert found["fit"]["version"] == "3" and found["fit"]["node"] == "process" and found["fit"]["seen"] == 3
    assert found["fit"]["function"] == fit.reference and told(memory, fit.reference) == told(memory, "fit")
    assert found["fit"]["duration_s"]["p50"] == pytest.approx(20.0, rel=0.1)
    assert found["load"]["duration_s"]["p50"] == pytest.approx(4.0, rel=0.1)
    assert found["fit"]["input_bytes"] == pytest.approx(SIZE, rel=0.1)
    assert found["load"]["output_bytes"]["p50"] == pytest.approx(SIZE, rel=0.1)
    assert found["fit"]["memory_bytes"]["p50"] > 1e6 and found["fit"]["most_memory_bytes"] > 1e6


def test_the_next_engine_knows_it_and_so_it_is_when_the_runs_are_deleted(memory: MemoryWorkspace) -> None:
    train.run(1).result()
    before = told(memory)
    memory._store.delete_run(memory._store.runs()[0].number)
    memory.restart()
    assert memory.runs() == [] and told(memory) == before and len(before) == 2


def test_a_step_that_has_not_run_is_expected_to_take_what_its_task_says(memory: MemoryWorkspace) -> None:
    run = train.submit(1)
    seen = []

    def look(number: int) -> bytes:
        live = memory.engine.book.live(run.id)
        assert live is not None
        step = next(step for step in live.run.steps.values() if step.name == "fit")
        profile = live.run.profiles[step.profile]
        learning = memory.engine.book.learning
        subject = learning.subject(live, step.profile, "process")
        seen.append(learning.history.expect(subject, 0, profile.expect_s).duration)
        return b""

    memory.fake(load, look)
    run.result()
    assert seen[0].basis == "hint" and seen[0].median == pytest.approx(600.0)


def test_attempts_that_fail_or_compute_nothing_teach_nothing(memory: MemoryWorkspace) -> None:
    failing.run().wait()
    caching.run().result()
    caching.run().result()
    assert [(view["task"], view["seen"]) for view in told(memory)] == [("cached", 1)]


def test_of_very_many_brief_steps_some_are_learned_from(memory: MemoryWorkspace) -> None:
    count = BRIEF_FIRST + 4 * BRIEF_SHARE
    many.run(count).result()
    (view,) = told(memory, "brief")
    assert BRIEF_FIRST <= view["seen"] <= BRIEF_FIRST + 6


def test_what_was_learned_is_written_now_and_then_while_a_run_goes_on(memory: MemoryWorkspace) -> None:
    run = train.submit(1)
    stored = []

    def look(data: bytes) -> int:
        memory.clock.jump(20.0)
        stored.append([row.title for row in memory._store.learned(scope="task")])
        return 1

    memory.fake(fit, look)
    run.result()
    assert stored == [["load"]]
    assert [row.title for row in memory._store.learned(scope="task")] == ["fit", "load"]


def test_what_was_learned_is_forgotten_on_request(memory: MemoryWorkspace) -> None:
    train.run(1).result()
    requests = HistoryRequests(memory.engine.book, memory._reading)
    with memory._engine_at_rest():
        assert requests.forget({"task": "fit"}) == 1
    assert [view["task"] for view in told(memory)] == ["load"]
    memory.restart()
    assert [view["task"] for view in told(memory)] == ["load"]
    with pytest.raises(NotFoundError, match="`partita history` shows"):
        told(memory, "fit")


@pytest.mark.parametrize(
    "state", [b"", b"\xc1", pack([FORM + 1, []]), pack([FORM, [1]]), pack([FORM, None]), pack("x")]
)
def test_what_cannot_be_read_is_learned_anew(memory: MemoryWorkspace, state: bytes) -> None:
    row = LearnedRow("task", fit.reference, "3", "process", "fit", 5, state, 1.0)
    memory._store.commit(
        Turn(learned=[row, row._replace(scope="flow", function="x"), row._replace(scope="all", function="")])
    )
    memory.restart()
    assert told(memory) == []
    train.run(1).result()
    assert {view["seen"] for view in told(memory)} == {1}


def test_engines_that_share_a_store_learn_together(memory: MemoryWorkspace) -> None:
    """What another engine has written meanwhile is taken in before this one writes."""
    book = memory.engine.book
    train.run(1).result()
    other = Learning(book)
    assert other.history.known() is not None
    subject = next(key for key, _ in other.history.known())
    assert subject[0] == fit.reference
    train.run(2).result()
    records = {row[:4]: row for row in memory._store.learned()}
    book.peers = object()  # type: ignore[assignment]  # there are others
    other.refresh()
    assert {known.seen for _, known in other.history.known()} == {2}
    assert isinstance(other.history, History) and len(records) == 4
    book.peers = None
