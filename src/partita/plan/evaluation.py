"""What a schedule is worth, and whether it can be done at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from partita.errors import PlanningError
from partita.plan.instance import TOLERANCE, Instance

__all__ = ["Evaluation", "Schedule", "can_be_kept", "evaluate", "worth"]


class Schedule(NamedTuple):
    """When and where each task begins, by its number."""

    starts: Sequence[float]  # seconds
    nodes: Sequence[int]


class Evaluation(NamedTuple):
    """What a schedule is worth."""

    makespan: float  # seconds until the last task has ended
    cost: float  # priced resource use and rent
    objective: float  # alpha * makespan + beta * cost


def worth(instance: Instance, schedule: Schedule) -> Evaluation:
    """Makespan, cost and objective; whether the schedule can be done is not asked."""
    starts, nodes = schedule
    finishes = [start + instance.seconds(task, nodes[task]) for task, start in enumerate(starts)]
    makespan = max(finishes)
    cost = sum(instance.task_cost(task, node) for task, node in enumerate(nodes))
    for number, node in enumerate(instance.nodes):
        if node.rent:
            own = [task for task, place in enumerate(nodes) if place == number]
            if own:
                cost += node.rent * (max(finishes[task] for task in own) - min(starts[task] for task in own))
    return Evaluation(makespan, cost, instance.alpha * makespan + instance.beta * cost)


def evaluate(instance: Instance, schedule: Schedule) -> Evaluation:
    """What the schedule is worth, after all that it must keep has been checked.

    Raises:
        PlanningError: a task lies on a node that it may not use, begins before its inputs are there, or asks for more
            than is free.
    """
    starts, nodes = schedule
    told = worth(instance, schedule)
    slack = TOLERANCE * max(1.0, told.makespan)
    finishes = [start + instance.seconds(task, nodes[task]) for task, start in enumerate(starts)]
    allowed, predecessors = instance.allowed, instance.predecessors
    for task, node in enumerate(nodes):
        latest = starts[task] + slack
        if node not in allowed[task]:
            raise PlanningError(f"task {instance.ids[task]!r} may not run on node {instance.nodes[node].id!r}")
        if not latest >= 0.0:
            raise PlanningError(f"task {instance.ids[task]!r} begins at {starts[task]} s, before there is time")
        for place, needed in enumerate(predecessors[task]):
            there = finishes[needed]
            if nodes[needed] != node:
                there += instance.network.seconds(instance.edge_bytes[task][place], nodes[needed], node)
            if latest < there:
                raise PlanningError(
                    f"task {instance.ids[task]!r} begins at {starts[task]:g} s, and what it needs of "
                    f"{instance.ids[needed]!r} is there at {there:g} s"
                )
    _check_capacity(instance, schedule, finishes, slack)
    return told


def can_be_kept(instance: Instance, schedule: Schedule) -> bool:
    """Whether the schedule keeps all that it must, as `evaluate` checks it."""
    try:
        evaluate(instance, schedule)
    except PlanningError:
        return False
    return True


def _check_capacity(instance: Instance, schedule: Schedule, finishes: list[float], slack: float) -> None:
    starts = schedule.starts
    own: list[list[int]] = [[] for _ in instance.nodes]
    for task, node in enumerate(schedule.nodes):
        if finishes[task] > starts[task] + slack:
            own[node].append(task)
    if instance.together:
        changes = [(finishes[task] - slack, False, task) for tasks in own for task in tasks]
        changes.extend((starts[task], True, task) for tasks in own for task in tasks)
        changes.sort()
        for resource, amount in instance.together.items():
            _check_together(instance, resource, amount, changes)
    for told, tasks in zip(instance.nodes, own, strict=True):
        free, demands = list(told.capacity), instance.demands
        lacks = [-TOLERANCE * max(1.0, capacity) for capacity in told.capacity]
        ending = iter(sorted(tasks, key=finishes.__getitem__))
        next_end = next(ending, -1)
        for task in sorted(tasks, key=starts.__getitem__):
            at = starts[task]
            while finishes[next_end] - slack <= at:  # one that begins has not ended, so that there is always one
                for resource, amount in demands[next_end]:
                    free[resource] += amount
                next_end = next(ending)
            for resource, amount in demands[task]:
                free[resource] -= amount
                if free[resource] < lacks[resource]:
                    raise PlanningError(
                        f"at {at:g} s node {told.id!r} lacks {-free[resource]:g} {instance.resources[resource]} for "
                        f"task {instance.ids[task]!r}"
                    )


def _check_together(
    instance: Instance, resource: int, capacity: float, changes: Sequence[tuple[float, bool, int]]
) -> None:
    free = capacity
    for at, is_start, task in changes:
        amount = dict(instance.demands[task]).get(resource, 0.0)
        free += -amount if is_start else amount
        if free < -TOLERANCE * max(1.0, capacity):
            raise PlanningError(
                f"at {at:g} s all nodes together lack {-free:g} {instance.resources[resource]} for task {instance.ids[task]!r}"
            )
