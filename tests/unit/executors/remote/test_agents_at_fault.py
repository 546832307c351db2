"""Agents that are late, broken or taken over, played by the test through the agents' own end of a mailbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from partita.core.records import Demand
from partita.errors import ValueStoreError
from partita.executors.port import CLOSED, LOST, RETURNED, SILENT
from partita.protocol.messages import DONE, FAILED, ORDER, PROGRESS, REPORT, REQUEST
from partita.protocol.packets import CANCEL
from partita.protocol.remote import ATTACH, BEGUN, HELD, LANE, PRINTING, SEGMENT, TAKE_BACK, ticket_text
from tests.unit.executors.remote.stage import USAGE, Hand, Stage, done


def test_what_is_on_its_way_to_a_lane_that_ends_is_not_returned(stage: Stage) -> None:
    """The agent reads the order after it has said that its lane ended, and only it knows what becomes of that."""
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    ticket, name = stage.order(lane)
    stage.say(agent, [CLOSED])
    stage.desk.settle()
    assert not stage.desk.ends(ticket) and not stage.desk.closed(lane)
    stage.say(agent, [BEGUN, [name]], done(name))
    assert stage.desk.end_of(ticket)[0] == DONE
    stage.desk.until(lambda: stage.desk.closed(lane))


def test_an_agent_speaks_for_its_own_orders_only(stage: Stage) -> None:
    first, second = stage.desk.lane(), stage.desk.lane()
    mine, theirs = stage.agent(first), stage.agent(second)
    ticket, name = stage.order(first)
    own, own_name = stage.order(second)
    for message in (
        done(name),
        [RETURNED, name],
        [PROGRESS, name, 1, 2, ""],
        [REQUEST, name, 1, "wait", {}],
        [BEGUN, [name]],
    ):
        stage.say(theirs, message)
    stage.say(theirs, [PRINTING, name, f"{theirs}-1.log", 0], done(own_name))
    assert stage.desk.end_of(own)[0] == DONE
    assert not [message for message in stage.desk.messages if message[1] == ticket]
    assert stage.desk.executor.printing(ticket) is None
    stage.say(mine, done(name))
    assert stage.desk.end_of(ticket)[0] == DONE


@pytest.mark.parametrize(
    "message",
    [
        [DONE], ["?"], [[1]], [DONE, "NAME", b"\x90", None, None], [DONE, ["NAME"], b"\x90", USAGE, None],
        [DONE, "NAME", b"\x90", [1.0, float("nan"), 0.0, 0], None], [DONE, "NAME", "text", USAGE, None],
        [DONE, "NAME", b"\xc1", USAGE, None], [DONE, "NAME", b"\x07", USAGE, None],
        [DONE, "NAME", b"\x90", USAGE, ["../../key", 0, 32]], [DONE, "NAME", b"\x90", USAGE, ["other-1.log", 0, 32]],
        [FAILED, "NAME", "no map", USAGE, None], [FAILED, "NAME", {"type": "E", "message": "", "delay_s": "x"}, USAGE, None],
        [REPORT, "NAME", ["name"], 1.0, 0, 1.0], [REPORT, "NAME", "loss", "one", 0, 1.0], [REPORT, "NAME", "loss", 2**64 - 1, 0, 1.0],
        [REPORT, "NAME", "loss", 1.0, float("inf"), 1.0], [PROGRESS, "NAME", None, None, ""],
        [REQUEST, "NAME", [1], "wait", {}], [REQUEST, "NAME", 1, "wait", None], [BEGUN, [["NAME"]]], [BEGUN, None], [HELD, 7],
        [SEGMENT, "run", "../x", 0, b"x"], [SEGMENT, "..", "SESSION-1", 0, b"x"], [SEGMENT, "run", "SESSION-1", -1, b"x"],
        [SEGMENT, "run", "SESSION-1", 2**64 - 1, b"x"], [SEGMENT, "run", "SESSION-1", 0, "text"],
        [SEGMENT, "run", "other-1", 0, b"x"], [PRINTING, "NAME", "../../key", 0], [999, "NAME"], [16, "NAME", 1, 2, 3, 4, 5, 6],
    ],
)  # fmt: skip
def test_what_is_no_message_ends_its_worker_and_nothing_else(stage: Stage, message: list[Any]) -> None:
    first, second = stage.desk.lane(), stage.desk.lane()
    bad, good = stage.agent(first), stage.agent(second)
    ticket, name = stage.order(first)
    other, other_name = stage.order(second)

    def put(part: Any) -> Any:
        if isinstance(part, list):
            return [put(each) for each in part]
        return part.replace("NAME", name).replace("SESSION", bad) if isinstance(part, str) else part

    stage.say(bad, put(message))
    stage.desk.until(lambda: stage.hand.stopped == [bad])
    stage.say(bad, done(name))  # it is not heard any more
    stage.hand.tell(bad, "ended")
    lost = stage.desk.end_of(ticket)
    assert lost[:3] == [LOST, ticket, "died"] and "no message" in lost[3]
    stage.say(good, done(other_name))
    assert stage.desk.end_of(other)[0] == DONE
    assert not (stage.folder / "workspace" / "logs" / "run").exists()


def test_a_worker_that_spoke_while_the_engine_was_busy_is_not_lost(stage: Stage) -> None:
    """The store could not be written for minutes, say; all that workers have said meanwhile has arrived."""
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    ticket, name = stage.order(lane)
    stage.of(agent).heard_at -= 1000
    stage.say(agent, [BEGUN, [name]])
    time.sleep(0.7)  # both the message and the time to look around have come
    stage.desk.settle()
    assert not stage.desk.ends(ticket) and not stage.hand.stopped
    stage.of(agent).heard_at -= 1000
    assert stage.desk.end_of(ticket)[:3] == [LOST, ticket, "evicted"]


def test_who_stands_behind_an_attempt_that_does_not_stop_is_not_told_that_it_was_cancelled(stage: Stage) -> None:
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    first, first_name = stage.order(lane)
    second, _ = stage.order(lane)
    third, _ = stage.order(lane)
    stage.say(agent, [BEGUN, [first_name]])
    stage.desk.settle()
    stage.desk.executor.cancel(second, "cancelled", -5.0)
    stage.desk.until(lambda: stage.hand.stopped == [agent])
    stage.hand.tell(agent, "ended")
    assert stage.desk.end_of(first)[:3] == [LOST, first, "evicted"]
    assert stage.desk.end_of(second)[:3] == [LOST, second, "cancelled"]
    assert stage.desk.end_of(third) == [RETURNED, third]


def test_what_had_not_begun_when_its_place_was_taken_has_not_been_lost(stage: Stage) -> None:
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    ticket, _ = stage.order(lane, is_idempotent=False)
    stage.hand.tell(agent, "evicted", "the node was drained")
    assert stage.desk.end_of(ticket) == [RETURNED, ticket]


def test_a_worker_that_ends_before_it_says_anything_is_not_started_for_ever(stage: Stage) -> None:
    lane = stage.desk.lane()
    ticket, _ = stage.order(lane)
    stage.hand.tell(stage.desk.executor.place(lane), "ended", "it cannot reach its mailbox")
    assert stage.desk.end_of(ticket)[:3] == [LOST, ticket, "died"]


def test_a_worker_that_cannot_be_started_harms_one_order(stage: Stage) -> None:
    stage.hand.fault = BlockingIOError("no more processes")
    lane = stage.desk.lane()
    ticket, _ = stage.order(lane)
    lost = stage.desk.end_of(ticket)
    assert lost[:3] == [LOST, ticket, "died"] and "no more processes" in lost[3] and stage.desk.closed(lane)


def test_a_lane_without_work_whose_worker_has_to_go_is_closed_at_once(stage: Stage) -> None:
    small = stage.desk.lane(Demand(cpu=3))
    stage.agent(small)
    large = stage.desk.lane(Demand(cpu=4))
    assert stage.hand.stopped == [stage.desk.executor.place(small) or stage.hand.started[0].session]
    stage.desk.until(lambda: stage.desk.closed(small))
    ticket, _ = stage.order(small)
    assert stage.desk.end_of(ticket) == [RETURNED, ticket] and not stage.desk.closed(large)


def test_what_is_ordered_of_a_worker_that_is_being_ended_waits_until_it_is_gone(stage: Stage) -> None:
    """Else it would be placed there and returned again and again."""
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    first, _ = stage.order(lane)
    stage.desk.executor.cancel(first, "cancelled", -5.0)
    stage.desk.until(lambda: stage.hand.stopped == [agent])
    second, _ = stage.order(lane)
    third, _ = stage.order(lane)
    stage.desk.settle()
    assert not stage.desk.ends(second) and set(stage.desk.executor.take_back(lane)) == {second, third}
    fourth, _ = stage.order(lane)
    stage.hand.tell(agent, "died")
    assert stage.desk.end_of(fourth) == [RETURNED, fourth]
    assert len(stage.hears(agent, ORDER)) == 1


def test_what_was_not_sent_is_returned_when_it_is_cancelled(tmp_path: Path) -> None:
    import threading

    gate = threading.Event()
    stage = Stage(tmp_path)
    stage.desk.executor = stage.executor(hand := Hand(), share=lambda bundle: gate.wait(20) and None)
    lane = stage.desk.lane()
    ticket, _ = stage.order(lane)
    stage.desk.executor.cancel(ticket, "cancelled", 5.0)
    assert stage.desk.end_of(ticket) == [RETURNED, ticket] and not hand.stopped
    gate.set()
    stage.close()


def test_a_worker_takes_other_code_while_the_first_is_still_on_its_way(tmp_path: Path) -> None:
    import threading

    gate = threading.Event()

    def share(bundle: str) -> None:
        if bundle == "/first":
            gate.wait(20)
            raise ValueStoreError("the bucket is full")

    stage = Stage(tmp_path)
    executor = stage.desk.executor = stage.executor(Hand(), share=share)
    lane = executor.open_lane("/first", Demand())
    agent = stage.agent(lane)
    ticket, _ = stage.order(lane)
    assert executor.take_back(lane) == [ticket]
    executor.close_lane(lane)
    second = executor.open_lane("/second", Demand())
    assert executor.place(second) == agent
    again, name = stage.order(second)
    assert [message[1] for message in stage.hears(agent, LANE)] == ["/second"]
    assert [message[1] for message in stage.hears(agent, ORDER)] == [name]
    stage.say(agent, done(name))
    assert stage.desk.end_of(again)[0] == DONE
    executor.close_lane(second)
    third = executor.open_lane("/first", Demand())
    executor.close_lane(third)
    gate.set()
    stage.desk.settle()  # what was to be told of the first code is refused while nobody waits for it
    last = executor.open_lane("/first", Demand())
    lost, _ = stage.order(last)
    assert "the bucket is full" in stage.desk.end_of(lost)[3]
    stage.close()


def test_a_later_executor_hears_a_question_once_and_stops_what_nobody_waits_for(stage: Stage) -> None:
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    _, name = stage.order(lane)
    stage.hears(agent, ORDER)
    first = stage.desk.executor
    first._post.close()  # type: ignore[attr-defined]
    stage.say(agent, [REQUEST, name, 1, "launch", {"flow": "f"}])
    hand = Hand()
    hand.left = [agent]
    stage.desk.executor = later = stage.executor(hand)
    assert later.attach(agent, 1000, name, True, Demand()) is not None
    stage.hears(agent, ATTACH)
    stage.say(agent, [HELD, [name, "other:1:1"]], [REQUEST, name, 1, "launch", {"flow": "f"}])
    assert [message[1] for message in stage.hears(agent, CANCEL)] == ["other:1:1"]
    stage.desk.settle()
    assert len([message for message in stage.desk.messages if message[0] == REQUEST]) == 1
    # Of what else it works on, the end may have been heard when nobody waited for it.
    assert later.attach(agent, 1001, "late:1:1", True, Demand()) is None
    assert [message[1] for message in stage.hears(agent, CANCEL, 2)] == ["other:1:1", "late:1:1"]


def test_orders_taken_back_may_be_given_again_and_taken_back_again(stage: Stage) -> None:
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    order = stage.desk.order(stage.desk.profile("add"), 1, 2)
    name = ticket_text("run", order.ticket, 1)
    for count in (1, 2, 3):
        stage.desk.executor.submit(lane, [order._replace(ticket=100 + count)])
        assert stage.desk.executor.take_back(lane) == []
        stage.hears(agent, TAKE_BACK, count)
        stage.say(agent, [RETURNED, name])
        assert stage.desk.end_of(100 + count) == [RETURNED, 100 + count]
    assert not stage.desk.closed(lane)


def test_an_attempt_that_was_cancelled_ends_though_nobody_can_tell_whether_its_worker_did(stage: Stage) -> None:
    """Its machine is gone, and with it whoever could say so."""
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    ticket, _ = stage.order(lane)
    stage.desk.executor.cancel(ticket, "cancelled", -5.0)
    stage.desk.until(lambda: stage.hand.stopped == [agent])
    stage.of(agent).heard_at -= 1000
    assert stage.desk.end_of(ticket)[:3] == [LOST, ticket, "cancelled"] and stage.desk.closed(lane)


@pytest.mark.parametrize("falls_silent", ["before", "after", "never"])
def test_what_is_cancelled_of_a_worker_that_cannot_be_reached_need_not_be_waited_for(
    stage: Stage, falls_silent: str
) -> None:
    """Its end is told when the launcher knows what has become of it, which may be never."""
    lane = stage.desk.lane()
    agent = stage.agent(lane)
    ticket, name = stage.order(lane, is_idempotent=False)
    stage.say(agent, [BEGUN, [name]])
    stage.desk.settle()
    if falls_silent == "before":
        stage.of(agent).heard_at -= 1000
        stage.desk.settle()
        assert not [message for message in stage.desk.messages if message[0] == SILENT]
    stage.desk.executor.cancel(ticket, "cancelled", 5.0 if falls_silent == "before" else -5.0)
    if falls_silent != "before":
        stage.desk.until(lambda: stage.hand.stopped == [agent])
        stage.desk.settle()
        assert not [message for message in stage.desk.messages if message[0] == SILENT]
        if falls_silent == "after":
            stage.of(agent).heard_at -= 1000
        else:
            stage.of(agent).lane.queue[0].stopping.kill_at -= 1000
    stage.desk.until(lambda: [message for message in stage.desk.messages if message[:2] == [SILENT, ticket]])
    stage.desk.settle()
    assert sum(message[0] == SILENT for message in stage.desk.messages) == 1
    assert not stage.desk.ends(ticket) and not stage.desk.closed(lane)
    stage.hand.tell(agent, "evicted", "its node is gone")
    assert stage.desk.end_of(ticket)[:3] == [LOST, ticket, "cancelled"]
    stage.desk.until(lambda: stage.desk.closed(lane))
