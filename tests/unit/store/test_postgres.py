"""What PostgreSQL does beyond the contract: lost connections, answers that never came, foreign tables, rights."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from partita.errors import FencedError, NewerStoreError, StoreError
from partita.store.port import CacheRow, Turn
from partita.store.postgres import MIGRATIONS, PostgresStore
from partita.testing.model_store_contract import a_version, an_update
from partita.testing.store_contract import a_run, a_step
from partita.values import pack, unpack
from tests.contract.postgres_server import new_schema, server_url


class Wire:
    """Stands between a store and its server, and cuts the connection when it is told to."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.is_deaf = False  # what the server answers from now on does not arrive
        self.is_down = False
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        for end in self._pairs:
            shut(end)
        self._pairs.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_down:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._pairs += [near, far]
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if is_answer and self.is_deaf:
                    self.is_deaf = False
                    self.cut()  # the server has done its work, and nobody hears of it
                    return
                target.sendall(data)
        except OSError:
            return


def shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@pytest.fixture
def url() -> str:
    return new_schema()


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    import psycopg

    with psycopg.connect(server_url()) as connection:
        folder = connection.execute("show unix_socket_directories").fetchone()
        port = connection.execute("show port").fetchone()
    assert folder is not None and port is not None
    made = Wire(f"{folder[0].split(',')[0].strip()}/.s.PGSQL.{port[0]}")
    yield made
    made.close()


@pytest.fixture
def wired(url: str, wire: Wire) -> Iterator[PostgresStore]:
    schema = url.rpartition("schema=")[2]
    store = PostgresStore(
        f"postgresql://postgres@127.0.0.1:{wire.port}/postgres?sslmode=disable&gssencmode=disable&schema={schema}",
        patience_s=5.0,
    )
    store.acquire("wired")
    yield store
    store.close()


def commit(store: PostgresStore, turn: Turn) -> int:
    """As an engine does it; how many tries it took."""
    for tries in range(1, 50):
        try:
            store.commit(turn)
            return tries
        except StoreError as error:
            assert not isinstance(error, FencedError), error
    raise AssertionError("it was never written")


def test_a_commit_whose_answer_is_lost_is_written_once(wired: PostgresStore, wire: Wire, url: str) -> None:
    commit(wired, Turn(runs=[a_run()], steps=[a_step(0)]))
    for number in range(1, 30):
        wire.is_deaf = True
        # A second write of the same step would be refused, and a lost one would leave a gap.
        assert commit(wired, Turn(steps=[a_step(number)])) > 1
    other = PostgresStore(url)
    assert [step.id for step in other.steps(1)] == list(range(30))
    other.close()


def test_a_connection_that_is_cut_before_a_commit_is_made_anew(wired: PostgresStore, wire: Wire) -> None:
    commit(wired, Turn(runs=[a_run()]))
    for number in range(10):
        wire.cut()
        commit(wired, Turn(steps=[a_step(number)]))
        wire.cut()
        assert len(wired.steps(1)) == number + 1  # reading waits until the connection is there again


def test_who_was_away_while_the_lease_passed_on_is_fenced(wired: PostgresStore, wire: Wire, url: str) -> None:
    commit(wired, Turn(runs=[a_run()]))
    wire.is_deaf = True
    with pytest.raises(StoreError, match="cannot be reached"):
        wired.commit(Turn(steps=[a_step(1)]))
    other = PostgresStore(url)
    other.acquire("other")
    with pytest.raises(FencedError):
        wired.commit(Turn(steps=[a_step(1)]))
    other.close()


def test_a_server_that_does_not_answer_is_told(wired: PostgresStore, wire: Wire) -> None:
    wire.is_down = True
    wire.cut()
    wired._patience_s = 0.5
    with pytest.raises(StoreError, match=r"cannot be reached.*see that the server is up"):
        wired.steps(1)
    with pytest.raises(StoreError, match="cannot be reached"):
        wired.commit(Turn(runs=[a_run()]))
    wire.is_down = False
    commit(wired, Turn(runs=[a_run()]))
    assert wired.run("run-1") == a_run()


def test_two_that_open_an_empty_schema_at_once_make_it_once(url: str) -> None:
    found: list[Any] = []

    def make() -> None:
        try:
            found.append(PostgresStore(url))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [type(item) for item in found] == [PostgresStore] * 6, found
    for store in found:
        store.close()


def test_schemas_do_not_know_each_other() -> None:
    one, two = PostgresStore(new_schema()), PostgresStore(new_schema())
    one.acquire("one")
    one.commit(Turn(runs=[a_run()]))
    assert two.runs() == [] and len(one.runs()) == 1
    one.close(), two.close()


def test_tables_of_a_newer_partita_are_refused(url: str, tmp_path: Path) -> None:
    for file in MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    newest = max(int(file.name[:4]) for file in MIGRATIONS.glob("*.sql"))
    (tmp_path / f"{newest + 1:04}_more.sql").write_text("create table more (x integer);")
    PostgresStore(url, migrations=tmp_path).close()
    with pytest.raises(NewerStoreError, match=rf"schema {newest + 1}.*upgrade Partita"):
        PostgresStore(url)


def test_an_older_schema_is_brought_up_to_date_with_what_it_has(url: str, tmp_path: Path) -> None:
    store = PostgresStore(url)
    store.acquire("one")
    store.commit(Turn(runs=[a_run()]))
    store.close()
    for file in MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    newest = max(int(file.name[:4]) for file in MIGRATIONS.glob("*.sql"))
    (tmp_path / f"{newest + 1:04}_more.sql").write_text("alter table run add column more integer;")
    store = PostgresStore(url, migrations=tmp_path)
    assert store.run("run-1") == a_run()
    store.close()


def test_runs_of_the_first_schema_go_to_the_first_engine_and_an_engine_from_before_is_fenced(
    url: str, tmp_path: Path
) -> None:
    import psycopg

    (tmp_path / "0001_all.sql").write_text((MIGRATIONS / "0001_all.sql").read_text())
    PostgresStore(url, migrations=tmp_path).close()
    schema = url.rpartition("schema=")[2]
    with psycopg.connect(server_url(), autocommit=True) as former:
        former.execute(f"set search_path = {schema}")
        former.execute("update lease set epoch = 1")
        former.execute("select fence(1, 1)")
        former.execute(
            "insert into run (number, id, flow, title, state, bundle, created_at)"
            " values (1, 'a', 'f', 'f', 2, 'b', 0), (2, 'b', 'f', 'f', 4, 'b', 0)"
        )
        store = PostgresStore(url)
        with pytest.raises(psycopg.Error, match="passed on") as refused:
            former.execute("select fence(1::bigint, 2::bigint)")
        assert refused.value.sqlstate == "PT001"
    store.acquire("one")
    assert [row.id for row in store.owned_runs()] == ["a"]
    store.close()


def test_a_turn_that_a_stopped_engine_left_open_does_not_keep_its_runs(url: str) -> None:
    stopped = PostgresStore(url)
    stopped.acquire("stopped", place="one", lease_s=0.2)
    stopped.commit(Turn(runs=[a_run()], steps=[a_step(0)]))
    other = PostgresStore(url)
    other.acquire("other", place="two")
    # As far as a turn had come when its engine stood still: the lease's row is locked.
    stopped._connection.execute("begin")
    stopped._connection.execute(stopped._sql["fence"], (stopped._engine, stopped._epoch, 2))
    stopped._connection.execute("update step set state = 4")
    peers, until = other.peers(), time.monotonic() + 20
    assert peers is not None
    time.sleep(0.3)
    while not peers.take_over():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert [row.id for row in other.owned_runs()] == ["run-1"] and other.steps(1) == [a_step(0)]
    for _ in range(2):
        with pytest.raises(StoreError) as refused:
            stopped.commit(Turn(steps=[a_step(1)]))
    assert isinstance(refused.value, FencedError)
    stopped.close(), other.close()


def test_engines_that_write_the_same_cached_values_crosswise_both_succeed(url: str) -> None:
    stores = [PostgresStore(url) for _ in range(2)]
    for number, store in enumerate(stores):
        store.acquire("x", place=str(number))
    keys = [b"%d" % number for number in range(200)]
    failed: list[Exception] = []

    def write(store: PostgresStore, order: int) -> None:
        first, second = (keys[:100], keys[100:])[::order]
        try:
            for turn in range(30):
                store.commit(Turn(cached=[a_cached(key) for key in first], cache_hits=[(turn, key) for key in second]))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(store, 1 - 2 * n)) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed and len(stores[0].cache_entries()) == 200
    for store in stores:
        store.close()


def test_engines_that_evaluate_one_version_at_once_take_nothing_away_from_each_other(url: str) -> None:
    stores = [PostgresStore(url) for _ in range(2)]
    for number, store in enumerate(stores):
        store.acquire("x", place=str(number))
    stores[0].commit(Turn(versions=[a_version("a", number, metrics=pack({})) for number in range(1, 21)]))
    failed: list[Exception] = []

    def write(store: PostgresStore, data: str, order: int) -> None:
        try:
            for turn in range(10):
                numbers = list(range(1, 21))[::order]
                updates = [an_update("a", number, {"auc": turn, f"{data}.{turn}": turn}, data) for number in numbers]
                store.commit(Turn(version_updates=updates))
        except Exception as error:
            failed.append(error)

    threads = [
        threading.Thread(target=write, args=(store, data, order))
        for store, data, order in zip(stores, ("test", "train"), (1, -1), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    for row in stores[0].versions("a"):
        metrics = unpack(row.metrics)
        assert metrics.keys() == {"auc"} | {f"{data}.{turn}" for data in ("test", "train") for turn in range(10)}
        assert metrics["auc"][0] == 9
    for store in stores:
        store.close()


def test_an_engine_whose_lease_is_over_says_so_also_of_what_it_reads_while_it_writes(url: str) -> None:
    store = PostgresStore(url)
    store.acquire("x")
    store.commit(Turn(versions=[a_version("a", 1, metrics=pack({}))]))
    store._epoch += 1  # not the one that the lease has
    with pytest.raises(FencedError):
        store.commit(Turn(version_updates=[an_update("a", 1, {"auc": 1.0})]))
    store._epoch -= 1
    store.commit(Turn(version_updates=[an_update("a", 1, {"auc": 0.5})]))
    assert unpack(store.versions("a")[0].metrics) == {"auc": [0.5, "test"]}
    store.close()


def a_cached(key: bytes) -> CacheRow:
    return CacheRow(key, "f", "f", "r", 1, b"value", b"parts", 1.0, None, 0, None)


def test_news_come_again_after_the_connection_was_cut(wired: PostgresStore, wire: Wire, url: str) -> None:
    peers = wired.peers()
    assert peers is not None
    assert peers.news() == {"engines", "events", "message", "slots"} and peers.news() == set()
    before = peers.wire()
    wire.cut()
    until = time.monotonic() + 20
    while peers.news() != {"engines", "events", "message", "slots"}:  # whatever was missed
        assert time.monotonic() < until
        time.sleep(0.05)
    assert peers.wire() is not before
    other = PostgresStore(url)
    other.acquire("other", place="elsewhere")
    while peers.news() != {"engines"}:
        assert time.monotonic() < until
        time.sleep(0.02)
    other.close()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://postgres@127.0.0.1:9/postgres", "cannot be reached"),
        ("postgresql://nobody@/postgres?host=/nowhere", "cannot be reached"),
    ],
)
def test_a_wrong_address_is_told(address: str, told: str) -> None:
    with pytest.raises(StoreError, match=told):
        PostgresStore(address)


@pytest.mark.parametrize(("title", "held"), [("a\0b", "a\ufffdb"), ("a\ud800", "a?")])
def test_what_a_text_cannot_hold_stops_no_turn(url: str, title: str, held: str) -> None:
    """It would be tried again for ever, and nobody's runs would go on."""
    store = PostgresStore(url)
    store.acquire("one")
    store.commit(Turn(runs=[a_run(title=title)]))
    assert store.run("run-1") == a_run(title=held)
    store.close()


def test_what_rows_name_is_counted(url: str) -> None:
    from partita.values import BLOB, pack

    store = PostgresStore(url)
    store.acquire("one")
    value = pack([BLOB, "npy", "ab" * 32, 5000, "text"])
    store.commit(Turn(runs=[a_run()], steps=[a_step(number, value=value) for number in range(1500)]))
    census = store.census()
    assert census.hashes == {"ab" * 32} and census.blobs["ab" * 32] == ("npy", 5000) and census.runs == {"run-1"}
    assert store.steps(1, limit=1)  # the connection is fit for more
    store.close()
