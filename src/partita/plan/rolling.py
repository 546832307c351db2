"""What begins now on unequal nodes: HEFT over the next tasks, planned anew whenever something has ended.

Of each plan only what is due now begins; the rest is thrown away. A plan that is executed to its end is worse than no plan at
all where durations are off by half, and one that is made anew at each completion keeps most of what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partita.plan.instance import Instance
from partita.plan.packing import Packing
from partita.plan.placing import Timeline
from partita.plan.ranks import expected_seconds, order_by, upward_ranks

__all__ = ["RollingPolicy"]

#: Tasks that are planned at once.
_WINDOW = 100
#: A second that a task runs counts so much where nodes are compared, and a second that it waits 1: what runs for long may run
#: for much longer than expected, so that it is worth waiting for a fast node.
_RISK = 2.0
#: What a task that runs longer than expected is thought to have left, as a share of what was expected.
_OVERDUE = 0.1

_WAITING, _RUNNING, _ENDED = 0, 1, 2
_INFINITY = float("inf")


class RollingPolicy:
    """Ready and coming tasks by upward rank, each where it would end first if it took longer than expected."""

    def __init__(self, instance: Instance, ranks: Sequence[float] | None = None, window: int = _WINDOW) -> None:
        """
        Args:
            ranks: what is placed first; default: the upward ranks.
            window: how many tasks are planned at once.
        """
        self._instance, self._window = instance, window
        packing = Packing(instance)
        self._guard, self._full, self._demands = packing.guard, packing.full, packing.demands
        self._free = list(packing.full)
        self._all_ask = all(packing.demands)  # for some resource: where nothing is free, none of them can begin
        self._times = instance.run_times()
        count = len(instance)
        self._left = order_by(
            instance, ranks if ranks is not None else upward_ranks(instance, expected_seconds(instance))
        )
        self._state = bytearray(count)
        self._node = [0] * count
        self._end = [0.0] * count  # of a task that has ended; when one that runs is thought to
        self._waits = [len(needed) for needed in instance.predecessors]
        self._ready = sum(not waits for waits in self._waits)
        self._running: set[int] = set()

    def begin(self) -> list[tuple[int, int]]:
        """What begins at time 0: (task, node)."""
        return self._due(0.0)

    def finished(self, ended: Iterable[tuple[int, float]], now: float) -> list[tuple[int, int]]:
        """What begins now that these have ended: (task, node).

        Args:
            ended: tasks, and when each of them began.
        """
        for task, _ in ended:
            self._state[task] = _ENDED
            self._end[task] = now
            self._free[self._node[task]] += self._demands[task]
            self._running.discard(task)
            for successor in self._instance.successors[task]:
                self._waits[successor] -= 1
                if not self._waits[successor]:
                    self._ready += 1
        return self._due(now)

    def _due(self, now: float) -> list[tuple[int, int]]:
        if not self._ready or (self._all_ask and all(free <= self._guard for free in self._free)):
            return []
        begun: list[tuple[int, int]] = []
        first: tuple[int, int] | None = None
        timelines = self._timelines(now)
        planned: dict[int, float] = {}  # task -> when it would end
        state, demands, guard = self._state, self._demands, self._guard
        count = 0
        for task in self._left:
            if state[task]:
                continue
            count += 1
            if count > self._window or (not self._ready and begun):
                break
            found = self._place(task, now, timelines, planned)
            if found is None:
                continue
            start, there, node = found
            end = start + self._times[task][node]
            timelines[node].take(start, end, demands[task])
            planned[task] = end
            self._node[task] = node
            if self._waits[task]:
                continue
            fits = (self._free[node] - demands[task]) & guard == guard
            if fits and start <= there + 1e-9:  # now, or as soon as what is on its way is there
                begun.append((task, node))
                self._start(task, node, end)
            elif fits and first is None:
                first = (task, node)
        if not begun and not self._running and first is not None:
            begun.append(first)
            self._start(*first, now + self._times[first[0]][first[1]])
        if (
            len(self._left) > 2 * self._window
            and sum(map(bool, map(state.__getitem__, self._left[: self._window]))) > 60
        ):
            self._left = [task for task in self._left if not state[task]]
        return begun

    def _start(self, task: int, node: int, end: float) -> None:
        self._state[task] = _RUNNING
        self._end[task] = end
        self._free[node] -= self._demands[task]
        self._running.add(task)
        self._ready -= 1

    def _timelines(self, now: float) -> list[Timeline]:
        timelines = [Timeline(full, self._guard, now) for full in self._full]
        for task in self._running:
            node = self._node[task]
            soonest = now + _OVERDUE * self._times[task][node] + 1e-6
            end = self._end[task]
            if end < soonest:
                end = self._end[task] = soonest
            timelines[node].take(now, end, self._demands[task])
        return timelines

    def _place(
        self, task: int, now: float, timelines: list[Timeline], planned: dict[int, float]
    ) -> tuple[float, float, int] | None:
        """Start, when its inputs are there, and node; None: it waits for something that is not planned yet."""
        instance, state, ends, nodes = self._instance, self._state, self._end, self._node
        seconds = instance.network.seconds
        arrivals = []
        for needed, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True):
            if state[needed]:
                arrivals.append((ends[needed], nodes[needed], size))
            elif needed in planned:
                arrivals.append((planned[needed], nodes[needed], size))
            else:
                return None
        times, demand = self._times[task], self._demands[task]
        best = _INFINITY
        found: tuple[float, float, int] | None = None
        for node in instance.allowed[task]:
            there = now
            for end, origin, size in arrivals:
                at = end + seconds(size, origin, node)
                if at > there:
                    there = at
            weighed = _RISK * times[node]
            if there + weighed >= best:
                continue
            start = timelines[node].earliest(there, times[node], demand)
            if start + weighed < best:
                best = start + weighed
                found = (start, there, node)
        return found
