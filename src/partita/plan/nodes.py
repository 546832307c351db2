"""Unequal nodes, laid out for search: schedules from lists of tasks, and where each of them is to run.

As in a pool, a list of tasks becomes a schedule by placing each as early as it fits; its node is given, or is the one
that serves the objective best at that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from partita.plan.evaluation import Schedule
from partita.plan.instance import Instance
from partita.plan.packing import Packing
from partita.plan.placing import timelines_of
from partita.plan.ranks import upward_ranks

__all__ = ["FREE", "NodesProblem", "Placed"]

_INFINITY = float("inf")

#: The node of a task whose node is to be chosen.
FREE = -1

#: For each task, those it waits for, and the seconds that it waits longer if the two lie on different nodes.
Waits = list[list[tuple[int, float]]]


class Placed(NamedTuple):
    """A schedule, and what it is worth."""

    starts: list[float]  # never less than the finish of what is waited for, which a difference might be by rounding
    finishes: list[float]
    nodes: list[int]
    makespan: float
    objective: float


class NodesProblem:
    """An instance with several nodes, as its search needs it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.run_times = instance.run_times()
        self.allowed = instance.allowed
        packing = Packing(instance)
        self._packing, self._demands = packing, packing.demands
        self.alpha, self.beta = instance.alpha, instance.beta
        self._rents = [node.rent for node in instance.nodes]
        self._has_rent = any(self._rents)
        every = range(len(instance.nodes))
        self.costs: list[list[float]] | None = None  # beta * cost, by task and node
        if instance.beta and any(any(node.price) for node in instance.nodes):
            self.costs = [
                [instance.beta * instance.task_cost(task, node) if node in allowed else _INFINITY for node in every]
                for task, allowed in enumerate(self.allowed)
            ]
        self.needed: Waits = [[] for _ in self.allowed]
        self.served: Waits = [[] for _ in self.allowed]
        network = instance.network
        self._links = network.links
        for task, needed in enumerate(instance.predecessors):
            for origin, size in zip(needed, instance.edge_bytes[task], strict=True):
                delay = size if network.links else network.seconds(size, 0, 1)
                self.needed[task].append((origin, delay))
                self.served[origin].append((task, delay))
        self.positions = [0] * len(self.allowed)
        for position, task in enumerate(instance.order):
            self.positions[task] = position
        self.ranks = upward_ranks(instance)
        shortest = [min([row[node] for node in nodes]) for row, nodes in zip(self.run_times, self.allowed, strict=True)]
        least = upward_ranks(instance, shortest, with_transfers=False)
        #: Seconds that everything after a task takes at least.
        self.tails = [rank - seconds for rank, seconds in zip(least, shortest, strict=True)]

    def place(self, order: Sequence[int], nodes: Sequence[int], due: float = 0.0, weight: float = 1.0) -> Placed:
        """The schedule of the order.

        Args:
            nodes: where each task runs, or FREE.
            due: a task that can still be followed by all else before then is placed where it is cheap; 0: none can.
            weight: what a second after `due` counts, in seconds of the makespan.
        """
        return self._generate(order, nodes, self.needed, due, weight, False)

    def place_backwards(self, order: Sequence[int], nodes: Sequence[int]) -> Placed:
        """The same with time running backwards, each after its successors; finishes are counted from the end."""
        return self._generate(order, nodes, self.served, 0.0, 1.0, True)

    def justify(self, placed: Placed) -> tuple[list[int], Placed]:
        """The schedule pushed right and then left again, with its nodes: the tasks in their new order, and the schedule."""
        positions, every = self.positions, range(len(placed.nodes))
        finishes, nodes = placed.finishes, placed.nodes
        back = self.place_backwards(sorted(every, key=lambda task: (-finishes[task], -positions[task])), nodes).finishes
        order = sorted(every, key=lambda task: (-back[task], positions[task]))
        return order, self.place(order, nodes)

    def order_of(self, placed: Placed) -> list[int]:
        """The tasks by their starts."""
        starts, positions = placed.starts, self.positions
        return sorted(range(len(starts)), key=lambda task: (starts[task], positions[task]))

    def schedule(self, placed: Placed) -> Schedule:
        return Schedule(placed.starts, placed.nodes)

    def placed(self, schedule: Schedule) -> Placed:
        """A schedule that came from elsewhere."""
        finishes = [
            start + self.run_times[task][node]
            for task, (start, node) in enumerate(zip(schedule.starts, schedule.nodes, strict=True))
        ]
        return self._valued(list(schedule.starts), finishes, list(schedule.nodes))

    def _valued(self, starts: list[float], finishes: list[float], nodes: list[int]) -> Placed:
        makespan = max(finishes)
        objective = self.alpha * makespan
        if self.costs is not None:
            objective += sum([row[node] for row, node in zip(self.costs, nodes, strict=True)])
        if self._has_rent and self.beta:
            first, last = [_INFINITY] * len(self._rents), [0.0] * len(self._rents)
            for task, node in enumerate(nodes):
                first[node] = min(first[node], finishes[task] - self.run_times[task][node])
                last[node] = max(last[node], finishes[task])
            for node, rent in enumerate(self._rents):
                if last[node] > first[node]:
                    objective += self.beta * rent * (last[node] - first[node])
        return Placed(starts, finishes, nodes, makespan, objective)

    def _generate(
        self, order: Sequence[int], given: Sequence[int], waits: Waits, due: float, weight: float, is_backwards: bool
    ) -> Placed:
        timelines = timelines_of(self._packing)
        count = len(order)
        starts, finishes, nodes = [0.0] * count, [0.0] * count, [FREE] * count
        run_times, demands, costs, tails = self.run_times, self._demands, self.costs, self.tails
        late = weight * (self.alpha or 1.0 if costs is None else self.alpha)
        for task in order:
            times, demand = run_times[task], demands[task]
            there, last = self._arrivals(waits[task], finishes, nodes, is_backwards)
            place = given[task]
            if place != FREE:
                begin = there.get(place, last) if there else last
                end = begin + times[place]
                if demand:
                    begin = timelines[place].earliest(begin, times[place], demand)
                    end = begin + times[place]
                    timelines[place].take(begin, end, demand)
                starts[task], finishes[task], nodes[task] = begin, end, place
                continue
            best, best_end, begin = _INFINITY, _INFINITY, 0.0
            price = costs[task] if costs is not None else None
            before = due - tails[task]  # what ends until then delays nothing
            for node in self.allowed[task]:
                start = there.get(node, last) if there else last
                seconds = times[node]
                paid = price[node] if price is not None else 0.0
                end = start + seconds
                value = paid + late * (end - before if end > before else 0.0)
                if value > best or (value == best and end >= best_end):
                    continue
                if demand:
                    start = timelines[node].earliest(start, seconds, demand)
                    end = start + seconds
                    value = paid + late * (end - before if end > before else 0.0)
                if value < best or (value == best and end < best_end):
                    best, best_end, begin, place = value, end, start, node
            timelines[place].take(begin, best_end, demand)
            starts[task], finishes[task], nodes[task] = begin, best_end, place
        return self._valued(starts, finishes, nodes)

    def _arrivals(
        self, waits: list[tuple[int, float]], finishes: list[float], nodes: list[int], is_backwards: bool
    ) -> tuple[dict[int, float], float]:
        """When a task's inputs are there: by node, on those that make some of them; and on all others."""
        if self._links:
            return self._arrivals_by_link(waits, finishes, nodes, is_backwards), 0.0
        if not waits:
            return _NOWHERE, 0.0
        if len(waits) == 1:
            origin, delay = waits[0]
            finish = finishes[origin]
            return {nodes[origin]: finish}, finish + delay
        last, second, last_node = 0.0, 0.0, FREE  # the latest arrival from elsewhere; the latest of another node
        local: dict[int, float] = {}
        for origin, delay in waits:
            node, finish = nodes[origin], finishes[origin]
            arrival = finish + delay
            if finish > local.get(node, -1.0):
                local[node] = finish
            if arrival > last:
                if node != last_node:
                    second = last
                last, last_node = arrival, node
            elif arrival > second and node != last_node:
                second = arrival
        for node, finish in local.items():
            arrival = second if node == last_node else last
            if arrival > finish:
                local[node] = arrival
        return local, last

    def _arrivals_by_link(
        self, waits: list[tuple[int, float]], finishes: list[float], nodes: list[int], is_backwards: bool
    ) -> dict[int, float]:
        seconds = self.instance.network.seconds
        return {
            node: max(
                [
                    finishes[origin]
                    + (seconds(size, node, nodes[origin]) if is_backwards else seconds(size, nodes[origin], node))
                    for origin, size in waits
                ],
                default=0.0,
            )
            for node in range(len(self.instance.nodes))
        }


_NOWHERE: dict[int, float] = {}
