"""The store of a workspace, whichever it is, and what its rows name."""

from __future__ import annotations

from pathlib import Path

from partita.store.census import Census, take_census
from partita.store.port import Store
from partita.store.sqlite import SqliteStore

__all__ = ["census_of", "open_store"]

_FILE = "store.db"


def open_store(state: Path, database: str = "", durability: str = "process") -> Store:
    """Open or make the store.

    Args:
        state: the workspace's folder.
        database: URL of a PostgreSQL database; empty: a SQLite file in the folder.
        durability: what a commit to that file survives; see `SqliteStore`.

    Raises:
        MissingExtraError: what reaches the database is not installed.
        StoreError: it cannot be used.
    """
    if not database:
        return SqliteStore(state / _FILE, durability)
    from partita.store.postgres import PostgresStore

    return PostgresStore(database)


def census_of(state: Path, database: str = "") -> Census:
    """What the rows name, read beside the engine.

    Raises:
        StoreError: they cannot be read.
    """
    if not database:
        return take_census(state / _FILE)
    from partita.store.postgres import PostgresStore

    store = PostgresStore(database)
    try:
        return store.census()
    finally:
        store.close()
