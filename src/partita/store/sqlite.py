"""The store in one SQLite file: WAL, one transaction a turn, statements prepared once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path
from typing import Any

from partita.errors import FencedError, StoreError, UnsafeStoreError
from partita.store.faults import explained
from partita.store.mounts import MOUNT_TABLE, refuse_network_file_system
from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    EventRow,
    ProfileRow,
    ReportRow,
    RunRow,
    StepRow,
    Turn,
    WaitRow,
)
from partita.store.queries import read_statements
from partita.store.schema import MIGRATIONS, bring_up_to_date
from partita.values import HASH_HEAD, unpack

__all__ = ["SqliteStore"]

_PAGE = 1000
_STEP_IDS = 2**32
_LAST_KEY = 2**63 - 1
_SYNCHRONOUS = {"process": "normal", "full": "full"}

#: A file up to this size is checked whole when it is opened; that costs some milliseconds.
_CHECKED_BYTES = 4 << 20


class SqliteStore:
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

    def acquire(self, owner: str) -> int:
        """Take the lease; the fencing epoch."""
        with _Explaining(self):
            self._epoch = self._connection.execute(self._sql["take_lease"], (owner,)).fetchall()[0][0]
        return self._epoch

    def commit(self, turn: Turn) -> None:
        """Write the turn in one transaction.

        Raises:
            FencedError: another engine has the lease.
            StoreError: it could not be written; nothing was, and it may be tried again.
        """
        cursor = self._cursor
        try:
            self._begin_fenced(cursor)
            self._write(cursor, turn)
            cursor.execute("commit")
        except BaseException as error:
            self._undo(error)
            raise

    def next_run_number(self) -> int:
        """A number never given before."""
        with _Explaining(self):
            number: int = self._connection.execute(self._sql["next_run"]).fetchall()[0][0]
        return number

    def run(self, run_id: str) -> RunRow | None:
        """A run by its id."""
        return next(iter(self._runs("run", run_id)), None)

    def run_by_number(self, number: int) -> RunRow | None:
        """A run by its number."""
        return next(iter(self._runs("run_by_number", number)), None)

    def runs(self, *, flow: str = "", states: Sequence[int] = (), before: int = 0, limit: int = 50) -> list[RunRow]:
        """Newest first."""
        return self._runs("runs", flow, json.dumps([int(state) for state in states]), before, limit)

    def unfinished_runs(self) -> list[RunRow]:
        """Runs whose state is not final, oldest first."""
        return self._runs("unfinished_runs")

    def children(self, run: int) -> list[RunRow]:
        """Runs that steps of this run launched."""
        return self._runs("children", run)

    def profiles(self, run: int) -> list[ProfileRow]:
        """The run's profiles by id."""
        return [ProfileRow(*row) for row in self._read("profiles", run)]

    def steps(self, run: int, *, after: int = -1, limit: int = 500) -> list[StepRow]:
        """A page of a run's steps."""
        return [StepRow(*row) for row in self._read("steps", run, after, limit)]

    def all_steps(self, run: int) -> Iterator[StepRow]:
        """Every step of a run, a page at a time: commits go on between."""
        after = -1
        while page := self.steps(run, after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def step(self, run: int, step: int) -> StepRow | None:
        """One step."""
        page = self.steps(run, after=step - 1, limit=1)
        return page[0] if page and page[0].id == step else None

    def values(self, run: int, steps: Sequence[int]) -> dict[int, bytes]:
        """Packed values of steps."""
        if len(steps) == 1:
            rows = self._read("value", run, steps[0])
            return {steps[0]: rows[0][0]} if rows and rows[0][0] is not None else {}
        return dict(self._read("values", run, json.dumps(list(steps))))

    def arguments(self, run: int, step: int) -> bytes | None:
        """Packed arguments of a step."""
        rows = self._read("arguments", run, step)
        return rows[0][0] if rows else None

    def counts(self, run: int) -> dict[int, int]:
        """Steps by state."""
        return dict(self._read("counts", run))

    def attempts(
        self, run: int, step: int | None = None, *, limit: int = 500
    ) -> list[tuple[AttemptRow, AttemptEnd | None]]:
        """Attempts by step and number, with their ends."""
        rows = self._read("attempts", run, *_range(step), limit)
        return [(AttemptRow(*row[:5]), AttemptEnd(*row[5:], *row[:3]) if row[5] is not None else None) for row in rows]

    def open_attempts(self, run: int) -> list[AttemptRow]:
        """Attempts that have not ended."""
        return [AttemptRow(*row) for row in self._read("open_attempts", run)]

    def reports(self, run: int, step: int | None = None, *, limit: int = 10_000) -> list[ReportRow]:
        """Reported numbers by step, in the order in which they came."""
        rows = [ReportRow(*row) for row in self._read("reports", run, *_range(step), limit)]
        # SQLite keeps NaN, which is what a diverged loss is, as null.
        return [row if row.value is not None else row._replace(value=nan) for row in rows]

    def ended(self, run: int, first: int, end: int) -> dict[int, float]:
        """When the last attempts of steps ended."""
        return dict(self._read("ended", run, first, end))

    def durations(self, run: int, first: int, end: int) -> dict[int, float]:
        """How long the attempts of steps took."""
        return dict(self._read("durations", run, first, end))

    def named_steps(self, run: int, names: Sequence[str]) -> list[StepRow]:
        """Steps by their local names."""
        return [StepRow(*row) for row in self._read("named_steps", run, json.dumps(list(names)))]

    def naming(
        self, prefix: str, run: int, step: int, rows: int
    ) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
        """Steps whose value names a blob."""
        last = self._read("naming_end", run, step, rows)
        end = last[0][0] if last else _LAST_KEY
        found = [(row[0], row[1]) for row in self._read("naming", run, step, HASH_HEAD + prefix.encode(), end)]
        return found, divmod(end, _STEP_IDS) if last else None

    def wait(self, run: int, step: int) -> WaitRow | None:
        """What the step waits for."""
        rows = self._read("waits", run, step, step + 1)
        return WaitRow(*rows[0]) if rows else None

    def waits(self, run: int) -> list[WaitRow]:
        """All waits of a run."""
        return [WaitRow(*row) for row in self._read("waits", run, 0, _STEP_IDS)]

    def open_waits(self, *, limit: int = 1000) -> list[WaitRow]:
        """Waits of all runs that are not over."""
        return [WaitRow(*row) for row in self._read("open_waits", limit)]

    def next_event_number(self) -> int:
        """A number never given before."""
        number: int = self._read("next_event")[0][0]
        return number

    def pending_events(self, run: int) -> list[EventRow]:
        """Events that nobody has taken."""
        return [_event(row) for row in self._read("pending_events", run)]

    def event(self, run: int, id: str) -> EventRow | None:
        """An event by its id."""
        rows = self._read("event", run, id)
        return _event(rows[0]) if rows else None

    def cached(self, key: bytes) -> CacheRow | None:
        """A cached value."""
        rows = self._read("cached", key)
        return CacheRow(*rows[0]) if rows else None

    def cache_entries(self, *, function: str = "", limit: int = 1000) -> list[CacheRow]:
        """Newest first."""
        return [CacheRow(*row) for row in self._read("cache_entries", function, limit)]

    def delete_run(self, number: int) -> None:
        """Forget a run.

        Raises:
            FencedError: another engine has the lease.
        """
        cursor, sql = self._cursor, self._sql
        try:
            self._begin_fenced(cursor)
            for name in ("drop_reports", "drop_attempts", "drop_waits", "drop_steps"):
                cursor.execute(sql[name], (number, 0, _STEP_IDS))
            cursor.execute(sql["delete_profiles"], (number,))
            cursor.execute(sql["delete_events"], (number,))
            cursor.execute(sql["delete_run"], (number,))
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

    def _write(self, cursor: sqlite3.Cursor, turn: Turn) -> None:
        # Named tuples are bound item by item through the slow protocol of sequences: 5 us a step against 2.2.
        sql, many = self._sql, cursor.executemany
        if turn.runs:
            many(sql["insert_run"], [(*row, _parent(row)) for row in turn.runs])
        if turn.profiles:
            many(sql["insert_profile"], map(tuple, turn.profiles))
        if turn.steps:
            many(sql["insert_step"], map(tuple, turn.steps))
        if turn.dropped:
            for name in ("drop_reports", "drop_attempts", "drop_waits", "drop_steps"):
                many(sql[name], turn.dropped)
        if turn.step_updates:
            many(sql["update_step"], map(tuple, turn.step_updates))
        if turn.attempts:
            many(sql["insert_attempt"], map(tuple, turn.attempts))
        if turn.attempt_ends:
            many(sql["end_attempt"], map(tuple, turn.attempt_ends))
        if turn.reports:
            many(sql["insert_report"], map(tuple, turn.reports))
        if turn.run_updates:
            many(sql["update_run"], map(tuple, turn.run_updates))
        if turn.waits or turn.wait_updates or turn.events or turn.event_takes:
            many(sql["insert_wait"], map(tuple, turn.waits))
            many(sql["update_wait"], map(tuple, turn.wait_updates))
            many(sql["insert_event"], [tuple(event[:8]) for event in turn.events])
            many(sql["take_event"], turn.event_takes)
        if turn.uncached or turn.cached or turn.cache_hits:
            many(sql["delete_cached"], [(key,) for key in turn.uncached])
            many(sql["insert_cached"], map(tuple, turn.cached))
            many(sql["hit_cached"], turn.cache_hits)

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

    def _runs(self, name: str, *values: Any) -> list[RunRow]:
        return [RunRow(*row) for row in self._read(name, *values)]

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


def _range(step: int | None) -> tuple[int, int]:
    """First id and one past the last."""
    return (0, _STEP_IDS) if step is None else (step, step + 1)


def _event(row: tuple[Any, ...]) -> EventRow:
    event = EventRow(*row)
    return event if row[8] is None else event._replace(taken_by=divmod(row[8], _STEP_IDS))


def _parent(row: RunRow) -> str | None:
    parent = unpack(row.options).get("parent") if row.options else None
    return parent[0] if parent else None
