"""The store in a PostgreSQL database: a schema for each workspace, one transaction and one round trip a turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import FencedError, MissingExtraError, NewerStoreError, StaleMoveError, StoreError
from partita.store.census import Census
from partita.store.models import MoveRow, VersionRow
from partita.store.place import PostgresPlace
from partita.store.port import RunRow, Turn
from partita.store.postgres_peers import PostgresPeers, channel_of, session_name
from partita.store.postgres_texts import let_texts_be
from partita.store.publications import StageMoveRow
from partita.store.queries import read_statements
from partita.store.statement_store import StatementStore

if TYPE_CHECKING:
    import psycopg

__all__ = ["MIGRATIONS", "PostgresStore"]

MIGRATIONS = Path(__file__).with_name("postgres_migrations")
_FENCED = "PT001"  # the code that the function `fence` raises
#: That of `move_alias`, `forget_version`, `move_stage` and `retire_publication`; the detail says which: "move 7",
#: "version 3 churn", "stage 7" or "publication 3 train".
_STALE = "PT002"
_PATIENCE_S = 30.0
_DEADLOCK_TRIES = 5
_MIGRATION_LOCK = 0x50727461


class PostgresStore(StatementStore):
    """A `Store` in a PostgreSQL database. It may be used from any thread, by one at a time.

    A connection that is lost is made anew. Whether a commit came through whose answer was lost is read from the engine's lease,
    which has the number of its last turn: so no turn is written twice, and none is lost.
    """

    def __init__(self, url: str, *, patience_s: float = _PATIENCE_S, migrations: Path = MIGRATIONS) -> None:
        """Connect, and make or bring up to date the tables.

        Args:
            url: "postgresql://user@host/database?schema=name"; the schema is "partita" where none is given.
            patience_s: seconds for which reading waits for a server that went away.
            migrations: the folder of numbered schema files.

        Raises:
            MissingExtraError: psycopg is not installed.
            NewerStoreError: a newer Partita wrote the tables.
            StoreError: the server cannot be reached, or refuses.
        """
        self._psycopg = _library()
        self.place = PostgresPlace.of(url)
        self._patience_s = patience_s
        folder = Path(__file__).parent
        common = read_statements(folder / "queries.sql")
        self._sql = {
            name: text.replace("?", "$") for name, text in (common | read_statements(folder / "postgres.sql")).items()
        }
        self._engine, self._epoch = 0, 0  # whose turns these are: id and epoch of its lease
        self._peers: PostgresPeers | None = None
        self._turn = 0  # number of the last turn that was begun
        self._is_uncertain = False  # nobody knows whether that one was committed
        self._connection = self._connect()
        try:
            self._bring_up_to_date(migrations)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, self._psycopg.Error):
                raise self._explained(error) from error
            raise

    @property
    def version(self) -> int:
        """The version of the tables; 0: there are none."""
        # to_regclass() would ask a cache, which does not hear of what was made while this process waited for the lock.
        if not self._connection.execute(self._sql["has_version"], (self.place.schema,)).fetchall():
            return 0
        rows = self._connection.execute(f"select version from {self.place.quoted_schema}.partita_schema").fetchall()
        return int(rows[0][0]) if rows else 0

    def acquire(self, owner: str, *, place: str = "", key: str = "", lease_s: float = 15.0, works: bool = True) -> int:
        """Take a lease, with the runs of engines that have ended; the engine's id.

        Raises:
            StoreError: workers sign with another key than those whose runs lie here.
        """
        self._admit(key)
        channel = channel_of(self.place.schema)
        engine: int = self._read("begin_engine", owner, place, lease_s, works, channel)[0][0]
        self._engine, self._epoch, self._turn, self._is_uncertain = engine, 1, 0, False
        with suppress(self._psycopg.Error):
            self._connection.execute("select set_config('application_name', $1, false)", (self._session,))
        if self._peers is not None:
            self._peers.close()
        self._peers = PostgresPeers(
            self.place.schema, (engine, self._epoch), self._read, self._try_read, self._connect, self._fenced
        )
        if works:
            self._peers.take_over()
        return engine

    def release(self) -> None:
        """Give the lease back."""
        if self._engine:
            self._try_read("end_engine", self._engine, self._epoch, channel_of(self.place.schema))

    def peers(self) -> PostgresPeers | None:
        """The other engines."""
        return self._peers

    def owned_runs(self) -> list[RunRow]:
        """Unfinished runs of this engine."""
        return self._runs("owned_runs", self._engine)

    def commit(self, turn: Turn) -> None:
        """Write the turn in one transaction.

        Raises:
            FencedError: another engine has the lease.
            StoreError: it could not be written, or the connection was lost; it has to be tried again with the same turn,
                and is then written once.
        """
        self._transact(lambda: self._write(turn))

    def delete_run(self, number: int) -> None:
        """Forget a run.

        Raises:
            FencedError: another engine has the lease.
            StoreError: the connection was lost.
        """
        self._transact(lambda: self._delete(number))

    def census(self) -> Census:
        """What the rows name, read in one transaction.

        Raises:
            StoreError: they cannot be read.
        """
        census, connection = Census(), self._connection
        try:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read, read only")
                columns: dict[str, list[str]] = {}
                for table, name, kind in connection.execute(self._sql["columns"], (self.place.schema,)):
                    columns.setdefault(table, []).extend([name] if kind == "bytea" else [])
                census.count(columns, Sink(connection, self._psycopg).read)
        except self._psycopg.Error as error:
            raise self._explained(error) from error
        return census

    @contextmanager
    def copying(self) -> Iterator[Sink]:
        """Write whole tables in one transaction, which is undone where anything is raised inside."""
        try:
            with self._connection.transaction():
                self._connection.execute("delete from counter")
                yield Sink(self._connection, self._psycopg)
        except self._psycopg.Error as error:
            raise self._explained(error) from error

    @contextmanager
    def reading(self) -> Iterator[Callable[[str], Iterator[tuple[Any, ...]]]]:
        """What gives the rows of a statement, all as of one moment."""
        try:
            with self._connection.transaction():
                self._connection.execute("set transaction isolation level repeatable read, read only")
                yield Sink(self._connection, self._psycopg).read
        except self._psycopg.Error as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Let go of the connections."""
        if self._peers is not None:
            self._peers.close()
        self._connection.close()

    @property
    def _session(self) -> str:
        return session_name(self.place.schema, self._engine) if self._engine else "partita"

    def _admit(self, key: str) -> None:
        if key and self._read("admit_key", key)[0][0] != key:
            raise StoreError(
                f"the runs in {self.place} were made with another key than this workspace has, and what one pickles the other "
                "cannot open: copy the file .partita/key from where they were made to this workspace's .partita/key, or give "
                "a schema of its own: ?schema=NAME at the end of the URL"
            )

    def _transact(self, write: Any) -> None:
        if self._is_uncertain:
            self._reconnect()
            if self._committed() == self._turn:
                self._is_uncertain = False
                return
        else:
            self._turn += 1
        self._is_uncertain = False
        for tries in range(_DEADLOCK_TRIES):
            try:
                self._send(write)
                return
            except (
                self._psycopg.errors.DeadlockDetected
            ) as error:  # over new rows of the cache, which all engines write
                self._roll_back()
                if tries == _DEADLOCK_TRIES - 1:
                    raise self._explained(error) from error
                self._turn += 1

    def _send(self, write: Any) -> None:
        """Write the turn that was begun, in one round trip."""
        connection, begun_at_s = self._connection, time.monotonic()
        try:
            with connection.pipeline():
                connection.execute("begin")
                connection.execute(self._sql["fence"], (self._engine, self._epoch, self._turn))
                write()
                connection.execute("commit")
            if self._peers is not None:
                self._peers.renewed_at_s = begun_at_s
        except self._psycopg.errors.DeadlockDetected:
            raise
        except self._psycopg.OperationalError as error:
            self._is_uncertain = True
            raise self._explained(error) from error
        except self._psycopg.Error as error:
            self._roll_back()
            raise self._explained(error) from error
        except (OverflowError, UnicodeError) as error:
            self._roll_back()
            raise StoreError(
                f"a turn holds what {self.place} cannot store ({error}); nothing of it was written"
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _committed(self) -> int:
        rows = self._read("turn", self._engine, self._epoch)
        if not rows:
            raise self._fenced()
        return int(rows[0][0])

    def _roll_back(self) -> None:
        self._turn -= 1  # its number is given again
        try:
            self._connection.execute("rollback")
        except self._psycopg.Error:
            with suppress(self._psycopg.Error):
                self._connection.close()

    def _write(self, turn: Turn) -> None:
        if turn.uncached or turn.cached or turn.cache_hits:
            keys = {*turn.uncached, *(row.key for row in turn.cached), *(key for _, key in turn.cache_hits)}
            self._connection.execute(self._sql["lock_cached"], (list(keys),))
        super()._write(turn)

    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        rows = [(*row, self._engine) for row in rows] if name == "insert_run" else list(rows)
        if rows:
            self._connection.cursor().executemany(self._sql[name], rows)

    def _version_to_note(self, name: str, number: int) -> VersionRow | None:
        """Held until the transaction ends: another engine that says something of it waits, and adds to that."""
        # Not by _read, which connects anew where the connection was lost, and would read outside of the transaction.
        rows = self._connection.execute(self._sql["version_to_note"], (name, number)).fetchall()
        return VersionRow(*rows[0]) if rows else None

    def _forget_versions(self, keys: Sequence[tuple[str, int]]) -> None:
        self._write_many("forget_version", keys)

    def _move_aliases(self, moves: Sequence[MoveRow]) -> None:
        self._write_many("move_alias", map(tuple, moves))

    def _move_stages(self, moves: Sequence[StageMoveRow]) -> None:
        self._write_many("move_stage", map(tuple, moves))

    def _retire(self, rows: Sequence[tuple[float, str, int]]) -> None:
        self._write_many("retire_publication", rows)

    def _list(self, items: list[Any]) -> list[Any]:
        return items

    def _try_read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives, without waiting for a server that went away."""
        if self._connection.closed:
            self._reconnect()
        try:
            return self._connection.execute(self._sql[name], values).fetchall()
        except self._psycopg.Error as error:
            if isinstance(error, self._psycopg.OperationalError):
                with suppress(self._psycopg.Error):
                    self._connection.close()
            raise self._explained(error) from error

    def _read(self, name: str, *values: Any) -> list[Any]:
        until = time.monotonic() + self._patience_s
        while True:
            try:
                if self._connection.closed:
                    self._reconnect()
                return self._connection.execute(self._sql[name], values).fetchall()
            except self._psycopg.OperationalError as error:
                if time.monotonic() >= until:
                    raise self._explained(error) from error
                with suppress(self._psycopg.Error):
                    self._connection.close()
                time.sleep(0.2)
            except StoreError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.2)
            except self._psycopg.Error as error:
                raise self._explained(error) from error

    def _reconnect(self) -> None:
        with suppress(self._psycopg.Error):
            self._connection.close()
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        from psycopg.types.numeric import Int8Dumper

        try:
            connection: psycopg.Connection[Any] = self._psycopg.connect(
                self.place.conninfo, autocommit=True, prepare_threshold=0, connect_timeout=10,
                cursor_factory=self._psycopg.RawCursor, application_name=self._session,
            )  # fmt: skip
            connection.adapters.register_dumper(int, Int8Dumper)  # keys are shifted, which 16 bits do not bear
            let_texts_be(connection)
            connection.execute(f"set search_path = {self.place.quoted_schema}")
            connection.execute("set client_min_messages = warning")
        except self._psycopg.Error as error:
            raise self._explained(error) from error
        return connection

    def _bring_up_to_date(self, migrations: Path) -> None:
        files = {int(file.name[:4]): file for file in sorted(migrations.glob("[0-9]*.sql"))}
        connection, newest = self._connection, max(files)
        schema = self.place.quoted_schema
        if self.version == newest:
            return
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock($1)", (_MIGRATION_LOCK,))
            version = self.version  # another process may have done it meanwhile
            if version > newest:
                raise NewerStoreError(
                    f"{self.place} was written by a newer Partita (schema {version}; this one knows up to {newest}); upgrade "
                    "Partita with `pip install -U partita`, or choose another schema: ?schema=NAME at the end of the URL"
                )
            connection.execute(f"create schema if not exists {schema}")
            connection.execute("create table if not exists partita_schema (version integer not null)")
            for number in [number for number in files if number > version]:
                self._run_script(files[number].read_text(encoding="utf-8"))
            connection.execute("delete from partita_schema")
            connection.execute("insert into partita_schema values ($1)", (newest,))

    def _run_script(self, script: str) -> None:
        """Run statements that take no values, all at once."""
        cursor: Any = self._psycopg.ClientCursor(self._connection)
        cursor.execute(script)

    def _fenced(self) -> FencedError:
        reason = (
            "no lease was taken"
            if not self._engine
            else "its lease was over, and another engine has taken over its runs"
        )
        return FencedError(
            f"this engine may not write to {self.place}: {reason}; it has to end. Did its machine stand still, or lose the "
            "server, for longer than the setting engine_lease?"
        )

    def _explained(self, error: Exception) -> StoreError:
        if getattr(error, "sqlstate", None) == _FENCED:
            return self._fenced()
        if getattr(error, "sqlstate", None) == _STALE:
            return _stale(error)
        told = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, self._psycopg.OperationalError):
            return StoreError(
                f"the store {self.place} cannot be reached ({told}); see that the server is up, and that the address, the "
                "user and the password are right"
            )
        if isinstance(error, self._psycopg.errors.InsufficientPrivilege):
            return StoreError(
                f"the store {self.place} refuses ({told}); give the user the right to use and create in the schema "
                f"{self.place.schema}"
            )
        if isinstance(error, self._psycopg.errors.IntegrityError):
            return StoreError(f"the store {self.place} has that already ({told}); please report this as a fault")
        return StoreError(
            f"the store {self.place} refused what was asked of it ({told}); please report this as a fault"
        )


def _stale(error: Any) -> StaleMoveError:
    what, number, *name = error.diag.message_detail.split(" ", 2)
    told = error.diag.message_primary
    if what == "stage":
        return StaleMoveError(told, stage_move=int(number))
    if what == "publication":
        return StaleMoveError(told, publication=(name[0], int(number)))
    return StaleMoveError(told, int(number)) if what == "move" else StaleMoveError(told, version=(name[0], int(number)))


class Sink:
    """Whole tables, written and read back in the transaction that is open."""

    def __init__(self, connection: psycopg.Connection[Any], library: Any) -> None:
        self._connection = connection
        self._library = library

    def write(self, table: str, names: list[str], types: list[str], rows: Iterable[tuple[Any, ...]]) -> int:
        """Write rows of a table; how many there were."""
        listed = ", ".join(f'"{name}"' for name in names)
        count = 0
        with self._connection.cursor().copy(f"copy {table} ({listed}) from stdin (format binary)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
                count += 1
        return count

    def read(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, some hundred at a time."""
        with self._library.ServerCursor(self._connection, "copied") as cursor:
            cursor.itersize = 500
            cursor.execute(statement)
            yield from cursor


def _library() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError(
            f"a store in PostgreSQL needs psycopg ({error}): pip install 'partita[postgres]'"
        ) from error
    return psycopg
