"""Workers in a real Ray: what arrives, what is left behind, and what is said of those that are gone."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from partita.core.records import Demand
from partita.executors.port import Capacity, Message
from partita.executors.ray.local import LocalRay, RayUnavailableError, bare_variables, local_folder
from partita.executors.ray.workers import RayWorkers
from partita.executors.remote.port import GONE, PENDING, UP, AgentCommand, News, WorkerOrder
from partita.executors.remote.sessions import session_name
from partita.settings_ray import RaySettings
from tests.contract.ray_cluster import ray_cluster
from tests.integration.ray_agent import ABOUT, DURABLE, ECHO, END, FAIL, HANG, SPAWN
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

KEY = bytes(range(32)).hex()
ROOT = Path(__file__).parents[2]


class Desk:
    """Uses workers as an engine does, and keeps what comes."""

    def __init__(self, origin: str, *, address: str, lease_s: float = 20.0, key: str = KEY, **settings: Any) -> None:
        command = AgentCommand(("--told", "1"), {"TOLD_TO_ALL": "yes"}, {"PARTITA_AGENT_KEY": key, "OTHER": "secret"})
        self.workers = RayWorkers(
            RaySettings(address, **settings), command, capacity=Capacity(2, 2**30), origin=origin, lease_s=lease_s,
            agent="tests.integration.ray_agent:serve",
        )  # fmt: skip
        self.news: list[News] = []
        self.said: dict[str, list[Message]] = {}

    def start(self, cpu: float = 1.0) -> str:
        session = session_name()
        self.workers.open(session)
        self.workers.start(WorkerOrder(session, Demand(cpu)))
        return session

    def ask(self, session: str, *messages: Message) -> None:
        self.workers.send(session, list(messages))

    def until(self, condition: Callable[[], object], timeout_s: float = 60.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"it did not happen; there came {self.news} and {self.said}"
            select.select(self.workers.filenos(), [], [], 0.2)
            self.news += self.workers.news()
            for session, messages in self.workers.receive():
                self.said.setdefault(session, []).extend(messages)

    def answer(self, session: str, *question: Any) -> Message:
        """What is said next to a question."""
        before = len(self.said.get(session, ()))
        self.ask(session, list(question))
        self.until(lambda: len(self.said.get(session, ())) > before)
        return self.said[session][before]

    def fate(self, session: str, timeout_s: float = 60.0) -> News:
        found: list[News] = []

        def is_gone() -> bool:
            found[:] = [news for news in self.news if news.session == session and news.what == GONE]
            return bool(found)

        self.until(is_gone, timeout_s)
        return found[0]

    def left(self) -> list[str]:
        """What an earlier engine has left, as soon as that is known."""
        found: list[list[str]] = []

        def is_known() -> bool:
            told = self.workers.survey()
            found.extend([told] if told is not None else [])
            return bool(found)

        self.until(is_known)
        return found[0]

    def pending(self, session: str, word: str) -> bool:
        return any(news.what == PENDING and word in news.detail for news in self.news if news.session == session)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    cluster = ray_cluster()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.variables.items():
            patch.setenv(name, value)
        yield cluster.address


@pytest.fixture
def make_desk(address: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(origin: str = "", **settings: Any) -> Desk:
        made.append(Desk(origin or f"tests-{request.node.name}", **{"address": address, **settings}))
        return made[-1]

    yield make
    for desk in made:
        for session in list(desk.workers._sessions):
            desk.workers.stop(session)
        if desk.workers._line.is_connected:
            desk.until(lambda desk=desk: all(known.is_gone for known in desk.workers._sessions.values()))
        desk.workers.close()


@pytest.fixture(scope="module")
def desk(address: str) -> Iterator[Desk]:
    """For tests that leave nothing behind but sessions that are gone."""
    made = Desk("tests-module", address=address)
    yield made
    made.workers.close()


def test_messages_arrive_once_and_in_order_in_both_directions(desk: Desk) -> None:
    session = desk.start()
    for number in range(300):
        desk.ask(session, [ECHO, number])
    desk.until(lambda: len(desk.said.get(session, ())) >= 300)
    desk.ask(session, [DURABLE], [ECHO, b"x" * 3_000_000])
    desk.until(lambda: len(desk.said[session]) >= 303)
    assert [message[1] for message in desk.said[session][:302]] == [*range(300), "said", "known"]
    assert desk.said[session][302] == [ECHO, b"x" * 3_000_000]
    assert [news.what for news in desk.news if news.session == session and news.what != PENDING] == [UP]
    desk.workers.stop(session)
    assert desk.fate(session).reason == "ended"


def test_an_agent_knows_its_keys_and_processes_beside_it_do_not(desk: Desk) -> None:
    session = desk.start()
    _, _, arguments, secrets, variables = desk.answer(session, ABOUT)
    assert arguments == ["--told", "1", "--session", session, "--attempts", "0"]
    assert secrets == ["OTHER", "PARTITA_AGENT_KEY"] and variables["TOLD_TO_ALL"] == "yes"
    assert KEY not in variables.values() and "secret" not in variables.values()
    desk.workers.stop(session)
    desk.fate(session)


def test_one_that_is_killed_has_died_and_leaves_no_process(desk: Desk) -> None:
    session = desk.start()
    _, pid, child = desk.answer(session, SPAWN)
    os.kill(pid, signal.SIGKILL)
    fate = desk.fate(session)
    assert fate.reason == "died" and "worker process has died" in fate.detail
    wait_until(lambda: not is_alive(child))
    desk.workers.release(session)


def test_the_last_words_of_one_that_ends_are_heard(desk: Desk) -> None:
    ending, broken, asked = desk.start(), desk.start(), desk.start()
    desk.until(lambda: sum(news.what == UP for news in desk.news if news.session in (ending, broken, asked)) == 3)
    desk.ask(ending, [ECHO, 1], [END])
    desk.ask(broken, [FAIL])
    desk.workers.stop(asked, 10.0)
    assert desk.fate(ending)[2:] == ("ended", "the agent has ended", 0)
    assert [*desk.said.get(ending, ()), *desk.workers.drain(ending)] == [[ECHO, 1], [END]]
    assert desk.fate(broken).reason == "died" and "the agent is broken" in desk.fate(broken).detail
    assert desk.fate(asked).reason == "ended" and desk.said[asked] == [[END]]


def test_one_that_hangs_is_killed_after_its_grace(desk: Desk) -> None:
    session = desk.start()
    _, pid, child = desk.answer(session, SPAWN)
    desk.ask(session, [HANG])
    desk.workers.stop(session, 0.5)
    assert desk.fate(session).reason == "ended"
    wait_until(lambda: not is_alive(pid) and not is_alive(child))


def test_the_process_that_speaks_with_ray_may_die(desk: Desk) -> None:
    session = desk.start()
    desk.answer(session, ECHO, 0)
    (client,) = [child for child in psutil.Process().children() if "partita.executors.ray.client" in child.cmdline()]
    for number in range(1, 101):
        desk.ask(session, [ECHO, number])
        if number == 50:
            client.kill()
    desk.until(lambda: len(desk.said[session]) >= 101)
    assert [message[1] for message in desk.said[session]] == list(range(101))
    assert sum(news.what == UP for news in desk.news if news.session == session) == 1
    desk.workers.stop(session)
    desk.fate(session)


def test_a_later_engine_is_given_what_was_not_acknowledged_and_the_earlier_one_is_not_heard(
    make_desk: Callable[..., Desk],
) -> None:
    first = make_desk()
    session = first.start()
    first.answer(session, ECHO, 0)
    first.workers.receive()
    time.sleep(0.5)  # the acknowledgement travels alone
    first.ask(session, [ECHO, 1])
    unread = [session in first.workers._unread]
    wait_until(lambda: session in first.workers._unread)  # it came, and nobody took it
    second = make_desk()
    assert not unread[0] and second.left() == [session]
    second.workers.attach(session)
    second.until(lambda: second.said.get(session))
    assert second.answer(session, ECHO, 2) == [ECHO, 2]
    assert second.said[session] == [[ECHO, 1], [ECHO, 2]]
    assert first.fate(session).reason == "evicted" and "another engine" in first.fate(session).detail


def test_one_that_hears_of_no_engine_ends(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(lease_s=3.0)
    session = desk.start()
    _, pid, child = desk.answer(session, SPAWN)
    desk.ask(session, [HANG])  # it does not look at its lease itself
    desk.workers.close()
    assert is_alive(pid)
    wait_until(lambda: not is_alive(pid) and not is_alive(child), 20)


def test_who_has_another_key_is_not_heard(make_desk: Callable[..., Desk]) -> None:
    first = make_desk()
    session = first.start()
    first.answer(session, ECHO, 0)
    forger = make_desk(key=bytes(32).hex())
    assert forger.left() == [session]
    fate = forger.fate(session)
    assert fate.reason == "died" and "not signed" in fate.detail and not forger.said
    assert first.answer(session, ECHO, 1) == [ECHO, 1]


def test_no_room_is_waited_for_and_what_is_never_met_is_refused(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(resources=(("licence", 1.0),), pending_timeout_s=8.0)
    holder = desk.start()
    desk.until(lambda: any(news.what == UP for news in desk.news))
    waiting, large = desk.start(), desk.start(4000.0)
    desk.until(lambda: desk.pending(waiting, "licence free at present"))
    desk.until(lambda: desk.pending(large, "no node of the cluster has 4000 CPU; the most that one has is"))
    desk.workers.stop(holder)
    desk.until(lambda: any(news == News(waiting, UP) for news in desk.news))
    fate = desk.fate(large)
    assert fate.reason == "refused" and "no node of the cluster has 4000 CPU" in fate.detail


@pytest.mark.parametrize("runtime_env", [{"working_dir": "/nowhere/at/all"}, {"conda": "/nowhere"}])
def test_a_runtime_environment_that_cannot_be_is_refused(
    make_desk: Callable[..., Desk], runtime_env: dict[str, str]
) -> None:
    desk = make_desk(runtime_env=json.dumps(runtime_env), pending_timeout_s=30.0)
    fate = desk.fate(desk.start())
    assert fate.reason == "refused" and "/nowhere" in fate.detail


def test_who_lacks_the_token_is_refused(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    desk = make_desk()
    fate = desk.fate(desk.start())
    assert fate.reason == "refused" and "RAY_AUTH_TOKEN" in fate.detail


class OwnCluster:
    """A head at a fixed port and further nodes, each of which can be killed."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._processes: list[subprocess.Popen[bytes]] = []
        (folder / "token").write_text("ab" * 32)
        self.address = f"127.0.0.1:{port}"
        self.variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token")}

    def start_head(self) -> subprocess.Popen[bytes]:
        words = [
            "--head",
            f"--port={self._port}",
            f"--temp-dir={self._folder / 'r'}",
            "--include-dashboard=false",
            "--no-monitor",
        ]
        return self._start(*words, "--num-cpus=1", '--resources={"first": 4}')

    def start_node(self) -> subprocess.Popen[bytes]:
        return self._start(f"--address={self.address}", "--num-cpus=4", '--resources={"second": 4}')

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """With all its processes, at once."""
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                self.kill(process)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        made = subprocess.Popen(
            [sys.executable, "-P", "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats",
             "--object-store-memory=80000000", "--min-worker-port=0", "--max-worker-port=0",
             "--dashboard-agent-listen-port=0", "--include-log-monitor=false", *words],
            env={**bare_variables(), **self.variables}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._processes.append(made)
        return made


@pytest.fixture
def own_cluster(monkeypatch: pytest.MonkeyPatch, address: str) -> Iterator[OwnCluster]:
    import shutil
    import socket
    import tempfile

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pr", dir="/tmp"))
    cluster = OwnCluster(folder, port)
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", raising=False)
    yield cluster
    cluster.close()
    shutil.rmtree(folder)


def test_lost_nodes_and_a_ray_that_begins_anew(own_cluster: OwnCluster, make_desk: Callable[..., Desk]) -> None:
    head = own_cluster.start_head()
    far = make_desk("far", address=own_cluster.address, resources=(("second", 1.0),))
    there = far.start()
    far.until(
        lambda: far.pending(there, "Failed to connect") or far.pending(there, "no node of the cluster has 1 second")
    )
    node = own_cluster.start_node()
    _, pid, child = far.answer(there, SPAWN)
    own_cluster.kill(node)
    assert far.fate(there).reason == "evicted"
    wait_until(lambda: not is_alive(pid) and not is_alive(child))
    near = make_desk("near", address=own_cluster.address, resources=(("first", 1.0),))
    here = near.start()
    assert near.answer(here, ECHO, 1) == [ECHO, 1]
    own_cluster.kill(head)
    near.until(lambda: near.workers.trouble)
    head = own_cluster.start_head()
    assert near.fate(here).reason == "evicted"
    again = near.start()
    assert near.answer(again, ECHO, 2) == [ECHO, 2]


def test_a_local_ray_is_started_on_demand_and_ends_with_its_last_worker(make_desk: Callable[..., Desk]) -> None:
    origin = f"tests-{session_name()}"
    local = LocalRay(local_folder(origin))
    desk = make_desk(origin, address="")
    assert desk.left() == [] and not local.address()
    session = desk.start()
    variables = desk.answer(session, ABOUT)[4]
    assert variables["RAY_USAGE_STATS_ENABLED"] == "0" and variables["RAY_AUTH_MODE"] == "token"
    assert (local.folder.stat().st_mode & 0o777, (local.folder / "token").stat().st_mode & 0o777) == (0o700, 0o600)
    of_ours = [process for process in psutil.process_iter() if is_of(process, local.folder)]
    listening = {
        connection.laddr.ip for process in of_ours for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }  # fmt: skip
    assert len(of_ours) > 3 and {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    keeper = int((local.folder / "pid").read_text())
    os.kill(keeper, signal.SIGKILL)
    fate = desk.fate(session)
    assert fate.reason == "evicted"
    again = desk.start()
    assert desk.answer(again, ECHO, 1) == [ECHO, 1]
    desk.workers.stop(again)
    desk.fate(again)
    desk.workers.close()
    assert not local.folder.exists()
    until = time.monotonic() + 30  # what ends last has yet to leave
    while left := [process for process in psutil.process_iter() if is_of(process, local.folder)]:
        assert time.monotonic() < until, left
        time.sleep(0.1)


def is_of(process: psutil.Process, folder: Path) -> bool:
    """Whether a process that has not ended belongs to the Ray in the folder."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
            return False
        return f"{folder}/token" == process.environ().get("RAY_AUTH_TOKEN_PATH")
    except psutil.Error:
        return False


def test_a_survey_that_cannot_be_made_says_why(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(address="127.0.0.1:9")
    said = ""

    def ask() -> bool:
        nonlocal said
        try:
            assert desk.workers.survey() is None
        except RayUnavailableError as refused:
            said = str(refused)
        return "Ray cannot be asked" in said and "Failed to connect" in said

    wait_until(ask)
