"""What no plan can beat: lower bounds on makespan, cost and objective."""

from __future__ import annotations

from itertools import accumulate, compress
from operator import add
from typing import NamedTuple

from partita.plan.instance import Amounts, Instance
from partita.plan.ranks import downward_ranks, upward_ranks

__all__ = ["Bounds", "lower_bounds"]

_CUTS = 160  # earliest starts for which the work after them is summed, at most
_WORK = 600_000  # tasks times cuts, at most


class Bounds(NamedTuple):
    """Each holds for every plan, whatever its order and placement."""

    makespan: float
    cost: float
    objective: float


def lower_bounds(instance: Instance, cuts: int = 0) -> Bounds:
    """The longest path, and the work that lies between heads and tails against what the nodes can do.

    Work of a resource that can begin at h at the earliest and has to be followed by q takes at least until
    h + work / capacity + q; the largest over pairs (h, q) is taken (Fernandez and Bussell, 1973, without time windows).
    Transfers count nothing. On unequal nodes a node does as much as its capacity times its speed.

    Args:
        cuts: how many h to look at; default: as many as take little time.
    """
    times = shortest_seconds(instance)
    heads = downward_ranks(instance, times)
    ranks = upward_ranks(instance, times, with_transfers=False)
    tails = [rank - time for rank, time in zip(ranks, times, strict=True)]
    makespan = max(head + rank for head, rank in zip(heads, ranks, strict=True))
    cuts = cuts or min(_CUTS, max(4, _WORK // len(instance)))
    for resource in range(len(instance.resources)):
        items = [
            (tails[task], heads[task], work)
            for task, work in enumerate(_work(instance, resource, times))
            if work
        ]  # fmt: skip
        total = sum(node.capacity[resource] * node.speed for node in instance.nodes)
        if resource in instance.together:
            total = min(total, instance.together[resource] * max(node.speed for node in instance.nodes))
        if items and total:
            makespan = max(makespan, _between(items, total, cuts))
    cost = 0.0
    if any(any(node.price) for node in instance.nodes):
        cost += _least_cost(instance)
    if len(instance.nodes) == 1:  # it is rented for as long as all takes, from wherever it begins
        cost += instance.nodes[0].rent * makespan
    return Bounds(makespan, cost, instance.alpha * makespan + instance.beta * cost)


def _least_cost(instance: Instance) -> float:
    """What all tasks cost where each costs least, without rent."""
    rates: dict[tuple[Amounts, tuple[int, ...]], float] = {}  # of a second at speed 1
    cost = 0.0
    for task, at in enumerate(zip(instance.demands, instance.allowed, strict=True)):
        if task in instance.overrides:
            cost += min([instance.task_cost(task, node) for node in at[1]])
            continue
        rate = rates.get(at)
        if rate is None:
            nodes = [instance.nodes[node] for node in at[1]]
            rate = rates[at] = min([node.rate(at[0]) / node.speed for node in nodes])
        cost += instance.weights[task] * instance.durations[task] * rate
    return cost


def shortest_seconds(instance: Instance) -> list[float]:
    """How long each task runs where it runs fastest."""
    speeds = [node.speed for node in instance.nodes]
    fastest: dict[tuple[int, ...], float] = {}
    for nodes in set(instance.allowed):
        fastest[nodes] = max([speeds[node] for node in nodes])
    pairs = zip(instance.durations, instance.allowed, strict=True)
    times = [duration / fastest[nodes] for duration, nodes in pairs]
    for task in instance.overrides:
        times[task] = min([instance.seconds(task, node) for node in instance.allowed[task]])
    return times


def _work(instance: Instance, resource: int, times: list[float]) -> list[float]:
    """What each task takes of the resource, in units of a node of speed 1."""
    speeds = [node.speed for node in instance.nodes]
    is_plain = not instance.overrides
    amounts = {demand: dict(demand).get(resource, 0.0) for demand in set(instance.demands)}
    work = []
    for task, demand in enumerate(instance.demands):
        amount = amounts[demand]
        if amount:
            if is_plain:
                amount *= instance.durations[task]
            else:
                amount *= min([instance.seconds(task, node) * speeds[node] for node in instance.allowed[task]])
        work.append(amount)
    return work


def _between(items: list[tuple[float, float, float]], total: float, cuts: int) -> float:
    """The largest h + work / total + q over the items (tail, head, work) with a head of at least h, a tail of at least q."""
    items.sort(reverse=True)
    heads = [head for _, head, _ in items]
    tails, works = [tail for tail, _, _ in items], [work / total for _, _, work in items]
    points = sorted(set(heads))
    if len(points) > cuts:
        points = [points[number * (len(points) - 1) // (cuts - 1)] for number in range(cuts)]
    best = 0.0
    for at_least in points:
        kept = [head >= at_least for head in heads]
        heads, tails, works = list(compress(heads, kept)), list(compress(tails, kept)), list(compress(works, kept))
        best = max(best, at_least + max(map(add, accumulate(works), tails)))
    return best
