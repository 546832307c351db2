"""The ready queue: order, turns between runs and lines, and that nothing starves."""

from __future__ import annotations

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.queue import Entry, Line, ReadyQueue

ONE, TWO = Demand(cpu=1), Demand(cpu=2)


def place(queue: ReadyQueue, pool: Pool, now_s: float, most: int = 1000) -> list[Entry]:
    """Start what fits, at most so many; what was started, in order."""
    started: list[Entry] = []

    def start(line: Line, fits: bool) -> bool:
        if not fits or len(started) >= most:
            return False
        pool.acquire(line.demand)
        started.append(line.pop())
        return True

    queue.place(pool, now_s, start)
    return started


def test_steps_of_one_run_start_in_the_order_in_which_they_became_ready() -> None:
    queue, pool = ReadyQueue(), Pool(4, 0)
    for number in range(6):
        queue.push(ONE, 0, "", Entry(1, number, 0.0))
    assert [entry.step for entry in place(queue, pool, 0.0)] == [0, 1, 2, 3]
    assert len(queue) == 2


def test_a_small_run_does_not_wait_for_a_large_one() -> None:
    queue, pool = ReadyQueue(), Pool(4, 0)
    for number in range(1000):
        queue.push(ONE, 0, "", Entry(1, number, 0.0))
    queue.push(ONE, 0, "", Entry(2, 0, 1.0))
    assert 2 in {entry.run for entry in place(queue, pool, 1.0)}


def test_lines_of_other_demands_take_turns() -> None:
    queue, pool = ReadyQueue(), Pool(4, 0)
    for number in range(1000):
        queue.push(ONE, 0, "", Entry(1, number, 0.0))
    queue.push(Demand(cpu=0.5), 0, "", Entry(2, 0, 1.0))
    assert 2 in {entry.run for entry in place(queue, pool, 1.0)}


def test_priority_goes_first_until_the_others_have_waited_long() -> None:
    queue = ReadyQueue()
    queue.push(ONE, 0, "", Entry(1, 0, 0.0))
    queue.push(ONE, 1, "", Entry(2, 0, 0.0))
    assert place(queue, Pool(1, 0), 1.0)[0].run == 2
    for number in range(1, 40):
        queue.push(ONE, 1, "", Entry(2, number, float(number)))
        started = place(queue, Pool(1, 0), float(number + 1))
        if started[0].run == 1:
            return
    raise AssertionError("the line of lower priority starved")


def test_a_wide_step_gets_its_turn_among_narrow_ones_that_never_cease() -> None:
    queue, pool = ReadyQueue(), Pool(2, 0)
    queue.push(ONE, 0, "", Entry(1, 0, 0.0))
    place(queue, pool, 0.0)
    queue.push(TWO, 0, "", Entry(2, 0, 0.0))
    for second in range(1, 60):
        queue.push(ONE, 0, "", Entry(1, second, float(second)))
        for entry in place(queue, pool, float(second)):
            if entry.run == 2:
                return
        if pool.held["cpu"]:
            pool.release(ONE)
    raise AssertionError("the wide step starved")


def test_what_a_run_has_waiting_can_be_dropped() -> None:
    queue, pool = ReadyQueue(), Pool(4, 0)
    queue.push(ONE, 0, "", Entry(1, 0, 0.0))
    queue.push(ONE, 0, "", Entry(2, 0, 0.0))
    queue.drop(1)
    assert [entry.run for entry in place(queue, pool, 0.0)] == [2]
