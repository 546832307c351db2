"""Bringing a database file to the schema of this version, one numbered file after the other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from partita.errors import NewerStoreError, StoreError

__all__ = ["MIGRATIONS", "bring_up_to_date"]

MIGRATIONS = Path(__file__).with_name("sqlite_migrations")

#: Marks a file as ours, so that another program's database is not migrated by mistake ("Prta").
_APPLICATION_ID = 0x50727461


def bring_up_to_date(connection: sqlite3.Connection, path: Path, migrations: Path = MIGRATIONS) -> None:
    """Apply what the file lacks, after keeping a copy of an older one beside it.

    Raises:
        NewerStoreError: a newer Partita wrote it.
        StoreError: another program wrote it.
    """
    files = {int(file.name[:4]): file for file in sorted(migrations.glob("[0-9]*.sql"))}
    newest = max(files)
    if _version(connection) == newest and _application(connection) == _APPLICATION_ID:
        return
    _refuse_foreign(connection, path, newest)
    if _version(connection):
        _keep_copy(connection, path)
    connection.execute("begin immediate")
    try:
        # Another process may have done it while this one waited.
        for version in [number for number in files if number > _version(connection)]:
            for statement in _statements(files[version].read_text(encoding="utf-8")):
                connection.execute(statement)
        connection.execute(f"pragma application_id = {_APPLICATION_ID}")
        connection.execute(f"pragma user_version = {newest}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _refuse_foreign(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    version, application = _version(connection), _application(connection)
    tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
    if application != _APPLICATION_ID and (tables or version or application):
        raise StoreError(f"{path} is a database of another program; move it away, or choose another workspace folder")
    if version > newest:
        raise NewerStoreError(
            f"{path} was written by a newer Partita (schema {version}; this one knows up to {newest}); "
            "upgrade Partita with `pip install -U partita`, or choose another workspace folder"
        )


def _keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    copy = path.with_name(f"{path.name}.schema-{_version(connection)}")
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    target = sqlite3.connect(part)
    try:
        connection.backup(target)
    finally:
        target.close()
    part.replace(copy)


def _statements(script: str) -> list[str]:
    found: list[str] = []
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            found.append(gathered)
            gathered = ""
    return found


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("pragma user_version").fetchone()[0]
    return version


def _application(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("pragma application_id").fetchone()[0]
    return number
