"""Better schedules for one pool, by a genetic algorithm on lists of tasks with double justification.

The first lists are those of parallel generation with disturbed ranks. Two-point crossover keeps every list in an order that
can be done (Hartmann, 1998), every child is justified (Valls, Ballestín and Quintanilla, 2008), and some children are a good
list with a window of it shuffled. The number of lists that live at once grows with the time that there is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from partita.plan.evaluation import Schedule
from partita.plan.greedy import start_greedily
from partita.plan.pool import PoolProblem, Times
from partita.plan.ranks import upward_ranks

__all__ = ["Chance", "Evolution"]

_NOISE = 0.3  # of the first lists, as a share of the largest rank
_SWAPS = 0.03  # chance that neighbours of a child change places
_SHUFFLES = 0.1  # share of children that are shuffled instead of crossed
_WINDOW = 0.25  # of a list that is shuffled, at most
_FEWEST, _MOST = 8, 120  # lists that live at once
_PATIENCE = 25  # births for each list alive without a better one, after which most lists make room for new ones
_SMALL = 300  # tasks up to which a list of those ready is as quick as heaps


class Chance(Protocol):
    """A source of random numbers, as `random.Random(seed)` is one."""

    def random(self) -> float:
        """At least 0, below 1."""


class _List(NamedTuple):
    makespan: float
    order: list[int]  # by start
    times: Times


class Evolution:
    """The best schedule so far, and the lists that better ones may come of."""

    def __init__(self, problem: PoolProblem, chance: Chance, first: Schedule) -> None:
        """
        Args:
            first: a schedule that can be done; what is found is never worse.
        """
        self._problem, self._chance = problem, chance
        self._ranks = upward_ranks(problem.instance, problem.seconds)
        finishes = [start + seconds for start, seconds in zip(first.starts, problem.seconds, strict=True)]
        self.best = _List(max(finishes), [], Times(list(first.starts), finishes))
        self._alive = [self._bear(problem.order_of(first.starts))]
        self._seen: set[tuple[int, ...]] = set()
        self._size = _MOST
        self._settled_at = 0  # what number had been born when the best of those alive was
        self.born = 1

    def fit_to(self, seconds: float, limit_s: float) -> None:
        """How many lists live at once, from what has been born in so many seconds, and the seconds that are left."""
        expected = self.born * limit_s / max(seconds, 1e-6)
        self._size = int(min(_MOST, max(_FEWEST, 1.2 * expected**0.5)))

    @property
    def objective(self) -> float:
        return self._problem.objective(self.best.makespan)

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.best.times.starts, [0] * len(self._ranks))

    def step(self) -> None:
        """Let one more list be born."""
        self.born += 1
        alive = self._alive
        if len(alive) < self._size:
            alive.append(self._bear(self._sample(_NOISE if self.born > 2 else 0.0)))
            if len(alive) == self._size:
                alive.sort(key=_makespan_of)
                self._settled_at = self.born
            return
        if self.born > self._settled_at + _PATIENCE * self._size:
            del alive[1 + int(self._chance.random() * 3) :]
            return
        chance = self._chance.random
        if chance() < _SHUFFLES:
            order = self._shuffled(alive[int(len(alive) * chance() ** 2)].order)
        else:
            mother, father = alive[int(len(alive) * chance() ** 1.5)], alive[int(len(alive) * chance())]
            order = self._crossed(mother.order, father.order)
            self._swap_some(order)
        child = self._bear(order)
        key = tuple(child.order)
        if child.makespan > alive[-1].makespan or key in self._seen:
            return
        self._seen.add(key)
        if child.makespan < alive[0].makespan:
            self._settled_at = self.born
        alive.pop()
        place = len(alive)
        while place and alive[place - 1].makespan > child.makespan:
            place -= 1
        alive.insert(place, child)

    def _bear(self, order: Sequence[int]) -> _List:
        order, times = self._problem.justify(self._problem.place(order))
        made = _List(max(times.finishes), order, times)
        if made.makespan < self.best.makespan:
            self.best = made
        return made

    def _sample(self, noise: float) -> list[int]:
        chance = self._chance.random
        reach = max(self._ranks) * noise
        keys = [rank + reach * chance() for rank in self._ranks]
        if len(keys) > _SMALL:
            return self._problem.order_of(start_greedily(self._problem.instance, keys).starts)
        return self._problem.start_in_parallel(keys)

    def _crossed(self, mother: list[int], father: list[int]) -> list[int]:
        """The mother's list, with the tasks of a part of it in the father's order."""
        chance, count = self._chance.random, len(mother)
        first, last = sorted((int(chance() * (count + 1)), int(chance() * (count + 1))))
        taken = bytearray(count)
        for task in mother[:first]:
            taken[task] = 1
        middle: list[int] = []
        for task in father:
            if len(middle) == last - first:
                break
            if not taken[task]:
                taken[task] = 1
                middle.append(task)
        return mother[:first] + middle + [task for task in mother if not taken[task]]

    def _swap_some(self, order: list[int]) -> None:
        chance, predecessors = self._chance.random, self._problem.predecessors
        for place in range(len(order) - 1):
            if chance() < _SWAPS and order[place] not in predecessors[order[place + 1]]:
                order[place], order[place + 1] = order[place + 1], order[place]

    def _shuffled(self, order: list[int]) -> list[int]:
        """The list with a window of it in disorder, as far as that can be done."""
        chance = self._chance.random
        width = max(6, int(len(order) * _WINDOW * chance()))
        first = max(0, int(chance() * len(order)) - width // 2)
        window, disorder = order[first : first + width], width * chance()
        keys = {task: place + disorder * (chance() - 0.5) for place, task in enumerate(window)}
        predecessors, successors = self._problem.predecessors, self._problem.successors
        waiting = {task: sum(needed in keys for needed in predecessors[task]) for task in window}
        ready = [(keys[task], task) for task in window if not waiting[task]]
        heapq.heapify(ready)
        shuffled = []
        while ready:
            task = heapq.heappop(ready)[1]
            shuffled.append(task)
            for successor in successors[task]:
                if successor in waiting:
                    waiting[successor] -= 1
                    if not waiting[successor]:
                        heapq.heappush(ready, (keys[successor], successor))
        return order[:first] + shuffled + order[first + width :]


def _makespan_of(made: _List) -> float:
    return made.makespan
