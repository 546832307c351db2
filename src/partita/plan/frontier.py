"""Time against cost: plans of which none is both faster and cheaper, and the one that keeps a deadline or a budget.

The front is found by weighted sums, each pair of neighbours asking for what lies between them (Aneja and Nair, 1979). What
lies behind the straight lines between those plans no weighted sum finds: for that, each plan is made cheaper task by task,
as long as it stays faster than the next one, or keeps a deadline.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from partita.plan.bounds import Bounds
from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.instance import TOLERANCE, Instance
from partita.plan.packing import Packing
from partita.plan.placing import place_in_order
from partita.plan.ranks import order_by, upward_ranks

__all__ = ["Point", "apart", "cheapen", "frontier", "pick", "weighed"]

#: How many plans a front is made of, at most.
_MOST = 24
#: What of two ends counts in full where the other one hardly does.
_HARDLY = 1e-4
#: Plans whose times and costs are nearer to each other than this share are one to who looks at them.
_ALIKE = 0.003
#: Tasks that are placed anew, in all, while a plan is made cheaper.
_PLACED = 400_000


class Point(NamedTuple):
    """A plan of the front."""

    schedule: Schedule
    value: Evaluation

    def is_within(self, deadline_s: float | None, budget: float | None) -> bool:
        return _at_most(self.value.makespan, deadline_s) and _at_most(self.value.cost, budget)


def _at_most(value: float, limit: float | None) -> bool:
    return limit is None or value <= limit + TOLERANCE * max(1.0, limit)


def weighed(instance: Instance, alpha: float, beta: float) -> Instance:
    """The same instance with another objective."""
    made = copy.copy(instance)
    made.alpha, made.beta = alpha, beta
    return made


def frontier(instance: Instance, bounds: Bounds, solve: Callable[[Instance], Schedule]) -> list[Point]:
    """Plans of which none is both faster and cheaper than another, the fastest first.

    Args:
        bounds: of the instance, for the scale of time and cost.
        solve: plans for an instance's own alpha and beta.
    """
    scale = max(bounds.makespan, TOLERANCE) / max(bounds.cost, TOLERANCE)
    search = _Search(instance, solve)
    fastest = search.solved(1.0, _HARDLY * scale)
    if not any(any(node.price) or node.rent for node in instance.nodes):
        return [fastest]
    cheapest = search.solved(_HARDLY / scale, 1.0)
    pending = [(fastest, cheapest)]
    while pending and search.count < _MOST:
        fast, cheap = pending.pop(0)
        gained, lost = fast.value.cost - cheap.value.cost, cheap.value.makespan - fast.value.makespan
        if gained <= TOLERANCE or lost <= TOLERANCE:
            continue
        beta = lost / gained
        between = search.solved(1.0, beta)
        if _sum(between, beta) < _sum(fast, beta) * (1.0 - 1e-6):
            pending += [(fast, between), (between, cheap)]
    found = search.front()
    for fast, cheap in pairwise(found):
        limit = cheap.value.makespan * (1.0 - 2.0 * TOLERANCE) - 2.0 * TOLERANCE
        search.points.append(cheapen(instance, fast, limit, _PLACED // len(found)))
    return search.front()


def _sum(point: Point, beta: float) -> float:
    return point.value.makespan + beta * point.value.cost


class _Search:
    def __init__(self, instance: Instance, solve: Callable[[Instance], Schedule]) -> None:
        self.instance, self.solve, self.count = instance, solve, 0
        self.points: list[Point] = []

    def solved(self, alpha: float, beta: float) -> Point:
        self.count += 1
        schedule = self.solve(weighed(self.instance, alpha, beta))
        point = Point(schedule, worth(self.instance, schedule))
        self.points.append(point)
        return point

    def front(self) -> list[Point]:
        found: list[Point] = []
        for point in sorted(self.points, key=lambda point: (point.value.makespan, point.value.cost)):
            if not found or point.value.cost < found[-1].value.cost - TOLERANCE * max(1.0, found[-1].value.cost):
                found.append(point)
        return found


def apart(points: Sequence[Point], kept: Point) -> list[Point]:
    """The points that differ from each other to who looks at them, the fastest first.

    Args:
        kept: stays, and those that are like it go.
    """
    found: list[Point] = []
    for point in sorted({id(each): each for each in (*points, kept)}.values(), key=lambda each: each.value.makespan):
        like = next((each for each in found if _are_alike(each, point)), None)
        if like is None:
            found.append(point)
        elif point is kept:
            found[found.index(like)] = point
    return found


def _are_alike(one: Point, other: Point) -> bool:
    pairs = ((one.value.makespan, other.value.makespan), (one.value.cost, other.value.cost))
    return all(abs(first - second) <= _ALIKE * max(abs(first), abs(second)) for first, second in pairs)


def pick(instance: Instance, points: list[Point], deadline_s: float | None, budget: float | None) -> Point | None:
    """The cheapest plan that keeps the deadline, or without one the fastest within the budget; None: none of them does.

    Args:
        points: as `frontier` gives them.
    """
    if deadline_s is not None:
        in_time = [point for point in points if _at_most(point.value.makespan, deadline_s)]
        if not in_time:
            return None
        made = cheapen(instance, in_time[-1], deadline_s)
        best = min(made, in_time[-1], key=lambda point: point.value.cost)
        return best if _at_most(best.value.cost, budget) else None
    return next((point for point in points if _at_most(point.value.cost, budget)), None)


def cheapen(instance: Instance, point: Point, deadline_s: float, placed: int = _PLACED) -> Point:
    """The plan with tasks moved to cheaper nodes, one after the other, as long as the deadline is kept.

    Args:
        placed: how many tasks may be placed anew for it, in all.
    """
    packing, table = Packing(instance), instance.run_times()
    nodes, best = list(point.schedule.nodes), point
    left = placed // len(instance)
    moves = sorted(
        (instance.task_cost(task, node) - instance.task_cost(task, nodes[task]), task, node)
        for task, allowed in enumerate(instance.allowed)
        for node in allowed
    )
    order = order_by(instance, upward_ranks(instance))
    for _, task, node in moves:
        if left <= 0:
            break
        if instance.task_cost(task, node) >= instance.task_cost(task, nodes[task]):
            continue
        left -= 1
        before, nodes[task] = nodes[task], node
        schedule = place_in_order(instance, order, nodes, run_times=table, packing=packing)
        value = worth(instance, schedule)
        if _at_most(value.makespan, deadline_s) and value.cost < best.value.cost:
            best = Point(schedule, value)
        else:
            nodes[task] = before
    return best
