"""What begins now on one pool, while an instance's tasks end one after the other: a policy, offline and online alike."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from partita.plan.evaluation import Schedule
from partita.plan.instance import TOLERANCE, Amounts, Instance, Node
from partita.plan.queue import Entry, Line, ReadyQueue
from partita.plan.ranks import expected_seconds, upward_ranks

__all__ = ["Admission", "PoolPolicy", "follow"]

#: What a task is said to take that takes no time: to the queue 0 is that nobody knows.
_INSTANT_S = 1e-9


class NodeRoom:
    """What of a node of an instance is free: what `core.resources.Pool` is to the engine."""

    __slots__ = ("_free", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._free = {resource: amount + TOLERANCE for resource, amount in enumerate(node.capacity)}

    def amounts(self, demand: Amounts) -> Amounts:
        return demand

    def free(self) -> dict[int, float]:
        return self._free.copy()

    def fits(self, demand: Amounts) -> bool:
        free = self._free
        for resource, amount in demand:
            if free[resource] < amount:
                return False
        return True

    def share(self, demand: Amounts) -> float:
        return max([amount / max(self._node.capacity[resource], TOLERANCE) for resource, amount in demand], default=0.0)

    def acquire(self, demand: Amounts) -> None:
        for resource, amount in demand:
            self._free[resource] -= amount

    def release(self, demand: Amounts) -> None:
        for resource, amount in demand:
            self._free[resource] += amount


class Admission:
    """The ready and the running tasks of one node, by the engine's own queue: `due` says what is to start."""

    __slots__ = ("_begun", "_ends", "_now", "_queue", "_room", "_running")

    def __init__(self, node: Node) -> None:
        self._room = NodeRoom(node)
        self._queue: ReadyQueue[Amounts] = ReadyQueue(self._room, ages=False)
        self._running: dict[int, tuple[float, Amounts]] = {}  # task -> when it is expected to end, demand
        self._ends: list[tuple[float, Amounts]] | None = (
            None  # the same, what ends first first; None: not asked for yet
        )
        self._begun: list[int] = []
        self._now = 0.0

    def push(self, task: int, demand: Amounts, rank: float, seconds: float) -> None:
        """The task is ready.

        Args:
            task: a number of its own.
            demand: (resource, amount) of all that it needs.
            rank: what of two is larger begins first; of equals, what came first.
            seconds: how long it is expected to run.
        """
        self._queue.push(demand, 0, "", Entry(0, task, 0.0, rank, seconds or _INSTANT_S))

    def release(self, task: int) -> None:
        """A running task has ended."""
        ended = self._running.pop(task)
        if self._ends is not None:
            del self._ends[bisect_left(self._ends, ended)]
        self._room.release(ended[1])

    def hold(self, demand: Amounts, sign: int = 1) -> None:
        """What somebody else holds (1) or gives back (-1) of what several nodes have together."""
        (self._room.acquire if sign > 0 else self._room.release)(demand)

    def due(self, now: float) -> list[int]:
        """The tasks that begin now; they count as running from here on."""
        self._begun, self._now = [], now
        self._queue.place(now, self._start, self._ending)
        return self._begun

    def _ending(self) -> list[tuple[float, Amounts]]:
        if self._ends is None:
            self._ends = sorted(self._running.values())
        return self._ends

    def _start(self, line: Line[Amounts], fits: bool) -> bool:
        if fits:
            entry, demand = line.pop(), line.kind.demand
            self._room.acquire(demand)
            self._running[entry.step] = ends = self._now + entry.expected_s, demand
            if self._ends is not None:
                insort(self._ends, ends)
            self._begun.append(entry.step)
        return fits


class PoolPolicy:
    """Ready tasks by upward rank, with a reservation for the best that lacks room."""

    def __init__(
        self,
        instance: Instance,
        seconds: Sequence[float] | None = None,
        ranks: Sequence[float] | None = None,
    ) -> None:
        """
        Args:
            instance: one with a single node.
            seconds: how long each task is expected to run; default: what the instance says.
            ranks: what begins first; default: the upward ranks.
        """
        self._successors, self._demands = instance.successors, instance.demands
        self._seconds = list(seconds) if seconds is not None else expected_seconds(instance)
        self._ranks = list(ranks) if ranks is not None else upward_ranks(instance, self._seconds)
        self._waiting = [len(needed) for needed in instance.predecessors]
        self._admission = Admission(instance.nodes[0])
        self._push([task for task, count in enumerate(self._waiting) if not count])

    def _push(self, tasks: Iterable[int]) -> None:
        push, demands, ranks, seconds = self._admission.push, self._demands, self._ranks, self._seconds
        for task in tasks:
            push(task, demands[task], ranks[task], seconds[task])

    def begin(self) -> list[int]:
        """What begins at time 0."""
        return self._admission.due(0.0)

    def finished(self, tasks: Iterable[int], now: float) -> list[int]:
        """What begins now that these have ended."""
        waiting, successors, release = self._waiting, self._successors, self._admission.release
        ready = []
        for task in tasks:
            release(task)
            for successor in successors[task]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    ready.append(successor)
        self._push(ready)
        return self._admission.due(now)


def follow(policy: PoolPolicy, seconds: Sequence[float]) -> Schedule:
    """The schedule that comes of the policy where tasks take so many seconds."""
    starts = [0.0] * len(seconds)
    running: list[tuple[float, int]] = []
    begun, now, left = policy.begin(), 0.0, len(seconds)
    while True:
        for task in begun:
            starts[task] = now
            heapq.heappush(running, (now + seconds[task], task))
        if not running:
            break
        now, task = heapq.heappop(running)
        ended = [task]
        while running and running[0][0] <= now:
            ended.append(heapq.heappop(running)[1])
        left -= len(ended)
        begun = policy.finished(ended, now)
    assert not left, "a policy left tasks waiting with nothing running"
    return Schedule(starts, [0] * len(starts))
