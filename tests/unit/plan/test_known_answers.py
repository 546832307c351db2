"""The example whose best plans are known from brute force, and small graphs compared with all orders."""

from __future__ import annotations

import itertools
import random

import pytest

from partita.plan.bounds import lower_bounds
from partita.plan.documents import read_instance
from partita.plan.evaluation import Evaluation, Schedule, evaluate, worth
from partita.plan.greedy import first_come
from partita.plan.optimal import Prover
from partita.plan.placing import place_in_order
from partita.plan.planner import Means, make_plan
from tests.unit.plan.instances import ONE_NODE, TWO_NODES, example, random_instance


def test_on_one_node_order_is_worth_what_is_known() -> None:
    instance = read_instance(example(ONE_NODE))
    plan = make_plan(instance)
    assert plan.value == pytest.approx(Evaluation(5.0, 9.7, 3.91)) and plan.is_optimal
    assert worth(instance, first_come(instance)) == pytest.approx(Evaluation(7.0, 9.7, 4.31))


@pytest.mark.parametrize(("cpus", "makespans"), [(3, {8, 10}), (4, {8}), (5, {5, 7}), (6, {5})])
def test_makespans_of_all_orders(cpus: int, makespans: set[float]) -> None:
    instance = read_instance(example([{"id": "n1", "capacity": {"cpu": cpus}}]))
    schedules = [place_in_order(instance, order) for order in itertools.permutations(range(3))]
    assert {evaluate(instance, schedule).makespan for schedule in schedules} == makespans


@pytest.mark.parametrize(
    ("nodes", "makespan", "cost", "objective"),
    [((1, 1, 0), 6, 8.82, 3.846), ((0, 0, 0), 8, 9.7, 4.51), ((0, 0, 1), 10, 6.7, 4.01), ((1, 1, 1), 16, 5.82, 4.946)],
)
def test_placements_are_worth_what_is_known(
    nodes: tuple[int, ...], makespan: float, cost: float, objective: float
) -> None:
    instance = read_instance(example(TWO_NODES))
    best = min(
        (worth(instance, place_in_order(instance, order, nodes)) for order in itertools.permutations(range(3))),
        key=lambda value: value.objective,
    )
    assert best == pytest.approx(Evaluation(makespan, cost, objective))


def searched(beta: float) -> Schedule:
    instance = read_instance(example(TWO_NODES, beta=beta))
    return make_plan(instance, Means(lambda: 0.0, 1.0, random.Random(1), rounds=200)).schedule


def proved(beta: float) -> Schedule:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    instance = read_instance(example(TWO_NODES, beta=beta))
    hint = Schedule([0.0, 2.0, 5.0], [0, 0, 0])
    proof = Prover(instance, lower_bounds(instance)).solve(hint, 20.0, 1)
    assert proof.is_optimal
    return proof.schedule


@pytest.mark.parametrize("method", [searched, proved])
@pytest.mark.parametrize(
    ("beta", "makespan", "cost"),
    [
        (0.3, 6, 8.82), (0.8 / 2.12 - 1e-3, 6, 8.82), (0.8 / 2.12 + 1e-3, 10, 6.7), (1.2 / 0.88 - 1e-3, 10, 6.7),
        (1.2 / 0.88 + 1e-3, 16, 5.82),
    ],
)  # fmt: skip
def test_the_best_placement_moves_with_the_price_of_cost(
    method: object, beta: float, makespan: float, cost: float
) -> None:
    instance = read_instance(example(TWO_NODES, beta=beta))
    found = evaluate(instance, method(beta))  # type: ignore[operator]
    assert (found.makespan, found.cost) == pytest.approx((makespan, cost))


@pytest.mark.parametrize("seed", range(12))
def test_small_graphs_are_solved_as_by_brute_force(seed: int) -> None:
    """Some list gives the best schedule of a pool, so all of them together tell what it is."""
    instance = random_instance(seed, 6, whole=True)
    best = min(
        worth(instance, place_in_order(instance, order)).objective
        for order in itertools.permutations(range(6))
        if all(order.index(needed) < order.index(task) for task in order for needed in instance.predecessors[task])
    )
    plan = make_plan(instance, Means(lambda: 0.0, 1.0, random.Random(seed), rounds=300))
    assert plan.value.objective == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("nodes", [1, 2])
def test_what_is_proved_is_so(seed: int, nodes: int) -> None:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    instance = random_instance(seed, 8, nodes, whole=True, priced=True)
    found = make_plan(instance, Means(lambda: 0.0, 1.0, random.Random(seed), rounds=300))
    proof = Prover(instance, lower_bounds(instance)).solve(found.schedule, 5.0, 2)
    value = evaluate(instance, proof.schedule).objective
    assert proof.bound <= value + 1e-6
    assert value <= found.value.objective + 1e-9
    assert lower_bounds(instance).objective <= proof.bound + 1e-6
