"""The store of a workspace, whichever it is, and what its rows name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from partita.errors import StoreError
from partita.store.census import Census, take_census
from partita.store.port import Store
from partita.store.sqlite import SqliteStore

__all__ = ["census_of", "copy_to", "has_rows", "migrate", "open_store", "put_snapshot", "snapshot_of"]

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


def has_rows(state: Path) -> bool:
    """Whether a workspace's folder has a store of its own."""
    return (state / _FILE).exists()


def migrate(state: Path, database: str = "") -> tuple[str, int]:
    """Bring the store up to date, as opening it does; where it lies, and the version that its tables have now.

    Raises:
        StoreError: it cannot be used.
    """
    if not database:
        store = SqliteStore(state / _FILE)
        place, version = str(store.path), store.version
        store.close()
        return place, version
    from partita.store.postgres import PostgresStore

    far = PostgresStore(database)
    place, version = str(far.place), far.version
    far.close()
    return place, version


def copy_to(state: Path, database: str, progress: Callable[[str, int], None]) -> tuple[str, dict[str, int]]:
    """Copy the rows of the workspace's SQLite file into a database, and compare them; where, and how many of each table.

    Raises:
        StoreError: there is no such file, or what `copy_store` raises.
    """
    from partita.store.copying import copy_store
    from partita.store.postgres import PostgresStore

    if not (state / _FILE).exists():
        raise StoreError(f"there is no store {state / _FILE} to be copied; nothing has run here yet")
    target = PostgresStore(database)
    try:
        return str(target.place), copy_store(state / _FILE, target, progress)
    finally:
        target.close()


def snapshot_of(state: Path, database: str, target: Path, progress: Callable[[int, int], None]) -> int:
    """Write all rows as they are at this moment into a new SQLite file; gives the version of its tables.

    Raises:
        StoreError: they cannot be read or written.
    """
    from partita.store.snapshots import take_snapshot

    return take_snapshot(state / _FILE, target, database, progress)


def put_snapshot(file: Path, state: Path, database: str = "") -> None:
    """Let a snapshot be the store of a folder, or copy its rows into a database.

    Raises:
        StoreError: there are rows already, or it cannot be used.
    """
    from partita.store.snapshots import open_snapshot

    open_snapshot(file)
    if database:
        from partita.store.copying import copy_store
        from partita.store.postgres import PostgresStore

        target = PostgresStore(database)
        try:
            copy_store(file, target)
        finally:
            target.close()
        file.unlink()
    else:
        file.replace(state / _FILE)


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
