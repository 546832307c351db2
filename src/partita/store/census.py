"""What a store's rows name, read at one moment beside the engine: blobs, bundles, runs, and what is under way.

It is read in one transaction of a connection of its own, so that nothing can move from a row that is still to be read to
one that has been read, and the engine goes on writing meanwhile.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partita.errors import StoreError
from partita.protocol.retention import let_go_at
from partita.store.faults import explained
from partita.values import unpack

__all__ = ["Census", "take_census"]

#: Every text of 64 hexadecimal characters may be the hash of a blob, whatever column it stands in.
_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64,}")
#: A blob's node, [BLOB, codec, hash, size, ...], as it is packed.
_NODE = re.compile(
    rb"\x02[\xa0-\xbf]([ -~]{1,31}?)\xd9\x40([0-9a-f]{64})([\x00-\x7f]|\xcc.|\xcd..|\xce.{4}|\xcf.{8})", re.DOTALL
)


#: The number of the run whose values a row of a table names. Not of a run's own row: its inputs are what makes them again.
_OWNERS = {"step": "key >> 32", "attempt": "step >> 32", "wait": "step >> 32"}


@dataclass(slots=True)
class Census:
    """What the rows of a store name."""

    hashes: set[str] = field(default_factory=set)  # of blobs, and a few that only look so
    blobs: dict[str, tuple[str, int]] = field(default_factory=dict)  # codec and size in bytes by hash
    bundles: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    without_logs: set[str] = field(default_factory=set)  # runs whose logs were let go
    oldest_start: float | None = None  # when the oldest of the attempts that have not ended began

    def read(self, data: bytes) -> None:
        """Take in what a row holds."""
        for found in _HASH.finditer(data):
            text = found[0].decode()
            self.hashes.update(text[i : i + 64] for i in range(min(len(text) - 63, 4096)))
        for found in _NODE.finditer(data):
            self.blobs[found[2].decode()] = (found[1].decode(), _number(found[3]))

    def count(self, columns: Mapping[str, Sequence[str]], rows: Callable[[str], Iterable[Any]]) -> None:
        """Take in all rows of a store, in one transaction of whoever calls.

        Args:
            columns: the columns of packed bytes of each table.
            rows: gives the rows of a statement.
        """
        if not {"run", "step", "attempt"} <= set(columns):
            raise StoreError("the store holds no runs: start the engine once, which brings it up to date")
        bare: set[int] = set()  # numbers of runs whose values were let go
        for number, run, bundle, notes in rows("select number, id, bundle, notes from run"):
            self.runs.add(run)
            self.bundles.add(bundle)
            told = unpack(notes) if notes else {}
            if let_go_at(told, "logs") is not None:
                self.without_logs.add(run)
            if let_go_at(told, "values") is not None:
                bare.add(number)
        if "publication" in columns:
            self.bundles.update(bundle for (bundle,) in rows("select bundle from publication"))
        for table, names in columns.items():
            if names:
                chosen = ", ".join(f'"{name}"' for name in names)
                owner = _OWNERS.get(table, "0")
                for number, *row in rows(f'select {owner}, {chosen} from "{table}"'):
                    if number in bare:
                        continue
                    for data in row:
                        if data is not None and len(data) >= 64:
                            self.read(data if isinstance(data, bytes) else str(data).encode())
        for (oldest,) in rows("select min(started_at) from attempt where outcome is null"):
            self.oldest_start = oldest


def _number(packed: bytes) -> int:
    return packed[0] if len(packed) == 1 else int.from_bytes(packed[1:], "big")


def take_census(path: Path) -> Census:
    """Read the store in a SQLite file.

    Raises:
        StoreError: it cannot be read.
    """
    census = Census()
    try:
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=10)
        try:
            connection.execute("pragma query_only = on")
            connection.execute("begin")
            columns = _columns(connection)
            census.count(columns, lambda statement: connection.execute(statement))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise explained(error, path) from error
    return census


def _columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of packed bytes of each table."""
    tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
    return {
        table: [row[1] for row in connection.execute(f'pragma table_info("{table}")') if row[2].lower() == "blob"]
        for table in tables
    }
