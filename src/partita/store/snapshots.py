"""All rows of a store as they are at one moment, in a SQLite file, while engines go on writing.

Of a SQLite store it is made by SQLite's own backup, within one read transaction, so that it need not begin again when the engine
writes. Of PostgreSQL the rows are copied in one transaction that sees one moment, and compared. Either way the file is a store,
which an engine can open, or whose rows `copy_store` takes into PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from partita.errors import StoreError
from partita.store.faults import explained
from partita.store.sqlite import SqliteStore

__all__ = ["open_snapshot", "take_snapshot"]

Progress = Callable[[int, int], None]  # (done, of so many): pages of a file, or rows; 0: nobody knows how many

_PAGES = 2000


def take_snapshot(source: Path, target: Path, database: str = "", progress: Progress = lambda done, total: None) -> int:
    """Write the rows into a new file; gives the version of its tables.

    Args:
        source: the SQLite file of the store.
        database: URL of the PostgreSQL database that has the rows instead; empty: the file has them.

    Raises:
        StoreError: they cannot be read, or written; the file is not to be used then.
    """
    if database:
        from partita.store.copying import copy_out
        from partita.store.postgres import PostgresStore

        store = PostgresStore(database)
        try:
            copy_out(store, target, progress)
        finally:
            store.close()
    else:
        _back_up(source, target, progress)
    return _finished(target)


def _back_up(source: Path, target: Path, progress: Progress) -> None:
    if not source.exists():
        raise StoreError(f"there is no store {source}; nothing has run here yet")
    try:
        rows = sqlite3.connect(f"file:{source}?mode=rw", uri=True, isolation_level=None, timeout=10)
        try:
            rows.execute("pragma query_only = on")
            rows.execute("begin")
            rows.execute("select count(*) from sqlite_master").fetchone()  # from now on it sees this moment
            written = sqlite3.connect(target, isolation_level=None)
            try:
                rows.backup(written, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
            finally:
                written.close()
        finally:
            rows.close()
    except sqlite3.Error as error:
        raise explained(error, source) from error


def _finished(target: Path) -> int:
    """Make one file of it, look through it, and give the version of its tables."""
    try:
        written = sqlite3.connect(target, isolation_level=None)
        try:
            written.execute("pragma journal_mode = delete")
            found = written.execute("pragma integrity_check(1)").fetchone()[0]
            version: int = written.execute("pragma user_version").fetchone()[0]
        finally:
            written.close()
    except sqlite3.Error as error:
        raise explained(error, target) from error
    if found != "ok":
        raise StoreError(f"the snapshot of the store is damaged ({found}); is the store whole? Make it again")
    return version


def open_snapshot(file: Path) -> None:
    """Let a snapshot be a store: bring its tables up to this version.

    Raises:
        StoreError: it cannot be used; a newer Partita may have made it.
    """
    SqliteStore(file).close()
