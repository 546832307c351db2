"""Which remote workers make room for another one."""

from __future__ import annotations

from partita.core.records import Demand
from partita.executors.port import Capacity
from partita.executors.remote.orders import Lane, Session, Waiting
from partita.executors.remote.sessions import Keeping, in_the_way

CAPACITY = Capacity(4, 1000)


def idle(name: str, cpu: float, since: float, memory_bytes: int = 0) -> Session:
    return Session(name, Demand(cpu, memory_bytes), 0.0, idle_since=since)


def names(sessions: list[Session]) -> list[str]:
    return [session.name for session in sessions]


def test_nobody_goes_where_there_is_room() -> None:
    assert in_the_way([idle("a", 1, 1.0), idle("b", 1, 2.0)], Demand(2), CAPACITY) == []


def test_who_has_been_idle_for_longest_goes_first_and_no_more_than_needed() -> None:
    sessions = [idle("late", 2, 9.0), idle("early", 1, 1.0), idle("later", 1, 10.0)]
    assert names(in_the_way(sessions, Demand(1), CAPACITY)) == ["early"]
    assert names(in_the_way(sessions, Demand(3), CAPACITY)) == ["early", "late"]


def test_memory_counts_too() -> None:
    sessions = [idle("a", 1, 1.0, 600), idle("b", 1, 2.0, 300)]
    assert names(in_the_way(sessions, Demand(1, 200), CAPACITY)) == ["a"]


def test_who_works_or_is_ending_stays_out_of_it() -> None:
    working, ending = idle("working", 2, 1.0), idle("ending", 2, 2.0)
    working.lane = Lane(1, working)
    working.lane.queue.append(Waiting(1, "run:1:1", is_idempotent=True))
    ending.fate = ("stopped", "")
    assert names(in_the_way([working, ending, idle("a", 1, 3.0)], Demand(4), CAPACITY)) == ["a"]


def test_a_lane_with_nothing_to_do_is_in_the_way() -> None:
    waiting = idle("waiting", 2, 1.0)
    waiting.lane = Lane(1, waiting)
    assert names(in_the_way([waiting], Demand(4), CAPACITY)) == ["waiting"]


def test_the_dearer_a_worker_is_the_sooner_it_ends_when_it_has_nothing_to_do() -> None:
    free, dear = Keeping(60.0, 0.0), Keeping(60.0, 2.0)
    assert dear.idle_s == 60.0  # nobody knows yet what it takes to start one
    for keeping in (free, dear):
        keeping.started(10.0)
    assert free.idle_s == 60.0 and dear.idle_s == 5.0
    dear.started(1000.0)
    assert dear.idle_s == 60.0
