"""The store in one SQLite file: WAL, one transaction a turn, statements prepared once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from partita.errors import FencedError, StoreError, UnsafeStoreError
from partita.store.faults import explained
from partita.store.mounts import MOUNT_TABLE, refuse_network_file_system
from partita.store.port import RunRow, Turn
from partita.store.queries import read_statements
from partita.store.schema import MIGRATIONS, bring_up_to_date
from partita.store.statement_store import StatementStore

__all__ = ["SqliteStore"]

_SYNCHRONOUS = {"process": "normal", "full": "full"}

#: A file up to this size is checked whole when it is opened; that costs some milliseconds.
_CHECKED_BYTES = 4 << 20


class SqliteStore(StatementStore):
    """A `Store` in a file. It may be used from any thread, by one at a time."""

    def __init__(
        self,
        path: Path,
        durability: str = "process",
        *,
        mounts: Path = MOUNT_TABLE,
        migrations: Path = MIGRATIONS,
    ) -> None:
        """Open or make the file.

        Args:
            durability: "process": a commit survives the death of any process; "full": that of the machine too.
            mounts: the table of mounted file systems.
            migrations: the folder of numbered schema files.

        Raises:
            UnsafeStoreError: the file system cannot keep the promises.
            NewerStoreError: a newer Partita wrote the file.
            StoreError: the file cannot be opened, or is damaged.
        """
        if durability not in _SYNCHRONOUS:
            raise StoreError(f'durability is {durability!r}; give "process" or "full"')
        self.path = Path(path)
        refuse_network_file_system(self.path.parent, mounts)
        self._epoch: int | None = None
        statements = read_statements(Path(__file__).with_name("queries.sql"))
        self._sql = statements
        self._begin, self._fence = statements["begin"], statements["epoch"]
        self._connection = self._open(durability, migrations)
        self._cursor = self._connection.cursor()

    @property
    def version(self) -> int:
        """The version of the tables."""
        version: int = self._connection.execute("pragma user_version").fetchone()[0]
        return version

    def acquire(self, owner: str, *, place: str = "", key: str = "", lease_s: float = 15.0, works: bool = True) -> int:
        """Take the lease, whoever has it; the fencing epoch."""
        with _Explaining(self):
            self._epoch = self._connection.execute(self._sql["take_lease"], (owner,)).fetchall()[0][0]
        return self._epoch

    def release(self) -> None:
        """Nobody waits for the lease: the workspace's lock says whether an engine is up."""

    def peers(self) -> None:
        """One engine works here at a time."""

    def owned_runs(self) -> list[RunRow]:
        """Runs whose state is not final, oldest first."""
        return self.unfinished_runs()

    def commit(self, turn: Turn) -> None:
        """Write the turn in one transaction.

        Raises:
            FencedError: another engine has the lease.
            StoreError: it could not be written; nothing was, and it may be tried again.
        """
        cursor = self._cursor
        try:
            self._begin_fenced(cursor)
            self._write(turn)
            cursor.execute("commit")
        except BaseException as error:
            self._undo(error)
            raise

    def delete_run(self, number: int) -> None:
        """Forget a run.

        Raises:
            FencedError: another engine has the lease.
        """
        cursor = self._cursor
        try:
            self._begin_fenced(cursor)
            self._delete(number)
            cursor.execute("commit")
        except BaseException as error:
            self._undo(error)
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _begin_fenced(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute(self._begin)
        # Inside the transaction nobody else can take the lease.
        epoch = cursor.execute(self._fence).fetchone()[0]
        if epoch != self._epoch:
            reason = "no lease was taken" if self._epoch is None else f"its lease has passed on (epoch {epoch})"
            raise FencedError(
                f"this engine may not write to {self.path}: {reason}; another engine has the workspace's runs now, "
                "and this one has to end"
            )

    def _undo(self, error: BaseException) -> None:
        """Make the connection fit for the next try, and say what SQLite meant."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
        except sqlite3.Error as second:
            raise explained(second, self.path) from error
        if isinstance(error, sqlite3.Error):
            raise explained(error, self.path) from error
        if isinstance(error, (OverflowError, UnicodeError)):
            raise StoreError(
                f"a turn holds what {self.path} cannot store ({error}); nothing of it was written"
            ) from error

    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._cursor.executemany(self._sql[name], rows)

    def _list(self, items: list[Any]) -> str:
        return json.dumps(items)

    def _read(self, name: str, *values: Any) -> list[Any]:
        with _Explaining(self):
            return self._connection.execute(self._sql[name], values).fetchall()

    def _open(self, durability: str, migrations: Path) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the store's folder {self.path.parent} cannot be made: {error}") from error
        with _Explaining(self):
            connection = sqlite3.connect(
                self.path, isolation_level=None, cached_statements=256, check_same_thread=False, timeout=10
            )
            try:
                self._prepare(connection, durability, migrations)
            except BaseException:
                connection.close()
                raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, durability: str, migrations: Path) -> None:
        connection.execute(f"pragma synchronous = {_SYNCHRONOUS[durability]}")
        # SQLite's own checkpoints, each 1000 pages, stall a turn by 3 to 6 ms. A thread that makes them beside the turns was
        # tried: the mean stayed, and catching up with it under load stalled a turn by 25 ms.
        connection.execute("pragma cache_size = -32768")  # KiB: the rows of a few ten thousand steps
        connection.execute("pragma temp_store = memory")
        if connection.execute("pragma journal_mode = wal").fetchone()[0] != "wal":
            raise UnsafeStoreError(
                f"{self.path} is on a file system without the shared memory that SQLite's WAL needs; "
                "put the workspace on a local disk"
            )
        bring_up_to_date(connection, self.path, migrations)
        if self.path.stat().st_size <= _CHECKED_BYTES:
            found = connection.execute("pragma quick_check(1)").fetchone()[0]
            if found != "ok":
                damage = sqlite3.DatabaseError(found)
                damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise damage


class _Explaining:
    """Turns SQLite's errors into ours."""

    __slots__ = ("_store",)

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise explained(error, self._store.path) from error
