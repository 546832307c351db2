"""Retention takes bites: what a pass does between two turns is short, however much there is."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partita.core.states import State
from partita.engine import retention
from partita.engine.pruning import Pruning
from partita.engine.retention import Retention
from partita.protocol.retention import RetentionRecord
from partita.settings_retention import as_retention
from partita.store.port import Turn
from partita.store.sqlite import SqliteStore
from partita.testing.store_rows import a_run, a_step


class Keeping:
    def __init__(self) -> None:
        self.records: list[RetentionRecord] = []

    def collect(self) -> Keeping:
        return self

    def poll(self) -> dict[str, Any]:
        return {"freed_bytes": 7, "blobs": 1, "trouble": ""}

    def record(self, record: RetentionRecord) -> None:
        self.records.append(record)

    def last_at(self) -> float:
        return time.time()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "store.db")
    made.acquire("test")
    return made


def test_no_bite_is_long(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0.0)
    ended = {"state": State.SUCCEEDED, "ended_at": time.time() - 100}
    runs = [a_run(n, id=f"r{n}", **ended) for n in range(1, 3001)]
    store.commit(Turn(runs=runs, steps=[a_step(0, run=n) for n in range(1, 3001)]))
    store.commit(Turn(steps=[a_step(n, run=7, value=b"v" * 500) for n in range(1, 10_001)]))
    book: Any = SimpleNamespace(
        store=store,
        turn=Turn(),
        lives={},
        live=lambda run: None,
        versions_changed=0,
        versions_forgotten=0,
        peers=None,
        now=time.time(),
    )
    keeping = Keeping()
    made = Retention(book, Pruning(book, None), as_retention({"runs": "1s", "keep_runs": 10}), keeping)  # type: ignore[arg-type]
    answers: list[RetentionRecord] = []
    made.ask(answers.append, is_dry=False)
    took: list[float] = []
    while not answers:
        began = time.thread_time()  # of this thread alone: what other programs take from it is no fault of a bite's
        made.step()
        store.commit(book.turn)
        took.append(time.thread_time() - began)
        book.turn = Turn()
    assert answers[0]["counts"]["runs"] == 2990 and answers[0]["freed_bytes"] == 7 and keeping.records == answers
    assert [run.number for run in store.runs(limit=100)] == list(range(3000, 2990, -1))
    assert not store.steps(7) and not made.is_busy
    took.sort()
    assert len(took) > 100 and took[len(took) * 99 // 100] < 0.05, took[-5:]
