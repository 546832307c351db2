"""Time against cost, by the known answer of three tasks on a fast and a cheap node (brute force)."""

from __future__ import annotations

import random
from itertools import permutations, product

import pytest

from partita.plan.bounds import lower_bounds
from partita.plan.evaluation import Evaluation, Schedule, evaluate, worth
from partita.plan.frontier import apart, cheapen, frontier, pick, weighed
from partita.plan.instance import Instance, Network, Node
from partita.plan.pareto import Point
from partita.plan.placing import place_in_order
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


def drawn(seed: int) -> Instance:
    """A few tasks on a fast and a cheap node."""
    chance = random.Random(seed)
    count = chance.randint(3, 4)
    nodes = [Node("fast", (2.0,), 2.0, (chance.choice([3.0, 4.0, 5.0]),)), Node("cheap", (1.0,), 1.0, (1.0,), rent=0.5)]
    edges = [(one, other, 0.0) for one in range(count) for other in range(one + 1, count) if chance.random() < 0.25]
    return Instance(
        name="drawn", nodes=nodes, resources=["cpu"], ids=list("abcd"[:count]), edges=edges, network=Network(latency=0.1),
        durations=[float(chance.randint(2, 12)) for _ in range(count)], demands=[((0, 1.0),)] * count,
    )  # fmt: skip


def true_front(problem: Instance) -> list[Evaluation]:
    """By all orders and all nodes."""
    tasks, found = range(len(problem)), []
    orders = [
        order for order in permutations(tasks)
        if all(order.index(needed) < order.index(task) for task in tasks for needed in problem.predecessors[task])
    ]  # fmt: skip
    for nodes in product(*problem.allowed):
        found += [worth(problem, place_in_order(problem, order, nodes)) for order in orders]
    best: list[Evaluation] = []
    for value in sorted(found):
        if not best or value.cost < best[-1].cost - 1e-9:
            best.append(value)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_within_every_budget_and_deadline_nothing_better_is_left(seed: int) -> None:
    problem = drawn(seed)
    points, best = front(problem), true_front(problem)
    assert [point.value[:2] for point in points] == [pytest.approx(value[:2]) for value in best]
    few = [points[0], points[-1]]
    for value in best:
        fastest = pick(problem, few, None, value.cost)
        cheapest = pick(problem, few, value.makespan, None)
        assert fastest is not None and fastest.value.makespan == pytest.approx(value.makespan)
        assert cheapest is not None and cheapest.value.cost == pytest.approx(value.cost)
        assert evaluate(problem, fastest.schedule) == fastest.value


def test_between_two_plans_of_many_tasks_there_is_one_for_each_budget_and_deadline() -> None:
    """Each task is a second on the fast node, for 4, and two on the cheap one, for 2."""
    count = 300
    problem = Instance(
        name="line",
        nodes=[Node("fast", (1.0,), 2.0, (4.0,)), Node("cheap", (1.0,), 1.0, (1.0,))],
        resources=["cpu"], ids=[f"t{number}" for number in range(count)], durations=[2.0] * count,
        demands=[((0, 1.0),)] * count, edges=[(number, number + 1, 0.0) for number in range(count - 1)],
    )  # fmt: skip
    ends = [place_in_order(problem, range(count), [node] * count) for node in (0, 1)]
    points = [Point(schedule, worth(problem, schedule)) for schedule in ends]
    for share in (0.1, 0.5, 0.9):
        fast = round(share * count)
        found = pick(problem, points, None, 4.0 * fast + 2.0 * (count - fast), 10_000)
        assert found is not None and found.value.makespan == pytest.approx(2.0 * count - fast)
        found = pick(problem, points, 2.0 * count - fast, None, 10_000)
        assert found is not None and found.value.cost == pytest.approx(2.0 * (count + fast))


def test_of_very_many_plans_some_are_shown() -> None:
    nothing = Schedule([], [])
    points = [Point(nothing, Evaluation(1000.0 + 7 * n, 9000.0 - 40 * n, 0.0)) for n in range(200)]
    shown = apart(points, points[77])
    assert 20 < len(shown) <= 40 and points[77] in shown


def evaluate_all_fast(problem: Instance) -> Evaluation:
    return evaluate(problem, Schedule([float(number) for number in range(10)], [0] * 10))


def test_another_objective_leaves_the_instance_as_it_is() -> None:
    problem = three()
    other = weighed(problem, 1.0, 0.0)
    assert (problem.alpha, problem.beta, other.alpha, other.beta) == (0.2, 0.3, 1.0, 0.0)
