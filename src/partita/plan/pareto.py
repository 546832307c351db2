"""Plans between time and cost: those of which none is both faster and cheaper, and what lies a few changes from them.

From each plan of the front its neighbours are made, with one task on another node, two tasks exchanged or one of them earlier
in the order, and what neither is slower nor dearer than all others joins the front: Pareto local search (Paquete, Chiarandini
and Stützle, 2004). It finds what lies behind the straight lines between plans, which no weighted sum finds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.instance import TOLERANCE, Instance
from partita.plan.packing import Packing
from partita.plan.placing import place_in_order
from partita.plan.ranks import order_by, upward_ranks

__all__ = ["ParetoSearch", "Point", "at_most"]

#: Plans that are faster and cheaper than another one by no more than this share are none to explore from.
_ALIKE = 1e-6


class Point(NamedTuple):
    """A plan of the front."""

    schedule: Schedule
    value: Evaluation

    def is_within(self, deadline_s: float | None, budget: float | None) -> bool:
        return at_most(self.value.makespan, deadline_s) and at_most(self.value.cost, budget)


def at_most(value: float, limit: float | None) -> bool:
    """Whether a limit is kept, but for rounding; None: there is none."""
    return limit is None or value <= limit + TOLERANCE * max(1.0, limit)


class _Found:
    """A plan of the front, and how far its neighbours were looked at."""

    __slots__ = ("order", "point", "round")

    def __init__(self, point: Point, order: Sequence[int]) -> None:
        self.point, self.order = point, order
        self.round = 0  # the next one of `_ROUNDS` to look at


class ParetoSearch:
    """A front, and the search for what belongs into it."""

    def __init__(self, instance: Instance, placed: int) -> None:
        """
        Args:
            placed: how many tasks may be placed anew, in all.
        """
        self.instance = instance
        self._left = placed
        self._packing, self._table = Packing(instance), instance.run_times()
        self._ranked = tuple(order_by(instance, upward_ranks(instance)))
        self._position = [0] * len(instance)
        for position, task in enumerate(instance.order):
            self._position[task] = position
        self._seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        self._found: list[_Found] = []  # the fastest first
        self._times: list[float] = []  # their makespans
        self._rounds: tuple[Callable[[_Found], Iterator[tuple[Sequence[int], Sequence[int]]]], ...]
        self._rounds = (self._moved, self._reordered, self._exchanged)

    @property
    def points(self) -> list[Point]:
        """The front, the fastest first."""
        return [found.point for found in self._found]

    def add(self, points: Iterable[Point]) -> None:
        """Plans that were found elsewhere, and what comes of them where their tasks are placed in other orders."""
        for point in points:
            order = self._order_of(point.schedule)
            self._offer(point, order)
            for other in (order, self._ranked):
                self._try(point.schedule.nodes, other)

    def explore(self, distance: Callable[[Evaluation], float] | None = None) -> None:
        """Look at neighbours until there are no others, or as many tasks were placed as may be.

        Args:
            distance: how far a plan is from what is looked for; None: everything is, and the widest gaps are filled first.
        """
        while self._left > 0:
            pending = [number for number, found in enumerate(self._found) if found.round < len(self._rounds)]
            if not pending:
                return
            gaps = self._gaps() if distance is None else [distance(found.point.value) for found in self._found]
            found = self._found[min(pending, key=lambda number: (self._found[number].round, gaps[number]))]
            neighbours = self._rounds[found.round]
            found.round += 1
            for nodes, order in neighbours(found):
                self._try(nodes, order)
                if self._left <= 0:
                    return

    def _gaps(self) -> list[float]:
        """What lies between each plan and that of its neighbours that is further off, as an area, the largest first."""
        values = [found.point.value for found in self._found]
        boxes = [(slow.makespan - fast.makespan) * (fast.cost - slow.cost) for fast, slow in pairwise(values)]
        return [-max(pair) for pair in zip([0.0, *boxes], [*boxes, 0.0], strict=True)]

    def _try(self, nodes: Sequence[int], order: Sequence[int]) -> None:
        key = (tuple(nodes), tuple(order))
        if key in self._seen:
            return
        self._seen.add(key)
        self._left -= len(nodes)
        schedule = place_in_order(
            self.instance, order, nodes, run_times=self._table, packing=self._packing
        )  # fmt: skip
        self._offer(Point(schedule, worth(self.instance, schedule)), key[1])

    def _offer(self, point: Point, order: Sequence[int]) -> None:
        value = point.value
        at = bisect_left(self._times, value.makespan * (1.0 + _ALIKE) + TOLERANCE)
        if at and self._found[at - 1].point.value.cost <= value.cost * (1.0 + _ALIKE):
            return
        first = bisect_left(self._times, value.makespan)
        last = first
        while last < len(self._found) and self._found[last].point.value.cost >= value.cost:
            last += 1
        self._found[first:last] = [_Found(point, order)]
        self._times[first:last] = [value.makespan]

    def _order_of(self, schedule: Schedule) -> tuple[int, ...]:
        starts, position = schedule.starts, self._position
        return tuple(sorted(range(len(starts)), key=lambda task: (starts[task], position[task])))

    def _orders(self, found: _Found) -> list[tuple[int, ...]]:
        """Orders in which the tasks of a plan may well be placed: its own, and by what lies behind each."""
        schedule = found.point.schedule
        seconds = [self._table[task][node] for task, node in enumerate(schedule.nodes)]
        ranked = order_by(self.instance, upward_ranks(self.instance, seconds))
        return list(dict.fromkeys((tuple(found.order), self._order_of(schedule), tuple(ranked), self._ranked)))

    def _moved(self, found: _Found) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """One task on another node, or none."""
        nodes, orders = list(found.point.schedule.nodes), self._orders(found)
        for order in orders:
            yield nodes, order
        for task, own in enumerate(tuple(nodes)):
            for node in self.instance.allowed[task]:
                nodes[task] = node
                for order in orders:
                    yield nodes, order
            nodes[task] = own

    def _reordered(self, found: _Found) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """One task earlier in the order: by one place, or by as many as what it needs allows."""
        nodes, order, predecessors = found.point.schedule.nodes, list(found.order), self.instance.predecessors
        for place, task in enumerate(order):
            first = place
            while first and order[first - 1] not in predecessors[task]:
                first -= 1
            for earlier in {first, max(place - 1, first)} - {place}:
                yield nodes, [*order[:earlier], task, *order[earlier:place], *order[place + 1 :]]

    def _exchanged(self, found: _Found) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Two tasks of different nodes, each where the other was."""
        nodes, allowed = list(found.point.schedule.nodes), self.instance.allowed
        orders = self._orders(found)[:2]
        for one, there in enumerate(tuple(nodes)):
            for other in range(one):
                here = nodes[other]
                if here != there and there in allowed[other] and here in allowed[one]:
                    nodes[one], nodes[other] = here, there
                    for order in orders:
                        yield nodes, order
                    nodes[one], nodes[other] = there, here
