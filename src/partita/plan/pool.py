"""One pool of resources, laid out for search: schedules from lists of tasks, and their justification.

A list of tasks, each after those that it needs, becomes a schedule by placing each as early as it fits (serial
generation, Kelley 1963). Justification pushes all tasks to the right and back to the left, each as far as it goes, and
never makes a schedule longer (Valls, Ballestín and Quintanilla, 2005).
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from partita.plan.instance import Instance
from partita.plan.packing import Packing

__all__ = ["PoolProblem", "Times"]

_INFINITY = float("inf")


class Times(NamedTuple):
    """When each task begins and ends. A start is no difference: rounding might put it before what it waits for."""

    starts: list[float]
    finishes: list[float]


class PoolProblem:
    """An instance with one node, as its search needs it."""

    __slots__ = (
        "_demands",
        "_fixed",
        "_full",
        "_guard",
        "_positions",
        "instance",
        "predecessors",
        "seconds",
        "successors",
    )

    def __init__(self, instance: Instance) -> None:
        packing = Packing(instance)
        self.instance = instance
        self.seconds = [instance.seconds(task, 0) for task in range(len(instance))]
        self._guard, self._full = packing.guard, packing.full[0]
        self._demands = [
            demand if seconds > 0.0 else 0 for demand, seconds in zip(packing.demands, self.seconds, strict=True)
        ]
        self.predecessors = [sorted(set(needed)) for needed in instance.predecessors]
        self.successors = [sorted(set(served)) for served in instance.successors]
        self._fixed = instance.beta * sum([instance.task_cost(task, 0) for task in range(len(instance))])
        self._positions = [0] * len(instance)
        for position, task in enumerate(instance.order):
            self._positions[task] = position

    def place(self, order: Sequence[int]) -> Times:
        """The times of tasks that are placed in this order, each after its predecessors, as early as they fit."""
        return self._generate(order, self.predecessors)

    def place_backwards(self, order: Sequence[int]) -> Times:
        """The same with time running backwards: each after its successors, counted from the end."""
        return self._generate(order, self.successors)

    def justify(self, times: Times) -> tuple[list[int], Times]:
        """The schedule pushed right and then left again: the tasks by their new starts, and their times."""
        finishes, positions, every = times.finishes, self._positions, range(len(times.finishes))
        back = self.place_backwards(sorted(every, key=lambda task: (-finishes[task], -positions[task]))).finishes
        forth = self.place(sorted(every, key=lambda task: (-back[task], positions[task])))
        return self.order_of(forth.starts), forth

    def order_of(self, starts: Sequence[float]) -> list[int]:
        """The tasks by their starts."""
        positions = self._positions
        return sorted(range(len(starts)), key=lambda task: (starts[task], positions[task]))

    def start_in_parallel(self, priorities: Sequence[float]) -> list[int]:
        """The tasks in the order in which they begin where, whenever something ends, what fits begins by priority."""
        seconds, demands, guard = self.seconds, self._demands, self._guard
        waiting = [len(needed) for needed in self.predecessors]
        free = self._full
        ready = sorted((-priorities[task], task) for task, count in enumerate(waiting) if not count)
        running: list[tuple[float, int]] = []
        order: list[int] = []
        now = 0.0
        while True:
            left = []
            for entry in ready:
                task = entry[1]
                if (free - demands[task]) & guard == guard:
                    free -= demands[task]
                    order.append(task)
                    heapq.heappush(running, (now + seconds[task], task))
                else:
                    left.append(entry)
            ready = left
            if not running:
                return order
            now = running[0][0]
            while running and running[0][0] <= now:
                task = heapq.heappop(running)[1]
                free += demands[task]
                for successor in self.successors[task]:
                    waiting[successor] -= 1
                    if not waiting[successor]:
                        ready.append((-priorities[successor], successor))
            ready.sort()

    def objective(self, makespan: float) -> float:
        """What a schedule of that makespan is worth, which begins at 0."""
        instance = self.instance
        return (instance.alpha + instance.beta * instance.nodes[0].rent) * makespan + self._fixed

    def _generate(self, order: Sequence[int], needed: Sequence[Sequence[int]]) -> Times:
        # The innermost loop of all search: what is free is a step function, two lists, changed in place.
        seconds, demands, guard = self.seconds, self._demands, self._guard
        times, free = [0.0, _INFINITY], [self._full, self._full]
        starts, finishes = [0.0] * len(seconds), [0.0] * len(seconds)
        for task in order:
            start = 0.0
            for before in needed[task]:
                if finishes[before] > start:
                    start = finishes[before]
            demand = demands[task]
            if not demand:
                starts[task], finishes[task] = start, start + seconds[task]
                continue
            duration = seconds[task]
            end = start + duration
            first = last = bisect_right(times, start) - 1
            while True:
                if (free[last] - demand) & guard == guard:
                    last += 1
                    if times[last] >= end:
                        break
                else:
                    first = last = last + 1
                    start = times[last]
                    end = start + duration
            if times[first] != start:
                first += 1
                last += 1
                times.insert(first, start)
                free.insert(first, free[first - 1])
            if times[last] != end:
                times.insert(last, end)
                free.insert(last, free[last - 1])
            for at in range(first, last):
                free[at] -= demand
            starts[task], finishes[task] = start, end
        return Times(starts, finishes)
