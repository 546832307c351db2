"""Copying all rows between a SQLite file and PostgreSQL, compared afterwards row by row, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from math import isnan, nan
from pathlib import Path
from typing import Any

from partita.errors import StoreError
from partita.store.faults import explained
from partita.store.postgres import PostgresStore
from partita.store.sqlite import SqliteStore

__all__ = ["copy_out", "copy_store"]

#: Of each table its columns and types, its key first; the order in which rows are read and compared.
_TABLES = {
    "counter": "name text, value bigint",
    "run": (
        "number bigint, id text, flow text, title text, state integer, bundle text, inputs bytea, options bytea,"
        " created_at float8, started_at float8, ended_at float8, error bytea, notes bytea, parent text"
    ),
    "profile": "run bigint, id integer, packed bytea",
    "run_plan": "run bigint, part integer, packed bytea",
    "step": (
        "key bigint, parent bigint, name text, kind integer, profile integer, arguments bytea, inputs bytea,"
        " fallback_of bigint, place text, state integer, value bytea, error bytea, attempts integer, failures integer,"
        " crashes integer, due_at float8, finished bigint, marks integer"
    ),
    "attempt": (
        "step bigint, number integer, executor text, started_at float8, outcome text, began_at float8, ended_at float8,"
        " cpu_s float8, peak_bytes bigint, error bytea, log text, node text, input_bytes bigint, output_bytes bigint"
    ),
    "report": "step bigint, attempt integer, name text, value float8, at_step bigint, reported_at float8",
    "wait": (
        "step bigint, kind text, name text, key text, opened_at float8, due_at float8, spec bytea, votes bytea,"
        " closed_at float8, outcome text"
    ),
    "event": (
        "number bigint, run bigint, name text, key text, id text, data bytea, sender text, sent_at float8, taken_by bigint"
    ),
    "cached": (
        "key bytea, function text, title text, run text, step bigint, value bytea, parts bytea, created_at float8,"
        " expires_at float8, hits bigint, hit_at float8"
    ),
    "learned": (
        "scope text, function text, version text, node text, title text, seen bigint, state bytea, updated_at float8"
    ),
    "model": "name text, description text, tags bytea, created_at float8",
    "model_version": (
        "name text, number bigint, digest text, value bytea, record bytea, metrics bytea, tags bytea, description text,"
        " run text, step bigint, author text, created_at float8"
    ),
    "model_evaluation": (
        "name text, number bigint, title text, value bytea, run text, step bigint, made_at float8"
    ),
    "model_alias": "name text, alias text, number bigint, moved_at float8",
    "model_move": (
        "id bigint, name text, alias text, before bigint, after bigint, author text, why text, moved_at float8, record bytea"
    ),
    "access_token": (
        "id text, name text, user_name text, role text, scopes text, hash bytea, created_at float8, created_by text,"
        " expires_at float8, used_at float8, used_from text, revoked_at float8"
    ),
    "access_user": (
        "name text, role text, role_from text, source text, subject text, created_at float8, seen_at float8,"
        " is_disabled integer"
    ),
    "access_session": (
        "id text, user_name text, hash bytea, created_at float8, expires_at float8, idle_s float8, seen_at float8,"
        " address text, agent text, token text"
    ),
    "audit": (
        "number bigint, at float8, who text, credential text, address text, action text, target text, outcome text, data text"
    ),
    "model_use": "run bigint, step bigint, name text, number bigint, alias text, used_at float8",
    "secret": (
        "name text, version bigint, key text, ciphertext bytea, created_at float8, created_by text, rotated_at float8,"
        " rotated_by text"
    ),
    "publication": (
        "name text, number bigint, digest text, flow text, bundle text, record bytea, note text, author text,"
        " created_at float8, retired_at float8"
    ),
    "stage": "name text, stage text, number bigint, moved_at float8",
    "stage_move": (
        "id bigint, name text, stage text, before bigint, after bigint, author text, why text, moved_at float8, record bytea"
    ),
    "gate_check": (
        "run text, name text, number bigint, stage text, author text, why text, asked_at float8"
    ),
    "gate_finding": (
        "name text, number bigint, stage text, gate text, is_met bigint, told text, run text, step bigint, found_at float8"
    ),
    "published_run": "run bigint, name text, number bigint",
}  # fmt: skip
#: In which order the rows of a table are read, where that is not by their first column.
_ORDERS = {
    "profile": "run, id", "run_plan": "run, part", "attempt": "step, number", "learned": "scope, function, version, node",
    "model_version": "name, number", "model_evaluation": "name, title, number", "model_alias": "name, alias",
    "model_use": "name, run, step, number", "publication": "name, number", "stage": "name, stage",
    "gate_finding": "name, stage, gate, number",
}  # fmt: skip
#: Columns that are read in the order of texts.
_TEXTS = {"scope", "function", "version", "node", "title", "alias", "stage", "gate"}
#: Tables whose names are ordered so, too.
_NAMED = {
    "access_user", "counter", "gate_finding", "model", "model_alias", "model_evaluation", "model_use", "model_version",
    "publication", "secret", "stage",
}  # fmt: skip
#: Tables whose ids are texts.
_IDENTIFIED = {"access_token", "access_session"}
#: What the two databases call the order in which reports came.
_CAME = {"sqlite": "rowid", "postgres": "place"}
_TOLD_ROWS = 1000

Progress = Callable[[str, int], None]  # (table, rows of it that were copied)


def copy_store(source: Path, target: PostgresStore, progress: Progress = lambda table, rows: None) -> dict[str, int]:
    """Copy all rows; gives how many of each table.

    Args:
        source: the SQLite file. No engine may be writing it.
        target: where no run is yet, and nothing else that is copied.

    Raises:
        StoreError: the target has rows, either cannot be used, or what was written is not what was read; then nothing is kept.
    """
    SqliteStore(source).close()  # brings an older file up to date
    try:
        rows = sqlite3.connect(f"file:{source}?mode=ro", uri=True, isolation_level=None)
        try:
            rows.execute("begin")
            with target.copying() as sink:
                _need_empty(sink, target)
                return {table: _copy(rows, sink, table, progress) for table in _TABLES}
        finally:
            rows.close()
    except sqlite3.Error as error:
        raise explained(error, source) from error


def _need_empty(sink: Any, target: PostgresStore) -> None:
    """What is there would be mixed with what comes, or go for it: of any table, those of who may as well."""
    for table in _TABLES:
        if table != "counter" and any(sink.read(f"select 1 from {table} limit 1")):
            raise StoreError(
                f"the store {target.place} has runs already, or had, or other rows ({table}); give another schema: "
                "?schema=NAME at the end of the URL"
            )


def copy_out(
    source: PostgresStore, target: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, int]:
    """Copy all rows as they are at one moment into a new SQLite file; gives how many of each table.

    Raises:
        StoreError: they cannot be read or written, or what was written is not what was read.
    """
    SqliteStore(target).close()
    counts: dict[str, int] = {}
    try:
        rows = sqlite3.connect(target, isolation_level=None)
        try:
            rows.execute("begin")
            rows.execute("delete from counter")
            with source.reading() as read:
                for table in _TABLES:
                    counts[table] = _copy_out(read, rows, table, sum(counts.values()), progress)
            rows.execute("commit")
        finally:
            rows.close()
    except sqlite3.Error as error:
        raise explained(error, target) from error
    return counts


def _copy_out(
    read: Callable[[str], Iterator[tuple[Any, ...]]], rows: sqlite3.Connection, table: str, before: int,
    progress: Callable[[int, int], None],
) -> int:  # fmt: skip
    names = [part.split()[0] for part in _TABLES[table].split(", ")]
    order = _ORDERS.get(table, names[0])
    listed, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    far = _by_bytes(table, f"{order}, {_CAME['postgres']}" if table == "report" else order)
    here = f"{order}, {_CAME['sqlite']}" if table == "report" else order
    statement, count = f"select {listed} from {table} order by ", 0

    def told() -> Iterator[tuple[Any, ...]]:
        nonlocal count
        for row in read(statement + far):
            if count % _TOLD_ROWS == 0:
                progress(before + count, 0)
            count += 1
            yield row

    rows.executemany(f"insert into {table} ({listed}) values ({marks})", told())
    written = _read(rows, statement + here, table, names)
    for number, (one, other) in enumerate(zip(read(statement + far), written, strict=True)):
        if not all(map(_is_same, one, other)):
            raise StoreError(f"row {number} of the table {table} is not what was read; nothing was kept. Copy it again")
    return count


def _by_bytes(table: str, order: str) -> str:
    """The order in which SQLite has texts, as PostgreSQL says it."""
    texts = _TEXTS | ({"name"} if table in _NAMED else set()) | ({"id"} if table in _IDENTIFIED else set())
    return ", ".join(f'{name} collate "C"' if name in texts else name for name in order.split(", "))


def _copy(rows: sqlite3.Connection, sink: Any, table: str, progress: Progress) -> int:
    columns = [part.split() for part in _TABLES[table].split(", ")]
    names, types = [name for name, _ in columns], [kind for _, kind in columns]
    order = _ORDERS.get(table, names[0])
    listed = ", ".join(f'"{name}"' for name in names)
    came = f"{order}, {_CAME['sqlite']}" if table == "report" else order
    statement = f"select {listed} from {table} order by {came}"
    count: int = sink.write(table, names, types, _told(_read(rows, statement, table, names), table, progress))
    came = f"{order}, {_CAME['postgres']}" if table == "report" else order
    written = sink.read(f"select {listed} from {table} order by {_by_bytes(table, came)}")
    for number, (one, other) in enumerate(zip(_read(rows, statement, table, names), written, strict=True)):
        if not all(map(_is_same, one, other)):
            raise StoreError(
                f"row {number} of the table {table} is not what was written; nothing was kept. Copy it again"
            )
    progress(table, count)
    return count


def _read(rows: sqlite3.Connection, statement: str, table: str, names: list[str]) -> Iterator[tuple[Any, ...]]:
    numbers = names.index("value") if table == "report" else -1
    for row in rows.execute(statement):
        if numbers >= 0:
            # SQLite keeps NaN as null, and whole numbers as such.
            value = nan if row[numbers] is None else float(row[numbers])
            row = (*row[:numbers], value, *row[numbers + 1 :])
        yield row


def _told(rows: Iterator[tuple[Any, ...]], table: str, progress: Progress) -> Iterator[tuple[Any, ...]]:
    for number, row in enumerate(rows):
        if number % _TOLD_ROWS == 0:
            progress(table, number)
        yield row


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and isnan(one):
        return isnan(other)
    return type(one) is type(other) and bool(one == other)
