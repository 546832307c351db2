"""How much lies behind each task: the upward rank of HEFT (Topcuoglu, Hariri and Wu, 2002), also called b-level."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from partita.plan.instance import Instance

__all__ = ["downward_ranks", "expected_seconds", "order_by", "upward_ranks"]


def expected_seconds(instance: Instance) -> list[float]:
    """The mean time of each task over the nodes that it may run on."""
    if len(instance.nodes) == 1 and not instance.overrides:
        speed = instance.nodes[0].speed
        return list(instance.durations) if speed == 1.0 else [duration / speed for duration in instance.durations]
    share: dict[tuple[int, ...], float] = {}
    means = []
    for task, allowed in enumerate(instance.allowed):
        if task in instance.overrides:
            means.append(sum(instance.seconds(task, node) for node in allowed) / len(allowed))
            continue
        mean = share.get(allowed)
        if mean is None:
            mean = share[allowed] = sum(1.0 / instance.nodes[node].speed for node in allowed) / len(allowed)
        means.append(instance.durations[task] * mean)
    return means


def upward_ranks(
    instance: Instance, seconds: Sequence[float] | None = None, *, with_transfers: bool = True
) -> list[float]:
    """Seconds from the start of each task to the end of everything, on the longest way, with mean times and transfers.

    Args:
        seconds: of each task; default: the mean over its nodes.
        with_transfers: whether moving bytes between nodes counts, as often as it would happen by chance.
    """
    times = list(seconds) if seconds is not None else expected_seconds(instance)
    predecessors = instance.predecessors
    ranks = times[:]
    network, count = instance.network, len(instance.nodes)
    if count == 1 or not with_transfers or not (network.latency or network.bandwidth):
        for task in reversed(instance.order):
            rank = ranks[task]
            for needed in predecessors[task]:
                if times[needed] + rank > ranks[needed]:
                    ranks[needed] = times[needed] + rank
        return ranks
    away = (count - 1) / count  # how often two tasks would lie on different nodes
    latency = network.latency * away
    per_byte = away / network.bandwidth if network.bandwidth else 0.0
    for task in reversed(instance.order):
        rank = ranks[task] + latency
        for needed, size in zip(predecessors[task], instance.edge_bytes[task], strict=True):
            behind = times[needed] + rank + size * per_byte
            if behind > ranks[needed]:
                ranks[needed] = behind
    return ranks


def downward_ranks(instance: Instance, seconds: Sequence[float]) -> list[float]:
    """Seconds before which each task cannot begin, for want of what it needs."""
    ranks = [0.0] * len(seconds)
    successors = instance.successors
    for task in instance.order:
        end = ranks[task] + seconds[task]
        for successor in successors[task]:
            if end > ranks[successor]:
                ranks[successor] = end
    return ranks


def order_by(instance: Instance, priorities: Sequence[float]) -> list[int]:
    """The tasks, each after those that it needs, and the one of highest priority first where there is a choice."""
    waiting = [len(needed) for needed in instance.predecessors]
    successors = instance.successors
    ready = [(-priorities[task], task) for task, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        task = heapq.heappop(ready)[1]
        order.append(task)
        for successor in successors[task]:
            waiting[successor] -= 1
            if not waiting[successor]:
                heapq.heappush(ready, (-priorities[successor], successor))
    return order
