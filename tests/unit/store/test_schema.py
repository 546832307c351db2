from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from partita.errors import NewerStoreError, StoreError
from partita.store.port import Turn
from partita.store.schema import MIGRATIONS
from partita.store.sqlite import SqliteStore
from partita.testing.store_contract import a_run

NEWEST = max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.sql"))


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """The real ones and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / f"{NEWEST + 1:04}_color.sql").write_text(
        "-- Runs get a colour; why not.\nalter table run add column color text;\nupdate run set color = 'red; green';\n"
    )
    return folder


def made(path: Path) -> None:
    store = SqliteStore(path)
    store.acquire("test")
    store.commit(Turn(runs=[a_run()]))
    store.close()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_an_older_file_is_brought_up_to_date_and_a_copy_kept(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "store.db"
    made(path)
    store = SqliteStore(path, migrations=migrations)
    assert store.run("run-1") == a_run()
    store.close()
    assert rows(path, "select color from run") == [("red; green",)]
    assert rows(path, "pragma user_version") == [(NEWEST + 1,)]
    copy = tmp_path / f"store.db.schema-{NEWEST}"
    assert rows(copy, "select id from run") == [("run-1",)] and rows(copy, "pragma user_version") == [(NEWEST,)]


def test_a_file_that_is_up_to_date_is_not_copied(tmp_path: Path) -> None:
    made(tmp_path / "store.db")
    SqliteStore(tmp_path / "store.db").close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["store.db"]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "store.db"
    made(path)
    (migrations / f"{NEWEST + 2:04}_wrong.sql").write_text("create table more (a);\nselect * from nowhere;\n")
    with pytest.raises(StoreError, match="nowhere"):
        SqliteStore(path, migrations=migrations)
    assert rows(path, "pragma user_version") == [(NEWEST,)]
    assert "color" not in str(rows(path, "select sql from sqlite_master"))
    SqliteStore(path).close()


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path, migrations=migrations).close()
    before = path.read_bytes()
    with pytest.raises(NewerStoreError, match=rf"schema {NEWEST + 1}; this one knows up to {NEWEST}.*pip install -U"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    connection = sqlite3.connect(path)
    connection.execute("create table theirs (a)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path)
    assert rows(path, "select name from sqlite_master") == [("theirs",)]


def test_a_file_of_the_first_schema_keeps_its_runs(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(next(MIGRATIONS.glob("0001_*.sql")), first)
    path = tmp_path / "store.db"
    store = SqliteStore(path, migrations=first)
    store.acquire("test")
    store.commit(Turn(runs=[a_run()]))
    store.close()
    store = SqliteStore(path)
    assert store.run("run-1") == a_run() and store.open_waits() == [] and store.cache_entries() == []
    assert store.next_event_number() == 1
    store.close()
