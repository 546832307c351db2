"""Snapshots of a store that is being written."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from partita.core.states import State
from partita.errors import StoreError
from partita.store import snapshots
from partita.store.copying import copy_out, copy_store
from partita.store.port import ReportRow, Turn
from partita.store.postgres import PostgresStore
from partita.store.snapshots import open_snapshot, take_snapshot
from partita.store.sqlite import SqliteStore
from partita.testing.store_rows import a_run, a_step
from tests.contract.postgres_server import new_schema


def test_a_snapshot_is_of_one_moment_and_is_not_begun_again_by_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("one")
    for number in range(1, 201):
        store.commit(Turn(runs=[a_run(number, id=f"r{number}")], steps=[a_step(0, run=number, value=b"v" * 20_000)]))
    monkeypatch.setattr(snapshots, "_PAGES", 20)
    written, told = 200, list[tuple[int, int]]()

    def progress(done: int, total: int) -> None:
        nonlocal written
        told.append((done, total))
        if written < 400:  # the engine writes between any two pieces
            written += 1
            store.commit(
                Turn(runs=[a_run(written, id=f"r{written}")], steps=[a_step(0, run=written, value=b"w" * 20_000)])
            )

    version = take_snapshot(tmp_path / "store.db", tmp_path / "snapshot.db", progress=progress)
    assert version == store.version and written > 230
    done = [pages for pages, _ in told]
    assert done == sorted(done) and len({total for _, total in told}) == 1 and done[-1] == told[-1][1]
    with sqlite3.connect(tmp_path / "snapshot.db") as rows:
        counts = [rows.execute(f"select count(*) from {table}").fetchone()[0] for table in ("run", "step")]
    assert counts == [200, 200] and not (tmp_path / "snapshot.db-wal").exists()
    open_snapshot(tmp_path / "snapshot.db")
    opened = SqliteStore(tmp_path / "snapshot.db")
    assert opened.next_run_number() == 201 and opened.acquire("two") > 0
    store.close()


def test_writers_are_not_kept_waiting(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("one")
    store.commit(Turn(runs=[a_run(1, state=State.RUNNING)], steps=[a_step(n, value=b"v" * 3000) for n in range(3000)]))
    is_over, took = threading.Event(), list[int]()

    def write() -> None:
        number = 1
        while not is_over.is_set():
            number += 1
            store.commit(Turn(runs=[a_run(number, id=f"r{number}")]))
            took.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    for place in range(5):
        before = len(took)
        take_snapshot(tmp_path / "store.db", tmp_path / f"{place}.db")
        assert len(took) > before
    is_over.set()
    thread.join()


def test_a_store_that_is_not_there_or_is_damaged_gives_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing has run here yet"):
        take_snapshot(tmp_path / "store.db", tmp_path / "snapshot.db")
    (tmp_path / "store.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError):
        take_snapshot(tmp_path / "store.db", tmp_path / "snapshot.db")


def test_rows_go_to_postgresql_and_come_back_as_they_were(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("one")
    numbers = [store.next_run_number() for _ in range(3)]
    reports = [
        ReportRow(1, 2, 1, "loss", value, place, 9.0)
        for place, value in enumerate([0.5, float("nan"), float("inf"), -0.0, 3.0])
    ]
    store.commit(
        Turn(
            runs=[a_run(number, id=f"é{number}") for number in numbers], reports=reports,
            steps=[a_step(n, run=number, value=bytes(range(256))) for number in numbers for n in range(50)],
        )
    )  # fmt: skip
    store.close()
    far = PostgresStore(new_schema())
    copy_store(tmp_path / "store.db", far)
    counts = copy_out(far, tmp_path / "back.db")
    far.close()
    assert counts["run"] == 3 and counts["step"] == 150 and counts["report"] == 5
    one, other = SqliteStore(tmp_path / "store.db"), SqliteStore(tmp_path / "back.db")
    assert one.runs() == other.runs() and one.next_run_number() == other.next_run_number()
    assert list(one.all_steps(1)) == list(other.all_steps(1))
    assert repr(one.reports(1)) == repr(other.reports(1))
