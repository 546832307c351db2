"""What an earlier engine has left, while the launcher does not know yet, and when it does."""

from __future__ import annotations

import threading

import pytest

from partita.core.records import Demand
from partita.errors import ContainerError
from partita.executors.port import LOST
from partita.executors.remote import remains
from partita.executors.remote.executor import RemoteExecutor
from partita.protocol.messages import DONE
from partita.protocol.remote import ATTACH, HELD
from tests.unit.executors.remote.stage import Hand, Stage, done


def leave(stage: Stage, *, is_idempotent: bool = True) -> tuple[str, int, str]:
    """An attempt that goes on without its engine: (session, ticket, name)."""
    lane = stage.desk.lane()
    session = stage.agent(lane)
    ticket, name = stage.order(lane, is_idempotent=is_idempotent)
    stage.desk.settle()
    first = stage.desk.executor
    first._post.close()  # type: ignore[attr-defined]
    first._is_closed = True  # type: ignore[attr-defined]
    return session, ticket, name


def follow(stage: Stage, left: list[str] | ContainerError | None) -> tuple[RemoteExecutor, Hand]:
    """The next engine's executor, whose launcher knows this of what is left."""
    hand = Hand()
    hand.left = left
    stage.desk.executor = later = stage.executor(hand)
    return later, hand


def test_what_goes_on_is_heard_before_anybody_knows_what_is_left(stage: Stage) -> None:
    session, _, name = leave(stage)
    later, hand = follow(stage, None)
    assert later.attach(session, 1000, name, True, Demand()) is not None
    stage.hears(session, ATTACH)
    stage.say(session, [HELD, [name]], done(name))
    assert stage.desk.end_of(1000)[0] == DONE
    hand.find(session)
    stage.desk.settle()
    assert not hand.stopped


def test_what_is_not_there_any_more_is_lost_but_for_what_it_has_said(stage: Stage) -> None:
    lane = stage.desk.lane()
    session = stage.agent(lane)
    first, second = stage.order(lane), stage.order(lane)
    stage.desk.settle()
    stage.desk.executor._post.close()  # type: ignore[attr-defined]
    stage.desk.executor._is_closed = True  # type: ignore[attr-defined]
    stage.say(session, done(first[1]))
    later, hand = follow(stage, None)
    for ticket, name in (first, second):
        assert later.attach(session, 1000 + ticket, name, True, Demand()) is not None
    hand.find()
    assert stage.desk.end_of(1000 + first[0])[0] == DONE
    assert stage.desk.end_of(1000 + second[0])[:3] == [LOST, 1000 + second[0], "evicted"]


def test_what_nobody_needs_is_ended_as_soon_as_it_is_found(stage: Stage) -> None:
    session, _, _ = leave(stage)
    _, hand = follow(stage, None)
    stage.desk.settle()
    assert not hand.stopped
    hand.find(session, "anotherofthesame")
    stage.desk.until(lambda: set(hand.stopped) == {session, "anotherofthesame"})


def test_who_was_to_end_before_it_was_found_is_told_again(stage: Stage) -> None:
    session, _, name = leave(stage, is_idempotent=False)
    later, hand = follow(stage, None)
    assert later.attach(session, 1000, name, False, Demand()) is not None
    later.cancel(1000, "cancelled", -5.0)
    stage.desk.until(lambda: hand.stopped == [session])  # which says nothing to a launcher that does not know it
    hand.find(session)
    stage.desk.until(lambda: hand.stopped == [session, session])
    hand.tell(session, "ended")
    assert stage.desk.end_of(1000)[:3] == [LOST, 1000, "cancelled"]


def test_an_engine_that_ends_at_once_leaves_no_worker_without_work(stage: Stage) -> None:
    """What it attached to has ended, and the launcher learns only then that there is such a worker."""
    session, _, name = leave(stage)
    later, hand = follow(stage, None)
    assert later.attach(session, 1000, name, True, Demand()) is not None
    stage.hears(session, ATTACH)
    stage.say(session, [HELD, [name]], done(name))
    assert stage.desk.end_of(1000)[0] == DONE
    ended: list[str] = []

    def stop(session: str, grace_s: float = 0.0) -> None:
        if session in (hand.left or ()):  # else it says nothing to the launcher
            ended.append(session)
            hand.tell(session, "ended")

    hand.stop = stop  # type: ignore[method-assign]
    finding = threading.Timer(0.3, hand.find, (session,))
    finding.start()
    later.leave()
    finding.join()
    assert ended == [session]


def test_it_is_asked_again_when_nobody_knew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "_PAUSE_S", 0.0)
    session, _, _ = leave(stage)
    _, hand = follow(stage, ContainerError("Docker does not answer"))
    stage.desk.settle()
    assert not hand.stopped
    hand.left = [session]  # and nothing is said of it: the executor looks by itself
    stage.desk.until(lambda: hand.stopped == [session])
