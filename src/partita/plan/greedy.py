"""Starting whatever is ready and fits: what most schedulers do, and what a plan is compared with."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from partita.plan.evaluation import Schedule
from partita.plan.instance import Amounts, Instance
from partita.plan.packing import Packing
from partita.plan.placing import Arrivals

__all__ = ["first_come", "start_greedily"]


def first_come(instance: Instance) -> Schedule:
    """Each task as soon as it is ready and fits, in the order of becoming ready."""
    return start_greedily(instance, [0.0] * len(instance))


def start_greedily(instance: Instance, priorities: Sequence[float]) -> Schedule:
    """Whenever something is free, the ready task of highest priority that fits anywhere begins, where it ends first."""
    return _Greedy(instance, priorities).run()


class _Greedy:
    def __init__(self, instance: Instance, priorities: Sequence[float]) -> None:
        self.instance, self.priorities = instance, priorities
        packing = Packing(instance)
        self.guard, self.free, self.demands = packing.guard, list(packing.full), packing.demands
        self.mask = packing.together
        count = len(instance)
        self.starts, self.finishes, self.nodes = [0.0] * count, [0.0] * count, [0] * count
        self.arrivals = Arrivals(instance, self.finishes, self.nodes)
        self.lines: dict[tuple[Amounts, tuple[int, ...]], list[tuple[float, int, int]]] = {}
        self.running: list[tuple[float, int]] = []
        self.arrived = 0

    def run(self) -> Schedule:
        waiting = [len(needed) for needed in self.instance.predecessors]
        for task, count in enumerate(waiting):
            if not count:
                self._push(task)
        self._start(0.0)
        while self.running:
            now, task = heapq.heappop(self.running)
            self._hold(task, self.nodes[task], -1)
            for successor in self.instance.successors[task]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    self._push(successor)
            if not self.running or self.running[0][0] > now:
                self._start(now)
        return Schedule(self.starts, self.nodes)

    def _push(self, task: int) -> None:
        self.arrived += 1
        line = self.lines.setdefault((self.instance.demands[task], self.instance.allowed[task]), [])
        heapq.heappush(line, (-self.priorities[task], self.arrived, task))

    def _start(self, now: float) -> None:
        heads = [(line[0], key) for key, line in self.lines.items() if line]
        heapq.heapify(heads)
        while heads:
            (_, _, task), key = heads[0]
            demand = self.demands[task]
            fitting = [node for node in key[1] if (self.free[node] - demand) & self.guard == self.guard]
            if not fitting:
                heapq.heappop(heads)
                continue
            line = self.lines[key]
            heapq.heappop(line)
            self._begin(task, fitting, now)
            if line:
                heapq.heapreplace(heads, (line[0], key))
            else:
                heapq.heappop(heads)

    def _hold(self, task: int, place: int, sign: int) -> None:
        """Take (1) or give back (-1) what the task holds: on its node, and of what all nodes have together."""
        demand = self.demands[task]
        self.free[place] -= sign * (demand & ~self.mask)
        if part := demand & self.mask:
            for node in range(len(self.free)):
                self.free[node] -= sign * part

    def _begin(self, task: int, fitting: list[int], now: float) -> None:
        last, local = self.arrivals.of(task)
        best, place, begin = float("inf"), fitting[0], now
        for node in fitting:
            start = max(now, local.get(node, last))
            end = start + self.instance.seconds(task, node)
            if end < best:
                best, place, begin = end, node, start
        self._hold(task, place, 1)
        self.starts[task], self.finishes[task], self.nodes[task] = begin, best, place
        heapq.heappush(self.running, (best, task))
