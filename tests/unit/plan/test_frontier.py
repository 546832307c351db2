"""Time against cost, by the known answer of three tasks on a fast and a cheap node (brute force)."""

from __future__ import annotations

import pytest

from partita.plan.bounds import lower_bounds
from partita.plan.evaluation import Evaluation, Schedule, evaluate
from partita.plan.frontier import Point, apart, cheapen, frontier, pick, weighed
from partita.plan.instance import Instance, Node
from partita.plan.planner import make_plan


def three(alpha: float = 0.2, beta: float = 0.3) -> Instance:
    return Instance(
        name="three",
        nodes=[Node("fast", (3.0,), 1.0, (1.0,)), Node("cheap", (3.0,), 0.5, (0.3,))],
        resources=["cpu"], ids=["a", "b", "c"], durations=[2.0, 3.0, 5.0],
        demands=[((0, 1.0),), ((0, 2.0),), ((0, 3.0),)], weights=[0.2, 0.3, 0.5], edges=[], alpha=alpha, beta=beta,
    )  # fmt: skip


def solve(instance: Instance) -> Schedule:
    return make_plan(instance).schedule


def front(instance: Instance) -> list[Point]:
    return frontier(instance, lower_bounds(instance), solve)


def test_the_front_of_the_three_tasks() -> None:
    found = [(round(point.value.makespan, 6), round(point.value.cost, 6)) for point in front(three())]
    assert found == [(6.0, 8.82), (10.0, 6.7), (14.0, 6.54), (16.0, 5.82)]


def test_every_plan_of_a_front_can_be_done_and_none_is_beaten() -> None:
    problem = three()
    points = front(problem)
    for point in points:
        assert evaluate(problem, point.schedule) == point.value
    for one in points:
        assert not any(
            other.value.makespan <= one.value.makespan and other.value.cost <= one.value.cost
            for other in points if other is not one
        )  # fmt: skip


def test_plans_that_nobody_can_tell_apart_are_shown_once() -> None:
    points = front(three())
    fast = points[0].value
    twin = Point(points[0].schedule, fast._replace(makespan=fast.makespan * 1.001, cost=fast.cost * 0.999))
    assert apart([points[0], twin, *points[1:]], points[2]) == points
    assert apart([points[0], twin, *points[1:]], twin) == [twin, *points[1:]], "the one that is meant stays"
    assert apart(points[:1], points[0]) == points[:1]


def test_without_prices_the_front_is_the_fastest_plan() -> None:
    problem = Instance(
        name="free", nodes=[Node("n", (2.0,))], resources=["cpu"], ids=["a", "b"], durations=[1.0, 2.0],
        demands=[((0, 1.0),)] * 2, edges=[],
    )  # fmt: skip
    assert [point.value.makespan for point in front(problem)] == [2.0]


@pytest.mark.parametrize(
    ("deadline", "budget", "expected"),
    [
        (16.0, None, (16.0, 5.82)), (15.9, None, (14.0, 6.54)), (13.9, None, (10.0, 6.7)), (10.0, None, (10.0, 6.7)), (9.9, None, (6.0, 8.82)),
        (5.9, None, None), (None, 6.7, (10.0, 6.7)), (None, 100.0, (6.0, 8.82)), (None, 5.8, None),
        (12.0, 7.0, (10.0, 6.7)), (9.0, 7.0, None),
    ],
)  # fmt: skip
def test_the_plan_that_keeps_deadline_and_budget(
    deadline: float | None, budget: float | None, expected: tuple[float, float] | None
) -> None:
    problem = three()
    found = pick(problem, front(problem), deadline, budget)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.value.makespan, found.value.cost) == pytest.approx(expected)
        assert found.is_within(deadline, budget)


def test_towards_a_deadline_a_plan_is_made_cheaper_than_weighted_sums_find_one() -> None:
    """Ten equal tasks: between all on the fast and all on the cheap node lie plans on a straight line."""
    problem = Instance(
        name="line",
        nodes=[Node("fast", (1.0,), 2.0, (4.0,)), Node("cheap", (1.0,), 1.0, (1.0,))],
        resources=["cpu"], ids=[f"t{number}" for number in range(10)], durations=[2.0] * 10,
        demands=[((0, 1.0),)] * 10, edges=[(number, number + 1, 0.0) for number in range(9)],
    )  # fmt: skip
    fastest = Point(Schedule([float(number) for number in range(10)], [0] * 10), evaluate_all_fast(problem))
    found = cheapen(problem, fastest, 15.0)
    assert found.value.makespan <= 15.0
    assert found.value.cost == pytest.approx(5 * 4.0 + 5 * 2.0)


def evaluate_all_fast(problem: Instance) -> Evaluation:
    return evaluate(problem, Schedule([float(number) for number in range(10)], [0] * 10))


def test_another_objective_leaves_the_instance_as_it_is() -> None:
    problem = three()
    other = weighed(problem, 1.0, 0.0)
    assert (problem.alpha, problem.beta, other.alpha, other.beta) == (0.2, 0.3, 1.0, 0.0)
