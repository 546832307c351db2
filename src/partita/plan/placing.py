"""Placing tasks one after the other into what the earlier ones have left free: serial generation with insertion.

With tasks in the order of their upward ranks and each on the node where it ends first, this is HEFT.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import frexp, ldexp

from partita.plan.evaluation import Schedule
from partita.plan.instance import Instance
from partita.plan.packing import Packing

__all__ = ["Timeline", "place_in_order", "timelines_of"]

_INFINITY = float("inf")
_LONG = 64  # steps of a timeline from which its full past is remembered


class Timeline:
    """What one node has free, as a step function of time; amounts are packed."""

    __slots__ = ("_full_until", "free", "guard", "times")

    def __init__(self, full: int, guard: int, since: float = 0.0) -> None:
        self.times = [since, _INFINITY]
        self.free = [full, full]
        self.guard = guard
        #: (demand, kind of duration) -> a time before which no gap holds the demand for so long.
        self._full_until: dict[tuple[int, int], float] = {}

    def past_full(self, kind: int, demand: int) -> float:
        """A time before which it is known that no gap holds the demand for as long as the kind of duration takes."""
        return self._full_until.get((demand, kind), self.times[0])

    def earliest(
        self, since: float, seconds: float, demand: int, latest: float = _INFINITY, kind: int | None = None
    ) -> float:
        """The first time from `since` on at which the demand is free for so long; infinite, if that is after `latest`.

        Args:
            kind: of the duration, if it is there already.
        """
        if not demand or seconds <= 0.0:
            return since
        times, free, guard = self.times, self.free, self.guard
        if len(times) > _LONG:
            known = self._pass_full(kind_of(seconds) if kind is None else kind, demand, latest)
            if known > latest:
                return _INFINITY
            if known > since:
                since = known
        at = bisect_right(times, since) - 1
        end = since + seconds
        while True:
            if (free[at] - demand) & guard == guard:
                at += 1
                if times[at] >= end:
                    return since
            else:
                at += 1
                while (free[at] - demand) & guard != guard:
                    at += 1
                since = times[at]
                if since > latest:
                    return _INFINITY
                end = since + seconds

    def _pass_full(self, kind: int, demand: int, latest: float) -> float:
        """A time before which no gap holds the demand for so long; what is found is remembered."""
        full_until, times = self._full_until, self.times
        own = known = full_until.get((demand, kind), times[0])
        for shorter in (1, 3):  # what does not hold for them does not for longer
            there = full_until.get((demand, kind - shorter), known)
            if there > known:
                known = there
        if known > latest:
            return known
        wanted = ldexp(8 + kind % 8, kind // 8 - 4)
        free, guard = self.free, self.guard
        at = bisect_right(times, known) - 1
        since, end = known, known + wanted
        while True:
            if (free[at] - demand) & guard == guard:
                at += 1
                if times[at] >= end:
                    break
            else:
                at += 1
                while (free[at] - demand) & guard != guard:
                    at += 1
                since = times[at]
                end = since + wanted
        if since != own:
            full_until[demand, kind] = since
        return since

    def take(self, start: float, end: float, demand: int) -> None:
        """Take the demand for that time, of which it is known that it is free."""
        if not demand or end <= start:
            return
        times, free = self.times, self.free
        first = bisect_right(times, start) - 1
        if times[first] != start:
            first += 1
            times.insert(first, start)
            free.insert(first, free[first - 1])
        last = bisect_left(times, end, first)
        if times[last] != end:
            times.insert(last, end)
            free.insert(last, free[last - 1])
        for at in range(first, last):
            free[at] -= demand


class _Bound(Timeline):
    """The timeline of a node, a part of whose resources all nodes hold together."""

    __slots__ = ("_mask", "_together")

    def __init__(self, full: int, guard: int, together: Timeline, mask: int) -> None:
        super().__init__(full, guard)
        self._together, self._mask = together, mask

    def earliest(
        self, since: float, seconds: float, demand: int, latest: float = _INFINITY, kind: int | None = None
    ) -> float:
        start = super().earliest(since, seconds, demand, latest, kind)
        part = demand & self._mask
        if not part:
            return start
        while start < _INFINITY:
            there = self._together.earliest(start, seconds, part, latest)
            if there <= start:
                return start
            start = super().earliest(there, seconds, demand, latest, kind) if there < _INFINITY else there
        return start

    def take(self, start: float, end: float, demand: int) -> None:
        super().take(start, end, demand)
        self._together.take(start, end, demand & self._mask)


def timelines_of(packing: Packing) -> list[Timeline]:
    """The timelines of all nodes, with nothing taken."""
    if not packing.together:
        return [Timeline(full, packing.guard) for full in packing.full]
    together = Timeline(packing.together_full, packing.guard)
    return [_Bound(full, packing.guard, together, packing.together) for full in packing.full]


def kind_of(seconds: float) -> int:
    """Durations of one kind differ by an eighth at most; the next kind is longer."""
    mantissa, exponent = frexp(seconds)
    return exponent * 8 + int(mantissa * 16.0) - 8


def place_in_order(
    instance: Instance,
    order: Sequence[int],
    fixed: Sequence[int] | None = None,
    *,
    with_cost: bool = False,
    run_times: Sequence[Sequence[float]] | None = None,
    packing: Packing | None = None,
) -> Schedule:
    """A schedule made by placing each task of the order at its earliest time, on the node where it ends first.

    Args:
        order: every task, after those that it needs.
        fixed: the node of each task, where that is not to be chosen.
        with_cost: choose by alpha * finish + beta * cost of the task, instead of by the finish alone.
        run_times: as `instance.run_times()` gives them, if they are there already.
        packing: likewise.
    """
    packing = packing or Packing(instance)
    table = run_times if run_times is not None else instance.run_times()
    timelines = timelines_of(packing)
    count = len(instance)
    starts, finishes, nodes = [0.0] * count, [0.0] * count, [0] * count
    arrivals = Arrivals(instance, finishes, nodes)
    alpha, beta = (instance.alpha, instance.beta) if with_cost else (1.0, 0.0)
    kinds: dict[float, int] = {}  # of the task's durations
    for task in order:
        demand, times = packing.demands[task], table[task]
        allowed = instance.allowed[task] if fixed is None else (fixed[task],)
        since, at_node = arrivals.of(task)
        #: (worth at best, node, when the inputs are there, kind of duration, price): most need not be looked at closer.
        offers = []
        for node in allowed:
            seconds = times[node]
            kind = kinds.get(seconds)
            if kind is None:
                kind = kinds[seconds] = kind_of(seconds)
            there = at_node.get(node, since) if at_node else since
            full = timelines[node].past_full(kind, demand)
            price = beta * instance.task_cost(task, node) if beta else 0.0
            offers.append((alpha * ((full if full > there else there) + seconds) + price, node, there, kind, price))
        if len(offers) > 1:
            offers.sort()
            kinds.clear()
        best, place, begin = _INFINITY, allowed[0], 0.0
        for least, node, there, kind, price in offers:
            if least >= best:
                break
            seconds = times[node]
            latest = (best - price) / alpha - seconds if alpha else _INFINITY
            start = timelines[node].earliest(there, seconds, demand, latest, kind)
            value = alpha * (start + seconds) + price
            if value < best:
                best, place, begin = value, node, start
        end = begin + times[place]
        timelines[place].take(begin, end, demand)
        starts[task], finishes[task], nodes[task] = begin, end, place
    return Schedule(starts, nodes)


class Arrivals:
    """When the inputs of a task are on a node, of tasks whose finishes and nodes are known."""

    __slots__ = ("_finishes", "_instance", "_is_simple", "_latency", "_nodes", "_per_byte")

    def __init__(self, instance: Instance, finishes: list[float], nodes: list[int]) -> None:
        network = instance.network
        self._instance, self._finishes, self._nodes = instance, finishes, nodes
        self._is_simple = len(instance.nodes) == 1 or not (network.latency or network.bandwidth or network.links)
        self._latency = network.latency
        self._per_byte = 1.0 / network.bandwidth if network.bandwidth else 0.0

    def of(self, task: int) -> tuple[float, dict[int, float]]:
        """When everything is on a node that makes none of it; and by node, on those that make something of it."""
        needed, finishes = self._instance.predecessors[task], self._finishes
        if not needed:
            return 0.0, {}
        if self._is_simple:
            return max([finishes[task] for task in needed]), {}
        if self._instance.network.links:
            return self._by_link(task)
        nodes, latency, per_byte = self._nodes, self._latency, self._per_byte
        sizes = self._instance.edge_bytes[task]
        if len(needed) == 1:
            origin = needed[0]
            finish = finishes[origin]
            return finish + latency + sizes[0] * per_byte, {nodes[origin]: finish}
        #: The latest arrivals of each origin node; a node does not wait for the transfers of its own.
        local: dict[int, float] = {}
        remote: dict[int, float] = {}
        for origin, size in zip(needed, sizes, strict=True):
            node, finish = nodes[origin], finishes[origin]
            there = finish + latency + size * per_byte
            if there > remote.get(node, -1.0):
                remote[node] = there
            if finish > local.get(node, -1.0):
                local[node] = finish
        last_node = max(remote, key=remote.__getitem__)
        last = remote[last_node]
        others = max([there for node, there in remote.items() if node != last_node], default=0.0)
        for node, finish in local.items():
            local[node] = max(finish, others if node == last_node else last)
        return last, local

    def _by_link(self, task: int) -> tuple[float, dict[int, float]]:
        instance = self._instance
        pairs = list(zip(instance.predecessors[task], instance.edge_bytes[task], strict=True))
        seconds = instance.network.seconds
        return 0.0, {
            node: max(self._finishes[origin] + seconds(size, self._nodes[origin], node) for origin, size in pairs)
            for node in range(len(instance.nodes))
        }
