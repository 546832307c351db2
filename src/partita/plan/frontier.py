"""Time against cost: plans of which none is both faster and cheaper, and the one that keeps a deadline or a budget.

The front is found by weighted sums, each pair of neighbours asking for what lies between them (Aneja and Nair, 1979). What
lies behind the straight lines between those plans no weighted sum finds: for that, each plan is made cheaper task by task,
as long as it stays faster than the next one, or keeps a deadline, and what lies near the plans is looked at. Within a budget
the same is done for the earliest deadline that it allows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from partita.plan.bounds import Bounds
from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.instance import TOLERANCE, Instance
from partita.plan.packing import Packing
from partita.plan.pareto import ParetoSearch, Point, at_most
from partita.plan.placing import place_in_order
from partita.plan.ranks import order_by, upward_ranks

__all__ = ["PLACED", "apart", "cheapen", "front_of", "frontier", "pick", "weighed"]

#: How many plans a front is made of, at most.
_MOST = 24
#: What of two ends counts in full where the other one hardly does.
_HARDLY = 1e-4
#: Plans whose times and costs are nearer to each other than this share are one to who looks at them.
_ALIKE = 0.003
#: Plans that are shown, at most.
_SHOWN = 40
#: Tasks that are placed anew, in all, while plans are made cheaper, and while what lies near them is looked at.
PLACED = 400_000
#: Deadlines that are tried for a budget.
_DEADLINES = 7


def weighed(instance: Instance, alpha: float, beta: float) -> Instance:
    """The same instance with another objective."""
    made = copy.copy(instance)
    made.alpha, made.beta = alpha, beta
    return made


def frontier(
    instance: Instance, bounds: Bounds, solve: Callable[[Instance], Schedule], placed: int = PLACED
) -> list[Point]:
    """Plans of which none is both faster and cheaper than another, the fastest first.

    Args:
        bounds: of the instance, for the scale of time and cost.
        solve: plans for an instance's own alpha and beta.
        placed: how many tasks may be placed anew to improve on these plans, in all.
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
    left = _for_moves(instance, placed)
    for fast, cheap in pairwise(found):
        limit = cheap.value.makespan * (1.0 - 2.0 * TOLERANCE) - 2.0 * TOLERANCE
        search.points.append(cheapen(instance, fast, limit, left // len(found)))
    return _explored(instance, search.front(), placed // 2)


def _for_moves(instance: Instance, placed: int) -> int:
    """How many of the tasks may be placed to make plans cheaper: few where that is not enough to move each."""
    if _can_explore(instance, placed // 2):
        return placed // 2
    return placed if _can_explore(instance, placed) else placed // 4


def _can_explore(instance: Instance, placed: int) -> bool:
    """Whether all that lies near one plan can be looked at."""
    return len(instance) ** 2 <= placed


def _explored(
    instance: Instance, points: Sequence[Point], placed: int, distance: Callable[[Evaluation], float] | None = None
) -> list[Point]:
    """The front with what lies near its plans, where tasks are few enough to look at all that lies near one.

    Args:
        distance: as `ParetoSearch.explore` takes it.
    """
    if not _can_explore(instance, placed):
        return list(points)
    search = ParetoSearch(instance, placed)
    search.add(points)
    search.explore(distance)
    return search.points


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
        return front_of(self.points)


def front_of(points: Iterable[Point]) -> list[Point]:
    """Those points of which no other one is both faster and cheaper, the fastest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.value.makespan, point.value.cost)):
        if not found or point.value.cost < found[-1].value.cost - TOLERANCE * max(1.0, found[-1].value.cost):
            found.append(point)
    return found


def apart(points: Sequence[Point], kept: Point) -> list[Point]:
    """The points that differ from each other to who looks at them, the fastest first; of very many some.

    Args:
        kept: stays, and those that are like it go.
    """
    alike = _ALIKE
    found = _apart(points, kept, alike)
    while len(found) > _SHOWN:
        alike *= 1.3
        found = _apart(points, kept, alike)
    return found


def _apart(points: Sequence[Point], kept: Point, alike: float) -> list[Point]:
    found: list[Point] = []
    for point in sorted({id(each): each for each in (*points, kept)}.values(), key=lambda each: each.value.makespan):
        like = next((each for each in found if _are_alike(each, point, alike)), None)
        if like is None:
            found.append(point)
        elif point is kept:
            found[found.index(like)] = point
    return found


def _are_alike(one: Point, other: Point, alike: float) -> bool:
    pairs = ((one.value.makespan, other.value.makespan), (one.value.cost, other.value.cost))
    return all(abs(first - second) <= alike * max(abs(first), abs(second)) for first, second in pairs)


def pick(
    instance: Instance, points: Sequence[Point], deadline_s: float | None, budget: float | None, placed: int = PLACED
) -> Point | None:
    """The cheapest plan that keeps the deadline, or without one the fastest within the budget; None: none was found.

    Args:
        points: as `frontier` gives them.
        placed: how many tasks may be placed anew to improve on these plans, in all.
    """
    if deadline_s is None and budget is None:
        return points[0]
    left = _for_moves(instance, placed)
    if deadline_s is not None:
        found = front_of([*points, *_mixed(instance, points, lambda value: value.makespan > deadline_s)])
        found += _cheapened(instance, found, deadline_s, left)
        found += _explored(instance, front_of(found), placed // 2, lambda value: abs(value.makespan - deadline_s))
        best = min(
            (point for point in found if at_most(point.value.makespan, deadline_s)),
            key=lambda point: (point.value.cost, point.value.makespan),
            default=None,
        )
        return best if best is not None and at_most(best.value.cost, budget) else None
    assert budget is not None
    found = front_of([*points, *_mixed(instance, points, lambda value: at_most(value.cost, budget))])
    found += _hastened(instance, found, budget, left)
    found += _explored(instance, front_of(found), placed // 2, lambda value: abs(value.cost - budget))
    affordable = [point for point in found if at_most(point.value.cost, budget)]
    return min(affordable, key=lambda point: (point.value.makespan, point.value.cost), default=None)


def _mixed(instance: Instance, points: Sequence[Point], is_cheap_enough: Callable[[Evaluation], bool]) -> list[Point]:
    """Plans between the two on both sides of a limit: some tasks where the fast one has them, some where the cheap one has.

    With many tasks hardly any other plan between them can be looked at.

    Args:
        is_cheap_enough: whether a plan lies on the cheap one's side.
    """
    cheap = next((number for number, point in enumerate(points) if is_cheap_enough(point.value)), 0)
    if not cheap:
        return []
    packing, table = Packing(instance), instance.run_times()
    order = order_by(instance, upward_ranks(instance))
    fast_nodes, cheap_nodes = points[cheap - 1].schedule.nodes, points[cheap].schedule.nodes
    apart = [task for task in order if fast_nodes[task] != cheap_nodes[task]]
    made = []
    saved = {
        task: instance.task_cost(task, fast_nodes[task]) - instance.task_cost(task, cheap_nodes[task]) for task in apart
    }
    for turned in (apart, apart[::-1], sorted(apart, key=lambda task: -saved[task])):
        low, high = 0, len(turned)
        while high - low > 1:
            middle = (low + high) // 2
            nodes = list(fast_nodes)
            for task in turned[:middle]:
                nodes[task] = cheap_nodes[task]
            schedule = place_in_order(instance, order, nodes, run_times=table, packing=packing)
            made.append(Point(schedule, worth(instance, schedule)))
            if is_cheap_enough(made[-1].value):
                high = middle
            else:
                low = middle
    return made


def _cheapened(instance: Instance, points: Sequence[Point], deadline_s: float, placed: int) -> list[Point]:
    in_time = [point for point in points if at_most(point.value.makespan, deadline_s)]
    return [cheapen(instance, in_time[-1], deadline_s, placed)] if in_time else []


def _hastened(instance: Instance, points: Sequence[Point], budget: float, placed: int) -> list[Point]:
    """Cheapened plans with ever earlier deadlines, as long as the budget is kept."""
    dear = [point for point in points if not at_most(point.value.cost, budget)]
    if not dear or len(dear) == len(points):
        return []
    made = []
    early, late = dear[-1].value.makespan, points[len(dear)].value.makespan
    for _ in range(_DEADLINES):
        deadline_s = (early + late) / 2
        made.append(cheapen(instance, dear[-1], deadline_s, placed // _DEADLINES))
        if at_most(made[-1].value.cost, budget):
            late = min(deadline_s, made[-1].value.makespan)
        else:
            early = deadline_s
    return made


def cheapen(instance: Instance, point: Point, deadline_s: float, placed: int = PLACED) -> Point:
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
        if at_most(value.makespan, deadline_s) and value.cost < best.value.cost:
            best = Point(schedule, value)
        else:
            nodes[task] = before
    return best
