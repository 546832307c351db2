"""What SQLite's errors mean to the one who has to act."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from partita.errors import StoreError

__all__ = ["explained"]

_SAYINGS = {
    sqlite3.SQLITE_FULL: "the disk is full; make room on it, nothing that was committed is lost",
    sqlite3.SQLITE_READONLY: "it cannot be written; give this user the right to write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; see that its folder exists and that this user may write there",
    sqlite3.SQLITE_PERM: "this user may not use it; see the rights of the file and its folder",
    sqlite3.SQLITE_AUTH: "this user may not use it; see the rights of the file and its folder",
    sqlite3.SQLITE_BUSY: "another process is writing it and does not end; see `partita doctor` for who has it open",
    sqlite3.SQLITE_LOCKED: "another process is writing it and does not end; see `partita doctor` for who has it open",
    sqlite3.SQLITE_IOERR: "the disk refuses (full, over quota, or failing); see that it has room and is healthy",
    sqlite3.SQLITE_NOTADB: "it is damaged, or no database at all",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
}

_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """The error with the file's path, its cause and its remedy."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    saying = _SAYINGS.get(primary) if primary is not None else None
    if saying is None:
        return StoreError(f"the store {path} refused what was asked of it ({error}); please report this as a fault")
    if primary in _DAMAGED:
        copies = sorted(path.parent.glob(path.name + ".schema-*"))
        kept = f"; an older copy is {copies[-1]}" if copies else ""
        saying += (
            f"; move {path.name}, {path.name}-wal and {path.name}-shm away and start afresh, or bring them back from a"
            f" backup (`sqlite3 {path.name} .recover` may save what is left){kept}"
        )
    return StoreError(f"the store {path}: {saying} ({error})")
