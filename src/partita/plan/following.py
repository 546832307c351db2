"""What begins now on one pool, while an instance's tasks end one after the other: a policy, offline and online alike."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from partita.plan.admission import Admission
from partita.plan.evaluation import Schedule
from partita.plan.instance import Instance
from partita.plan.ranks import expected_seconds, upward_ranks

__all__ = ["PoolPolicy", "follow"]


class PoolPolicy:
    """Ready tasks by upward rank, with a reservation for the best that lacks room."""

    def __init__(
        self,
        instance: Instance,
        seconds: Sequence[float] | None = None,
        ranks: Sequence[float] | None = None,
        *,
        reserves: bool = True,
    ) -> None:
        """
        Args:
            instance: one with a single node.
            seconds: how long each task is expected to run; default: what the instance says.
            ranks: what begins first; default: the upward ranks.
            reserves: as `Admission` has it.
        """
        self._successors, self._demands = instance.successors, instance.demands
        self._seconds = list(seconds) if seconds is not None else expected_seconds(instance)
        self._ranks = list(ranks) if ranks is not None else upward_ranks(instance, self._seconds)
        self._waiting = [len(needed) for needed in instance.predecessors]
        self._admission = Admission(instance.nodes[0].capacity, reserves=reserves)
        for task, count in enumerate(self._waiting):
            if not count:
                self._push(task)

    def _push(self, task: int) -> None:
        self._admission.push(task, self._demands[task], self._ranks[task], self._seconds[task])

    def begin(self) -> list[int]:
        """What begins at time 0."""
        return self._admission.due(0.0)

    def finished(self, tasks: Iterable[int], now: float) -> list[int]:
        """What begins now that these have ended."""
        waiting, release = self._waiting, self._admission.release
        for task in tasks:
            release(task)
            for successor in self._successors[task]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    self._push(successor)
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
