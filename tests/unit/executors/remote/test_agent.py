"""An agent in this process, to which the test speaks as an engine does."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.code.archive import put_archive
from partita.artifacts.code.bundles import bundle_hash
from partita.artifacts.objects import FolderObjects, open_objects
from partita.artifacts.signing import worker_secret
from partita.core.records import Profile
from partita.executors.port import CLOSED, LOST, RETURNED, Launchable
from partita.executors.remote.mailbox import Mailbox, Pace
from partita.protocol.messages import DONE, FAILED, ORDER, PROFILE, STOP
from partita.protocol.packets import CANCEL
from partita.protocol.remote import ALIVE, BEGUN, LANE, SEGMENT
from partita.values import pack
from partita.worker.agent.checkpoints import Checkpoints
from partita.worker.agent.mailbox import MailboxPost
from partita.worker.agent.printed import Printed
from partita.worker.agent.serving import serve

SESSION = "s" * 16
SOURCE = """
import os, signal
from partita import context

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def nothing():
    pass

def leave():
    (context().checkpoint / "weights").write_bytes(b"so far")
    raise ValueError("out of luck")

def found():
    return (context().checkpoint / "weights").read_bytes().decode()

def chatter():
    print("x" * 300_000)
"""


def done(future: Future[None] | None) -> None:
    if future is not None:
        future.result(60)


class Slow(FolderObjects):
    """Large objects take their time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.may_put, self.may_get = threading.Event(), threading.Event()

    def put_file(self, name: str, file: Path) -> None:
        assert self.may_put.wait(60)
        super().put_file(name, file)

    def get_file(self, name: str, file: Path) -> bool:
        assert self.may_get.wait(60)
        return super().get_file(name, file)


class Line:
    """The engine's end."""

    def __init__(self, folder: Path, *, lease_s: float) -> None:
        self.mailbox = os.fspath(folder / "artifacts" / "executors" / "tests")
        self.post = Mailbox(open_objects(self.mailbox), bytes(32), lease_s=30.0, pace=Pace(0.002, 0.02))
        self.post.open(SESSION)
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        (self.bundle / "agent_tasks.py").write_text(SOURCE)
        (folder / "workspace").mkdir()
        arguments = ["--session", SESSION, "--mailbox", self.mailbox, "--artifacts", os.fspath(folder / "artifacts")]
        arguments += ["--lease-s", f"{lease_s}", "--idle-s", "60", "--project", os.fspath(folder)]
        secrets = {"PARTITA_VALUES_KEY": worker_secret(folder / "workspace", "tests", ["tests"])}
        theirs = MailboxPost(open_objects(self.mailbox), SESSION, bytes(32), lease_s=30.0, pace=Pace(0.002, 0.02))
        self.thread = threading.Thread(target=serve, args=(theirs, arguments, secrets))
        self.thread.start()
        self.heard: list[list[Any]] = []

    def introduce(self, number: int, function: str, bundle: str = "") -> None:
        place = bundle or os.fspath(self.bundle)
        launchable = Launchable(Profile(f"agent_tasks:{function}", function), place, place, "")
        self.post.send(SESSION, [[PROFILE, number, launchable.fields()]])

    def order(self, profile: int, name: str) -> None:
        run, step, attempt = name.split(":")
        order = [ORDER, name, profile, run, int(step), int(attempt), "step", pack([[], [], []]), None, None]
        self.post.send(SESSION, [order])

    def lane(self, bundle: str = "") -> None:
        self.post.send(SESSION, [[LANE, bundle or os.fspath(self.bundle), 1.0, 0, 0.0]])

    def until(self, wanted: Callable[[list[Any]], bool]) -> list[Any]:
        """The first message that is wanted."""
        end = time.monotonic() + 20
        while not (found := [message for message in self.heard if wanted(message)]):
            assert time.monotonic() < end, self.heard
            select.select(self.post.filenos(), [], [], 0.5)
            for _, messages in self.post.receive():
                self.heard += messages
        return found[0]

    def end_of(self, name: str) -> list[Any]:
        return self.until(lambda message: message[0] in (DONE, FAILED, LOST, RETURNED) and message[1] == name)

    def close(self) -> None:
        self.post.send(SESSION, [[STOP]])
        self.thread.join(20)
        self.post.close()


@pytest.fixture
def line(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    if "slow" in request.fixturenames:
        request.getfixturevalue("slow")
    made = Line(tmp_path, lease_s=1.5 if "slow" in request.fixturenames else 30.0)
    yield made
    made.close()


def test_orders_that_come_after_the_end_of_their_lane_are_returned(line: Line) -> None:
    line.lane()
    line.introduce(1, "die")
    line.introduce(2, "nothing")
    line.order(1, "run:1:1")
    assert line.end_of("run:1:1")[:3] == [LOST, "run:1:1", "died"]
    line.until(lambda message: message[0] == CLOSED)
    line.order(2, "run:2:1")
    assert line.end_of("run:2:1") == [RETURNED, "run:2:1"]
    line.lane()
    line.order(2, "run:3:1")
    assert line.end_of("run:3:1")[0] == DONE


def test_code_that_could_not_be_fetched_is_fetched_for_the_next_order(line: Line, tmp_path: Path) -> None:
    code = bundle_hash({"agent_tasks.py": SOURCE.encode()})
    line.lane(f"/elsewhere/{code}")
    line.introduce(1, "nothing", f"/elsewhere/{code}")
    line.order(1, "run:1:1")
    lost = line.end_of("run:1:1")
    assert lost[0] == LOST and "the code is not there" in lost[3]
    put_archive(os.fspath(tmp_path / "artifacts"), code, line.bundle)
    line.order(1, "run:1:2")
    line.until(lambda message: message[0] in (DONE, LOST) and message[1] == "run:1:2")
    assert line.end_of("run:1:2")[0] == DONE


def test_a_checkpoint_is_that_of_the_last_attempt_wherever_that_was(tmp_path: Path) -> None:
    objects = open_objects(os.fspath(tmp_path / "kept"))
    here, there = Checkpoints(objects, tmp_path / "here"), Checkpoints(objects, tmp_path / "there")

    def folder(name: str) -> Path:
        return tmp_path / name / "run" / "7"

    done(here.begin("run", 7, 1))
    folder("here").mkdir(parents=True)
    (folder("here") / "count").write_text("1")
    done(here.end("run", 7, has_value=False))
    done(here.begin("run", 7, 2))  # is given back, since the process beside was lost before it read the order
    done(there.begin("run", 7, 2))
    (folder("there") / "count").write_text("20")
    done(there.end("run", 7, has_value=False))
    done(here.begin("run", 7, 3))
    assert (folder("here") / "count").read_text() == "20"


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow(tmp_path / "artifacts" / "executors" / "tests")
    monkeypatch.setattr("partita.worker.agent.serving.open_objects", lambda place: made)
    return made


def test_the_engine_hears_of_a_failure_when_the_checkpoint_is_kept_and_of_the_agent_meanwhile(
    slow: Slow, line: Line
) -> None:
    line.lane()
    line.introduce(1, "leave")
    line.introduce(2, "found")
    line.order(1, "run:1:1")
    line.until(lambda message: message[0] == BEGUN)
    line.until(lambda message: message[0] == ALIVE)  # much later than the failure
    assert not [message for message in line.heard if message[0] == FAILED]
    slow.may_put.set()
    assert line.end_of("run:1:1")[0] == FAILED
    line.order(2, "run:1:2")
    line.until(lambda message: message[0] == BEGUN and message[1] == ["run:1:2"])
    line.heard.clear()
    line.until(lambda message: message[0] == ALIVE)
    assert {message[0] for message in line.heard} == {ALIVE}
    slow.may_get.set()
    end = line.end_of("run:1:2")
    assert end[0] == DONE and b"so far" in end[2]
    assert slow.get("checkpoints/run/1.tar") is None


def test_an_attempt_that_waits_for_its_checkpoint_can_be_cancelled(slow: Slow, line: Line) -> None:
    slow.may_put.set()
    line.lane()
    line.introduce(1, "found")
    line.order(1, "run:1:2")
    line.until(lambda message: message[0] == BEGUN)
    line.post.send(SESSION, [[CANCEL, "run:1:2", "cancelled", 5.0]])
    assert line.end_of("run:1:2") == [RETURNED, "run:1:2"]
    slow.may_get.set()
    line.introduce(2, "nothing")
    line.order(2, "run:2:1")
    assert line.end_of("run:2:1")[0] == DONE


def test_what_was_printed_and_sent_takes_no_room(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    before = Printed.ended

    def ended(self: Printed, ticket: str, run: str, log: list[Any] | None) -> Any:
        folders.append(self._folder)
        return before(self, ticket, run, log)

    monkeypatch.setattr(Printed, "ended", ended)
    line.lane()
    line.introduce(1, "chatter")
    for step in range(1, 4):
        line.order(1, f"run:{step}:1")
        assert line.end_of(f"run:{step}:1")[0] == DONE
    printed = [message for message in line.heard if message[0] == SEGMENT]
    assert sum(len(message[4]) for message in printed) == 3 * 300_001
    files = list(Path(folders[0]).rglob("*.log"))
    assert sum(path.stat().st_blocks for path in files) * 512 < 100_000
