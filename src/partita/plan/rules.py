"""Plans by rules that take next to no time: the better of several, where tasks are few enough to try them all."""

from __future__ import annotations

from collections.abc import Iterator

from partita.plan.evaluation import Schedule
from partita.plan.following import PoolPolicy, follow
from partita.plan.greedy import first_come, start_greedily
from partita.plan.instance import Instance
from partita.plan.placing import place_in_order
from partita.plan.ranks import expected_seconds, order_by, upward_ranks

__all__ = ["one_after_another", "quick_schedules"]

#: Tasks from which on only the rule that is mostly best is tried.
_MANY = 20_000


def quick_schedules(instance: Instance) -> Iterator[tuple[str, Schedule]]:
    """The schedules that rules give, each with the rule's name, the one that is mostly best first."""
    ranks = upward_ranks(instance)
    if len(instance.nodes) == 1:
        seconds = expected_seconds(instance)
        yield "ranks with reservations", follow(PoolPolicy(instance, seconds, ranks), seconds)
    else:
        order = order_by(instance, ranks)
        if instance.beta:
            yield "HEFT by objective", place_in_order(instance, order, with_cost=True)
        if not instance.beta or len(instance) < _MANY:
            yield "HEFT", place_in_order(instance, order)
    if len(instance) < _MANY:
        yield "ranks", start_greedily(instance, ranks)
        yield "first come", first_come(instance)


def one_after_another(instance: Instance) -> Schedule:
    """Each task where it runs fastest, and only one at a time: what can be kept whatever the amounts are."""
    count = len(instance)
    starts, finishes, nodes = [0.0] * count, [0.0] * count, [0] * count
    now = 0.0
    for task in instance.order:
        _, node = min((instance.seconds(task, place), place) for place in instance.allowed[task])
        nodes[task] = node
        for needed, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True):
            now = max(now, finishes[needed] + instance.network.seconds(size, nodes[needed], node))
        starts[task] = now
        now = finishes[task] = now + instance.seconds(task, node)
    return Schedule(starts, nodes)
