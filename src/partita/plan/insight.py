"""Why a plan takes as long as it does: its critical path, what is short, and what more of it would bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.instance import Instance, Node
from partita.plan.placing import place_in_order

__all__ = ["Bottleneck", "More", "bottleneck", "busy_shares", "critical_path", "node_costs", "what_more_brings"]

#: From this share of the makespan on, the critical path is what it takes.
_TIGHT = 0.98
#: What resources are called of which no further node brings more: licences, calls to a service.
_LIMIT = "slot "
#: So many kinds of nodes are tried once more, at most.
_MOST_NODES = 8
#: By this share worse is as good.
_AS_GOOD = 1e-6


def critical_path(instance: Instance, schedule: Schedule) -> list[int]:
    """The tasks that need each other and take longest together, with transfers, on the nodes of the schedule."""
    nodes, network = schedule.nodes, instance.network
    ends = [0.0] * len(instance)
    before = [-1] * len(instance)
    for task in instance.order:
        since = 0.0
        for needed, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True):
            there = ends[needed] + network.seconds(size, nodes[needed], nodes[task])
            if there > since or before[task] < 0:
                since, before[task] = there, needed
        ends[task] = since + instance.seconds(task, nodes[task])
    task = max(range(len(instance)), key=ends.__getitem__)
    path = []
    while task >= 0:
        path.append(task)
        task = before[task]
    return path[::-1]


def busy_shares(instance: Instance, schedule: Schedule, makespan: float) -> list[list[float]]:
    """By node and resource: how much of what there is until the end is held, 0 to 1; by all nodes, of what they have together."""
    held = [[0.0] * len(instance.resources) for _ in instance.nodes]
    for task, node in enumerate(schedule.nodes):
        seconds = instance.seconds(task, node)
        for resource, amount in instance.demands[task]:
            held[node][resource] += seconds * amount
    for resource, together in instance.together.items():
        total = sum(row[resource] for row in held)
        for row, place in zip(held, instance.nodes, strict=True):
            row[resource] = total * place.capacity[resource] / together if together else 0.0
    return [
        [
            work / (capacity * makespan) if capacity and makespan else 0.0
            for work, capacity in zip(row, node.capacity, strict=True)
        ]
        for row, node in zip(held, instance.nodes, strict=True)
    ]


def node_costs(instance: Instance, schedule: Schedule) -> list[float]:
    """What each node costs, its rent included."""
    costs = [0.0] * len(instance.nodes)
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for task, node in enumerate(schedule.nodes):
        costs[node] += instance.task_cost(task, node)
        start = schedule.starts[task]
        first[node] = min(first.get(node, start), start)
        last[node] = max(last.get(node, 0.0), start + instance.seconds(task, node))
    for node in first:
        costs[node] += instance.nodes[node].rent * (last[node] - first[node])
    return costs


class Bottleneck(NamedTuple):
    """What a plan's makespan is for."""

    node: int  # -1: the critical path, which no machine shortens but a faster one
    resource: int
    share: float  # how much of the makespan the path takes, or of the resource is held


def bottleneck(instance: Instance, schedule: Schedule, makespan: float, path: Sequence[int]) -> Bottleneck:
    """The critical path where it takes all of the makespan, else the resource that is held most."""
    seconds = _path_seconds(instance, schedule, path)
    if not makespan or seconds >= _TIGHT * makespan:
        return Bottleneck(-1, -1, 1.0 if not makespan else seconds / makespan)
    shares = busy_shares(instance, schedule, makespan)
    share, node, resource = max(
        (share, -node, -resource) for node, row in enumerate(shares) for resource, share in enumerate(row)
    )
    return Bottleneck(-node, -resource, share)


def _path_seconds(instance: Instance, schedule: Schedule, path: Sequence[int]) -> float:
    nodes = schedule.nodes
    total = sum(instance.seconds(task, nodes[task]) for task in path)
    for origin, target in pairwise(path):
        size = instance.edge_bytes[target][instance.predecessors[target].index(origin)]
        total += instance.network.seconds(size, nodes[origin], nodes[target])
    return total


class More(NamedTuple):
    """What something more would bring."""

    node: int
    resource: int  # of which the node would have one more; -1: it would be there twice
    value: Evaluation  # of the best plan then


def what_more_brings(
    instance: Instance,
    schedule: Schedule,
    solve: Callable[[Instance], Schedule],
    measure: Callable[[Evaluation], float] = attrgetter("objective"),
) -> list[More]:
    """What one more of each scarce resource, and one more of each node, would bring: planned anew with it.

    A plan that is possible now is possible with more, so nothing is worse. What is as good without is no gain either.

    Args:
        schedule: the plan as it is.
        solve: plans an instance.
        measure: what of a plan's worth is to be small.
    """
    found, value = [], worth(instance, schedule)
    for node, resource, changed in _with_more(instance, schedule):
        planned = solve(changed)
        best = worth(changed, planned)
        if measure(best) < measure(value):
            without = measure(worth(instance, _without(instance, planned, node)))
            found.append(More(node, resource, value if without <= measure(best) * (1.0 + _AS_GOOD) else best))
        else:
            found.append(More(node, resource, value))
    return found


def _without(instance: Instance, planned: Schedule, like: int) -> Schedule:
    """What comes of a plan where there is no more of anything: in its order, on its nodes, for a further one its like."""
    nodes = [node if node < len(instance.nodes) else like for node in planned.nodes]
    position = {task: number for number, task in enumerate(instance.order)}
    order = sorted(range(len(instance)), key=lambda task: (planned.starts[task], position[task]))
    return place_in_order(instance, order, nodes)


def _with_more(instance: Instance, schedule: Schedule) -> Iterator[tuple[int, int, Instance]]:
    used = sorted(set(schedule.nodes))[:_MOST_NODES]
    asked = {resource for demand in set(instance.demands) for resource, _ in demand}
    told: set[int] = set()  # of what all nodes have together, one more is one more for each
    for number in used:
        node = instance.nodes[number]
        for resource, name in enumerate(instance.resources):
            if resource in asked and _is_counted(name) and node.capacity[resource] and resource not in told:
                more = range(len(instance.nodes)) if resource in instance.together else (number,)
                if resource in instance.together:
                    told.add(resource)
                nodes = list(instance.nodes)
                for place in more:
                    nodes[place] = _with_one(nodes[place], resource)
                yield number, resource, _rebuilt(instance, nodes, {}, resource)
    for number in used:
        node = instance.nodes[number]
        capacity = tuple(
            0.0 if name.startswith(_LIMIT) and resource not in instance.together else node.capacity[resource]
            for resource, name in enumerate(instance.resources)
        )
        twin = replace(node, id=f"{node.id} (one more)", capacity=capacity)
        yield number, -1, _rebuilt(instance, [*instance.nodes, twin], {len(instance.nodes): number})


def _with_one(node: Node, resource: int) -> Node:
    """The node with one more of the resource, if it has any."""
    return replace(
        node,
        capacity=tuple(
            amount + (place == resource and amount > 0) for place, amount in enumerate(node.capacity)
        ),
    )  # fmt: skip


def _is_counted(resource: str) -> bool:
    """Whether there can be one more of it."""
    return resource in ("cpu", "gpu") or resource.startswith(_LIMIT)


def _rebuilt(instance: Instance, nodes: Sequence[Node], likes: dict[int, int], more: int = -1) -> Instance:
    """The instance with other nodes; `likes` says which new ones are as which old ones.

    Args:
        more: a resource of which all nodes together have one more, where they hold it together.
    """
    together = {resource: amount + (resource == more) for resource, amount in instance.together.items()}
    old = len(instance.nodes)
    twins = {like: new for new, like in likes.items()}
    restricted = {
        task: (*allowed, *(twins[node] for node in allowed if node in twins))
        for task, allowed in enumerate(instance.allowed)
        if len(allowed) < old
    }
    overrides = {
        task: row | {twins[node]: seconds for node, seconds in row.items() if node in twins}
        for task, row in instance.overrides.items()
    }
    network = instance.network
    links = dict(network.links)
    for (origin, target), told in network.links.items():
        links |= {(twins[origin], target): told} if origin in twins else {}
        links |= {(origin, twins[target]): told} if target in twins else {}
    return Instance(
        name=instance.name, nodes=nodes, resources=instance.resources, ids=instance.ids, durations=instance.durations,
        demands=instance.demands, labels=instance.labels, weights=instance.weights, overrides=overrides,
        restricted=restricted, together=together, network=replace(network, links=links), alpha=instance.alpha, beta=instance.beta,
        edges=[
            (origin, task, size)
            for task in range(len(instance))
            for origin, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True)
        ],
    )  # fmt: skip
