"""When everything will be done, as a distribution: durations are drawn, and each time the plan is followed.

A plan is never executed rigidly: whatever is ready and fits begins, in the order of the plan. So that is what is simulated
(Monte Carlo), node by node as planned. The durations of one function err together more than those of two do, which makes the
spread of many of its steps wider than if each were drawn by itself; see `Uncertain.shared`.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from partita.plan.evaluation import Schedule
from partita.plan.following import Admission
from partita.plan.instance import Instance
from partita.plan.spreads import Shares, Spread

__all__ = ["Forecast", "Uncertain", "forecast", "replay", "simulate"]


class Uncertain(NamedTuple):
    """What is known of the duration of one task."""

    spread: Spread  # at the speed for which the instance tells durations
    group: str  # tasks of one group err together
    shared: float  # how much of the variance is that of the group, 0 to 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """Makespans that came of as many draws, in seconds, the smallest first."""

    makespans: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The seconds that a share (0 to 1) of the draws stayed below, interpolated."""
        place = share * (len(self.makespans) - 1)
        below = min(int(place), len(self.makespans) - 1)
        above = min(below + 1, len(self.makespans) - 1)
        return self.makespans[below] + (place - below) * (self.makespans[above] - self.makespans[below])

    def chance(self, deadline_s: float) -> float:
        """The share of draws that were done by then."""
        return bisect_right(self.makespans, deadline_s) / len(self.makespans)


def forecast(
    instance: Instance,
    schedule: Schedule,
    uncertain: Sequence[Uncertain],
    draw: Callable[[], float],
    samples: int,
) -> Forecast:
    """What the makespan will be if the schedule's order and placement are followed.

    Args:
        uncertain: of each task.
        draw: gives random numbers from 0 to 1; of equal ones comes an equal forecast.
        samples: how often the durations are drawn, at least 1.
    """
    return Forecast(tuple(sorted(islice(simulate(instance, schedule, uncertain, draw), samples))))


def simulate(
    instance: Instance, schedule: Schedule, uncertain: Sequence[Uncertain], draw: Callable[[], float]
) -> Iterator[float]:
    """The makespans, in seconds, of one simulated run after the other, without an end; the arguments are those of `forecast`."""
    planned = [instance.seconds(task, node) for task, node in enumerate(schedule.nodes)]
    rehearsal = _Rehearsal(instance, schedule, planned)
    medians = [item.spread.median for item in uncertain]
    while True:
        factors = _factors(uncertain, medians, draw)
        seconds = [time * factor for time, factor in zip(planned, factors, strict=True)]
        starts = rehearsal.run(seconds)
        yield max(start + time for start, time in zip(starts, seconds, strict=True))


def _factors(uncertain: Sequence[Uncertain], medians: Sequence[float], draw: Callable[[], float]) -> list[float]:
    """By how much each task takes longer than its median, this time."""
    shares = Shares(draw)
    factors = []
    for (spread, group, shared), median in zip(uncertain, medians, strict=True):
        share = shares.next(group, shared)
        factors.append(spread.quantile(share) / median if median else 1.0)
    return factors


def replay(instance: Instance, schedule: Schedule, seconds: Sequence[float]) -> list[float]:
    """When each task begins if it takes so many seconds, in the order of the schedule as far as that wastes nothing."""
    planned = [instance.seconds(task, node) for task, node in enumerate(schedule.nodes)]
    return _Rehearsal(instance, schedule, planned).run(seconds)


class _Rehearsal:
    """Follows one schedule again and again."""

    def __init__(self, instance: Instance, schedule: Schedule, planned: Sequence[float]) -> None:
        self.instance, self.nodes, self.planned = instance, schedule.nodes, planned
        self.priorities = [-start for start in schedule.starts]
        network = instance.network
        #: By task, what it holds of what all nodes have together.
        self.together = {
            task: part
            for task, demand in enumerate(instance.demands if instance.together else ())
            if (part := tuple(pair for pair in demand if pair[0] in instance.together))
        }
        self.moves = len(instance.nodes) > 1 and bool(network.latency or network.bandwidth or network.links)

    def run(self, seconds: Sequence[float]) -> list[float]:
        instance, nodes = self.instance, self.nodes
        demands, successors, priorities, planned = instance.demands, instance.successors, self.priorities, self.planned
        pools = [Admission(node) for node in instance.nodes]
        waiting = [len(needed) for needed in instance.predecessors]
        arrived = [0.0] * len(instance)
        starts = [0.0] * len(instance)
        ready = [task for task, count in enumerate(waiting) if not count]
        events: list[tuple[float, int]] = []  # (time, task that ends; or -1 - task that is ready)
        now = 0.0
        touched: set[int] = set()  # nodes on which something may begin
        while True:
            for task in ready:
                pools[nodes[task]].push(task, demands[task], priorities[task], planned[task])
                touched.add(nodes[task])
            ready = []
            while events and events[0][0] <= now:
                task = heapq.heappop(events)[1]
                if task < 0:
                    ready.append(-1 - task)
                    continue
                pools[nodes[task]].release(task)
                touched.add(nodes[task])
                if task in self.together:
                    self._hold(pools, task, -1)
                    touched.update(range(len(pools)))
                for successor in successors[task]:
                    waiting[successor] -= 1
                    if self.moves:
                        arrived[successor] = max(arrived[successor], now + self._move_s(task, successor))
                    if not waiting[successor]:
                        if arrived[successor] > now:
                            heapq.heappush(events, (arrived[successor], -1 - successor))
                        else:
                            ready.append(successor)
            if ready:
                continue
            for node in touched:
                for task in pools[node].due(now):
                    starts[task] = now
                    heapq.heappush(events, (now + seconds[task], task))
                    if task in self.together:
                        self._hold(pools, task, 1)
            touched.clear()
            if not events:
                return starts
            now = events[0][0]

    def _hold(self, pools: Sequence[Admission], task: int, sign: int) -> None:
        """Take what the task holds from what the other nodes have, too, or give it back."""
        for node, pool in enumerate(pools):
            if node != self.nodes[task]:
                pool.hold(self.together[task], sign)

    def _move_s(self, origin: int, target: int) -> float:
        instance = self.instance
        size = instance.edge_bytes[target][instance.predecessors[target].index(origin)]
        return instance.network.seconds(size, self.nodes[origin], self.nodes[target])
