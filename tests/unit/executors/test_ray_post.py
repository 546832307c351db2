"""The post in a Ray actor, the frames to Ray's process, and Ray's words, without Ray."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import ProtocolError
from partita.executors.ray.agent_post import RayAgentPost, attach_place, from_place, to_place
from partita.executors.ray.fates import fate_of, room_for, wanted_resources
from partita.executors.ray.frames import FrameReader, pack_frame
from partita.protocol.remote import open_batch, seal_batch

KEY = bytes(range(32))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def post(clock: Clock) -> Iterator[RayAgentPost]:
    yield RayAgentPost("session", KEY, 10.0, clock)


def attach(post: RayAgentPost, speaker: str, key: bytes = KEY) -> int:
    return post.attach(speaker, seal_batch(key, attach_place("session", speaker), []))


def letter(number: int, *messages: list[object], speaker: str = "me", key: bytes = KEY) -> tuple[int, bytes]:
    return number, seal_batch(key, to_place("session", speaker, number), messages)


def said(post: RayAgentPost, speaker: str = "me", given: int = 0, acknowledged: int = 0) -> list[object]:
    batches = post.answer(speaker, given, acknowledged)
    return [message for number, data in batches for message in open_batch(KEY, from_place("session", number), data)]


def test_a_batch_counts_once_and_never_before_the_one_ahead_of_it(post: RayAgentPost) -> None:
    attach(post, "me")
    assert post.deliver("me", [letter(2, ["b"])], 0) == 0
    assert post.deliver("me", [letter(1, ["a"]), letter(2, ["b"])], 0) == 2
    assert post.deliver("me", [letter(1, ["a"]), letter(2, ["b"]), letter(3, ["c"])], 0) == 3
    assert select.select(post.filenos(), [], [], 0)[0]
    assert post.receive() == [["a"], ["b"], ["c"]]
    assert not select.select(post.filenos(), [], [], 0)[0]


def test_what_is_not_signed_for_its_place_is_not_read(post: RayAgentPost) -> None:
    attach(post, "me")
    for number, data in (letter(1, ["x"], key=bytes(32)), (1, letter(2, ["x"])[1]), letter(1, ["x"], speaker="other")):
        with pytest.raises(ProtocolError, match="not signed"):
            post.deliver("me", [(number, data)], 0)
    with pytest.raises(ProtocolError, match="not signed"):
        attach(post, "forger", bytes(32))
    assert post.receive() == []


def test_what_is_said_is_kept_until_it_is_acknowledged_also_for_a_later_speaker(post: RayAgentPost) -> None:
    attach(post, "me")
    for number in range(1, 4):
        post.send([[number]])
    assert said(post, given=1) == [[2], [3]]
    assert said(post, acknowledged=1) == [[2], [3]]
    assert attach(post, "later") == 0
    assert said(post, "later") == [[2], [3]]
    assert post.deliver("later", [letter(1, ["a"], speaker="later")], 3) == 1
    assert said(post, "later") == []


def test_an_earlier_speaker_is_never_heard_again(post: RayAgentPost) -> None:
    attach(post, "me")
    assert attach(post, "me") == 0  # the same one, whose process began anew
    attach(post, "later")
    for do in (
        lambda: post.deliver("me", [letter(1, ["a"])], 0),
        lambda: post.answer("me", 0, 0),
        lambda: attach(post, "me"),
    ):
        with pytest.raises(ProtocolError, match="another engine"):
            do()
    assert post.receive() == []


def test_only_who_is_heard_keeps_the_lease(post: RayAgentPost, clock: Clock) -> None:
    attach(post, "me")
    clock.now += 9
    post.answer("me", 0, 0)
    clock.now += 9
    assert not post.is_orphaned()
    with pytest.raises(ProtocolError):
        post.answer("other", 0, 0)
    clock.now += 2
    assert post.is_orphaned()


def test_durable_means_that_the_other_side_has_it(post: RayAgentPost) -> None:
    attach(post, "me")
    done = threading.Event()

    def send() -> None:
        post.send([["begun"]], is_durable=True)
        done.set()

    thread = threading.Thread(target=send)
    thread.start()
    while not said(post):
        pass
    assert not done.is_set()  # it was given, and may be lost on its way
    post.answer("me", 1, 0)
    thread.join(10)
    assert done.is_set() and said(post) == [["begun"]]


@given(st.lists(st.lists(st.integers(0, 5) | st.binary(max_size=9)), max_size=5), st.integers(1, 7))
def test_frames_come_whole_however_they_are_cut(frames: list[list[object]], size: int) -> None:
    data = b"".join(map(pack_frame, frames))
    reader = FrameReader()
    found = [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])]
    assert found == frames


class ActorDiedError(Exception):
    def __init__(self, said: str, *, actor_init_failed: bool = False, preempted: bool = False) -> None:
        super().__init__(said)
        self.actor_init_failed, self.preempted = actor_init_failed, preempted


class RuntimeEnvSetupError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (ActorDiedError("Worker unexpectedly exits. Some common causes include: the OOM killer"), "died", "unexpectedly"),
        (ActorDiedError("Task was killed due to the node running low on memory."), "memory", "low on memory"),
        (ActorDiedError("The actor died because its node has died. Node Id: 1"), "evicted", "its node has died"),
        (ActorDiedError("x", preempted=True), "evicted", "x"),
        (ActorDiedError("it was killed by `ray.kill`"), "ended", "stopped"),
        (ActorDiedError("ModuleNotFoundError: No module named 'partita'", actor_init_failed=True), "refused", "install it there"),
        (RuntimeEnvSetupError("conda is not here"), "refused", "correct runtime_env"),
    ],
)  # fmt: skip
def test_deaths_are_told_apart(error: Exception, reason: str, words: str) -> None:
    found, detail = fate_of(error)
    assert found == reason and words in detail and "OOM" not in detail


def test_why_there_is_no_room_is_said_in_amounts() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0, "memory": 2.0**31}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    assert (
        room_for(wanted_resources(4, 0, 0, {}), nodes)
        == "no node of the cluster has 4 CPU; the most that one has is 2 CPU"
    )
    assert room_for(wanted_resources(1, 0, 0, {}), nodes) == "no node has 1 CPU free at present"
    assert "4096 MiB of memory; the most that one has is 2048 MiB" in room_for(wanted_resources(1, 2**32, 0, {}), nodes)
    assert room_for({"CPU": 1.0}, []) == "the cluster has no node"
    apart = [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": True, "Resources": {"GPU": 1.0}}]
    assert room_for({"CPU": 1.0, "GPU": 1.0}, apart) == "no node of the cluster has 1 CPU and 1 GPU together"
