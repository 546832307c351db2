"""What engines and agents say to each other through a mailbox, in a folder and behind a URL."""

from __future__ import annotations

import hmac
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.objects import open_objects
from partita.errors import ProtocolError, ValueStoreError
from partita.executors.remote.mailbox import Mailbox, Pace, object_name
from partita.protocol.objects import Objects
from partita.protocol.remote import open_batch, seal_batch
from partita.worker.agent.mailbox import MailboxPost
from tests.waiting import wait_until

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32
SESSION = "a" * 16


class Cut:
    """Objects behind a network that can be cut."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.is_cut = False

    def create(self, name: str, data: bytes) -> bool:
        self._pass()
        return self._objects.create(name, data)

    def put(self, name: str, data: bytes) -> None:
        self._pass()
        self._objects.put(name, data)

    def get(self, name: str) -> bytes | None:
        self._pass()
        return self._objects.get(name)

    def names(self, folder: str) -> list[str]:
        self._pass()
        return self._objects.names(folder)

    def remove(self, names: Sequence[str]) -> None:
        self._pass()
        self._objects.remove(names)

    def _pass(self) -> None:
        if self.is_cut:
            raise ValueStoreError("the network is cut")


class Stuck(Cut):
    """Objects of which messages cannot be had for a while: what asks for them waits."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.is_free = threading.Event()

    def get(self, name: str) -> bytes | None:
        self._wait(name)
        return super().get(name)

    def names(self, folder: str) -> list[str]:
        self._wait(folder)
        return super().names(folder)

    def _wait(self, name: str) -> None:
        if name.startswith(("said", "orders")):
            assert self.is_free.wait(60)


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return open_objects(f"memory://mailbox-{os.urandom(4).hex()}")
    return open_objects(os.fspath(tmp_path))


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Any]]:
    posts: list[Any] = []

    def keep(post: Any) -> Any:
        posts.append(post)
        return post

    yield keep
    for post in posts:
        post.close()


@pytest.fixture
def engine(opened: Any) -> Callable[..., Mailbox]:
    return lambda objects, key=KEY, lease_s=30.0: opened(Mailbox(objects, key, lease_s=lease_s, pace=Pace(0.002, 0.05)))


@pytest.fixture
def agent(opened: Any) -> Callable[..., MailboxPost]:
    return lambda objects, key=KEY, session=SESSION, lease_s=30.0: opened(
        MailboxPost(objects, session, key, lease_s=lease_s, pace=Pace(0.002, 0.05))
    )


def heard(post: Any, count: int, session: str = SESSION) -> list[Any]:
    """The next messages, waited for at the post's own file descriptors."""
    found: list[Any] = []
    until = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < until, found
        select.select(post.filenos(), [], [], 0.5)
        for item in post.receive():
            found += (item[1] if item[0] == session else []) if isinstance(item, tuple) else [item]
    return found


def test_what_is_said_arrives_once_and_in_order(objects: Objects, engine: Any, agent: Any) -> None:
    ours, theirs = engine(objects), agent(objects)
    ours.open(SESSION)
    for number in range(100):
        ours.send(SESSION, [[number, "to"]])
        theirs.send([[number, "from"]])
    assert heard(theirs, 100) == [[number, "to"] for number in range(100)]
    assert heard(ours, 100) == [[number, "from"] for number in range(100)]
    time.sleep(0.1)
    assert theirs.receive() == [] and ours.receive() == []


def test_a_later_engine_is_told_what_nobody_acknowledged(objects: Objects, engine: Any, agent: Any) -> None:
    first, theirs = engine(objects), agent(objects)
    first.open(SESSION)
    first.send(SESSION, [["one"]])
    theirs.send([["a"]], is_durable=True)
    assert heard(first, 1) == [["a"]]
    first.receive()  # what was given before is acknowledged
    theirs.send([["b"]], is_durable=True)
    assert heard(first, 1) == [["b"]]  # and is not acknowledged any more
    wait_until(lambda: object_name("said", SESSION, 0) not in objects.names("said"))
    second = engine(objects)
    second.attach(SESSION)
    second.send(SESSION, [["two"]])
    theirs.send([["c"]])
    assert heard(second, 2) == [["b"], ["c"]]
    assert heard(theirs, 2) == [["one"], ["two"]]


def test_an_engine_whose_numbers_another_one_takes_falls_silent(objects: Objects, engine: Any, agent: Any) -> None:
    first, second, theirs = engine(objects), engine(objects), agent(objects)
    first.open(SESSION)
    first.send(SESSION, [["one"]])
    assert heard(theirs, 1) == [["one"]]
    second.attach(SESSION)
    second.send(SESSION, [["two"]])
    assert heard(theirs, 1) == [["two"]]
    first.send(SESSION, [["late"]])
    time.sleep(0.3)
    assert theirs.receive() == []


def test_who_lacks_the_key_is_not_heard(objects: Objects, engine: Any, agent: Any) -> None:
    """Neither with a key of its own, nor with what somebody else has signed for another place."""
    ours, theirs = engine(objects), agent(objects)
    ours.open(SESSION)
    objects.create(
        object_name("said", SESSION, 0), seal_batch(OTHER_KEY, object_name("said", SESSION, 0), [["forged"]])
    )
    objects.create(object_name("orders", SESSION, 0), seal_batch(OTHER_KEY, object_name("orders", SESSION, 0), [["x"]]))
    elsewhere = object_name("said", "b" * 16, 1)
    objects.create(object_name("said", SESSION, 1), seal_batch(KEY, elsewhere, [["replayed"]]))
    time.sleep(0.3)
    assert ours.receive() == [] and theirs.receive() == []


def test_a_second_agent_of_a_session_does_nothing(objects: Objects, engine: Any, agent: Any) -> None:
    first = agent(objects)
    first.send([["first"]], is_durable=True)
    second = agent(objects)
    second.send([["second"]], is_durable=True)
    assert second.is_orphaned() and not first.is_orphaned()
    ours = engine(objects)
    ours.open(SESSION)
    assert heard(ours, 1) == [["first"]]


def test_an_agent_that_hears_of_no_engine_is_orphaned(objects: Objects, engine: Any, agent: Any) -> None:
    ours = engine(objects, lease_s=2.0)
    theirs = agent(objects, lease_s=2.0)
    time.sleep(3.0)
    assert not theirs.is_orphaned()
    ours.close()
    wait_until(theirs.is_orphaned)


def test_a_cut_network_loses_nothing(objects: Objects, engine: Any, agent: Any) -> None:
    near, far = Cut(objects), Cut(objects)
    ours, theirs = engine(near), agent(far)
    ours.open(SESSION)
    ours.send(SESSION, [["before"]])
    assert heard(theirs, 1) == [["before"]]
    near.is_cut = far.is_cut = True
    ours.send(SESSION, [["meanwhile"]])
    theirs.send([["as well"]])
    wait_until(lambda: "cut" in ours.trouble)
    near.is_cut = far.is_cut = False
    assert heard(theirs, 1) == [["meanwhile"]] and heard(ours, 1) == [["as well"]]
    wait_until(lambda: not ours.trouble)


@pytest.mark.parametrize("side", ["engine", "agent"])
def test_a_look_that_hangs_makes_no_orphans(objects: Objects, engine: Any, agent: Any, side: str) -> None:
    """The store hangs at one request for longer than the lease, and answers others."""
    stuck = Stuck(objects)
    ours = engine(stuck if side == "engine" else objects, lease_s=2.0)
    theirs = agent(stuck if side == "agent" else objects, lease_s=2.0)
    try:
        ours.open(SESSION)
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            assert not theirs.is_orphaned()
            time.sleep(0.02)
    finally:
        stuck.is_free.set()
    ours.send(SESSION, [["after"]])
    assert heard(theirs, 1) == [["after"]]


def test_a_store_that_does_not_answer_is_a_trouble(
    objects: Objects, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else workers count as silent that only cannot be heard."""
    monkeypatch.setattr("partita.executors.remote.mailbox._SLOW_S", 0.05)
    stuck = Stuck(objects)
    ours = engine(stuck)
    try:
        ours.open(SESSION)
        wait_until(lambda: "has not answered" in ours.trouble)
    finally:
        stuck.is_free.set()
    wait_until(lambda: not ours.trouble)


def test_nothing_is_left_of_a_session_that_is_released(objects: Objects, engine: Any, agent: Any) -> None:
    ours, theirs = engine(objects), agent(objects)
    ours.open(SESSION)
    ours.send(SESSION, [["one"]])
    theirs.send([["a"]], is_durable=True)
    assert heard(ours, 1) == [["a"]] and heard(theirs, 1) == [["one"]]
    theirs.send([["last"]], is_durable=True)
    assert ours.drain(SESSION) == [["last"]]
    theirs.close()
    ours.release(SESSION)
    wait_until(lambda: not objects.names("said") and not objects.names("orders"))


def test_what_is_left_of_workers_that_are_gone_is_removed(objects: Objects, engine: Any, agent: Any) -> None:
    gone, theirs = agent(objects, session="b" * 16), agent(objects)
    for post in (gone, theirs):
        post.send([["said"]], is_durable=True)
    ours = engine(objects)
    ours.keep_only([SESSION])
    wait_until(lambda: objects.names("said") == [object_name("said", SESSION, 0)])
    ours.attach(SESSION)
    assert heard(ours, 1) == [["said"]]


def test_of_two_that_create_an_object_one_does(objects: Objects) -> None:
    assert objects.create("said/x-0", b"one") and not objects.create("said/x-0", b"two")
    assert objects.get("said/x-0") == b"one" and objects.get("said/x-1") is None
    objects.put("said/x-0", b"three")
    assert objects.get("said/x-0") == b"three" and objects.names("said") == ["said/x-0"]
    objects.remove(["said/x-0", "said/x-9"])
    assert objects.names("said") == [] and objects.names("nowhere") == []


def test_what_is_given_when_an_engine_ends_is_given_to_the_next(objects: Objects, engine: Any, agent: Any) -> None:
    """The first may have failed before it had stored what that means."""
    first, theirs = engine(objects), agent(objects)
    first.open(SESSION)
    theirs.send([["outcome"]], is_durable=True)
    assert heard(first, 1) == [["outcome"]]
    first.close()
    second = engine(objects)
    second.attach(SESSION)
    assert heard(second, 1) == [["outcome"]]


def test_a_later_engine_hears_on_where_an_earlier_one_was_about_to_acknowledge(
    objects: Objects, engine: Any, agent: Any
) -> None:
    theirs = agent(objects)
    for number in range(3):
        theirs.send([[number]], is_durable=True)
    objects.remove([object_name("said", SESSION, 1)])  # of several that it removed, one was gone when it was killed
    second = engine(objects)
    second.attach(SESSION)
    assert heard(second, 2) == [[0], [2]]


@pytest.mark.parametrize("packed", [b"\x91\x92\x01\x81\x91\x01\x02", b"\xc1", b"", b"\x91\x91\xa1\xff"])
def test_what_cannot_be_read_is_passed_over(objects: Objects, engine: Any, packed: bytes) -> None:
    def sealed(name: str) -> bytes:
        return hmac.digest(KEY, name.encode() + b"\0" + packed, sha256) + packed

    name = object_name("said", SESSION, 0)
    with pytest.raises(ProtocolError):
        open_batch(KEY, name, sealed(name))
    ours = engine(objects)
    ours.open(SESSION)
    objects.create(name, sealed(name))
    after = object_name("said", SESSION, 1)
    objects.create(after, seal_batch(KEY, after, [["after"]]))
    assert heard(ours, 1) == [["after"]]


def test_engines_of_other_keys_renew_other_leases(objects: Objects, engine: Any, agent: Any) -> None:
    """Two workspaces whose artifacts lie in the same place."""
    ours, others = engine(objects, lease_s=0.4), engine(objects, OTHER_KEY, lease_s=0.04)
    theirs = agent(objects, lease_s=0.4)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert not theirs.is_orphaned()
        time.sleep(0.02)
    others.close()
    ours.close()


def test_nothing_half_written_stays_in_a_folder(tmp_path: Path) -> None:
    import resource
    import signal

    kept = open_objects(os.fspath(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(ValueStoreError):
            kept.put("said/x-0", bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not os.listdir(tmp_path / "said")


def test_who_begins_to_talk_is_heard_at_once(objects: Objects, engine: Any, agent: Any) -> None:
    """Also while the first look at an empty mailbox has not ended."""
    theirs = agent(objects)
    theirs.send([["here"]], is_durable=True)

    class Slow(Cut):
        def put(self, name: str, data: bytes) -> None:
            time.sleep(0.2)
            super().put(name, data)

    ours = engine(Slow(objects), lease_s=1000.0)
    time.sleep(0.1)
    ours.attach(SESSION)
    assert heard(ours, 1) == [["here"]]
