"""That the databases themselves refuse to change the audit, and that several engines number it without gaps."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest

from partita.store.access import AccessTurn
from partita.store.port import Turn
from partita.store.postgres import PostgresStore
from partita.store.sqlite import SqliteStore
from partita.testing.access_store_contract import an_entry
from tests.contract.postgres_server import new_schema

CHANGES = ["update audit set who = 'eve' where number = 1", "delete from audit", "delete from audit where number = 2"]


@pytest.mark.parametrize(
    "change",
    [
        *CHANGES,
        "insert or replace into audit select 1, at, 'eve', credential, address, action, target, outcome, data from audit",
        "replace into audit (number, at, who, credential, address, action, target, outcome, data)"
        " values (2, 0.0, 'eve', '', '', '', '', '', '')",
        "insert into audit (number, at, who, credential, address, action, target, outcome, data)"
        " values (9, 0.0, 'eve', '', '', '', '', '', '')",
    ],
)
def test_sqlite_refuses_to_change_the_audit(tmp_path: Path, change: str) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("one")
    store.commit(Turn(access=AccessTurn(audit=[an_entry(), an_entry(who="bob")])))
    before = store.audit()
    with (
        sqlite3.connect(tmp_path / "store.db") as other,
        pytest.raises(sqlite3.IntegrityError, match="only ever added"),
    ):
        other.execute(change)
    other.close()
    assert store.audit() == before and len(before) == 2
    store.close()


@pytest.mark.parametrize(
    "change",
    [*CHANGES, "truncate audit",
     "insert into audit values (1, 0, 'eve', '', '', '', '', '', '') on conflict (number) do update set who = 'eve'"],
)  # fmt: skip
def test_postgres_refuses_to_change_the_audit(change: str) -> None:
    store = PostgresStore(new_schema())
    store.acquire("one")
    store.commit(Turn(access=AccessTurn(audit=[an_entry(), an_entry(who="bob")])))
    before = store.audit()
    with psycopg.connect(store.place.conninfo, autocommit=True) as other:
        other.execute(f"set search_path = {store.place.quoted_schema}")
        with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
            other.execute(change)
    assert store.audit() == before and len(before) == 2
    store.close()


def test_engines_that_note_at_once_leave_no_gap_that_a_cursor_would_jump() -> None:
    url = new_schema()
    stores = [PostgresStore(url) for _ in range(3)]
    for number, store in enumerate(stores):
        store.acquire(f"engine {number}", place=str(number))

    def note(store: PostgresStore) -> None:
        for _ in range(40):
            store.commit(Turn(access=AccessTurn(audit=[an_entry(), an_entry()])))

    threads = [threading.Thread(target=note, args=(store,)) for store in stores]
    reader, seen = PostgresStore(url), []
    for thread in threads:
        thread.start()
    while len(seen) < 240 and (any(thread.is_alive() for thread in threads) or reader.audit(after=len(seen), limit=1)):
        seen.extend(row.number for row in reader.audit(after=seen[-1] if seen else 0, limit=7))
    for thread in threads:
        thread.join()
    assert seen == list(range(1, 241))
    for store in (*stores, reader):
        store.close()
