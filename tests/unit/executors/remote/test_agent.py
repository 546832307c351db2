"""An agent in this process, to which the test speaks as an engine does."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.code.archive import put_archive
from partita.artifacts.code.bundles import bundle_hash
from partita.artifacts.objects import open_objects
from partita.artifacts.signing import worker_secret
from partita.core.records import Profile
from partita.executors.port import CLOSED, LOST, RETURNED, Launchable
from partita.executors.remote.mailbox import Mailbox, Pace
from partita.protocol.messages import DONE, ORDER, PROFILE, STOP
from partita.protocol.remote import LANE
from partita.values import pack
from partita.worker.agent.checkpoints import Checkpoints
from partita.worker.agent.mailbox import MailboxPost
from partita.worker.agent.serving import serve

SESSION = "s" * 16
SOURCE = """
import os, signal
from partita import context

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def nothing():
    pass
"""


class Line:
    """The engine's end."""

    def __init__(self, folder: Path) -> None:
        self.mailbox = os.fspath(folder / "artifacts" / "executors" / "tests")
        self.post = Mailbox(open_objects(self.mailbox), bytes(32), lease_s=30.0, pace=Pace(0.002, 0.02))
        self.post.open(SESSION)
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        (self.bundle / "agent_tasks.py").write_text(SOURCE)
        (folder / "workspace").mkdir()
        arguments = ["--session", SESSION, "--mailbox", self.mailbox, "--artifacts", os.fspath(folder / "artifacts")]
        arguments += ["--lease-s", "30", "--idle-s", "60", "--project", os.fspath(folder)]
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
        return self.until(lambda message: message[0] in (DONE, LOST, RETURNED) and message[1] == name)

    def close(self) -> None:
        self.post.send(SESSION, [[STOP]])
        self.thread.join(20)
        self.post.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
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

    here.begin("run", 7, 1)
    folder("here").mkdir(parents=True)
    (folder("here") / "count").write_text("1")
    here.end("run", 7, has_value=False)
    here.begin("run", 7, 2)  # is given back, since the process beside was lost before it read the order
    there.begin("run", 7, 2)
    (folder("there") / "count").write_text("20")
    there.end("run", 7, has_value=False)
    here.begin("run", 7, 3)
    assert (folder("here") / "count").read_text() == "20"
