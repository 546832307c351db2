"""Why a plan takes as long as it does, and what more would bring."""

from __future__ import annotations

import pytest

from partita.plan.evaluation import Schedule, worth
from partita.plan.insight import bottleneck, busy_shares, critical_path, node_costs, what_more_brings
from partita.plan.instance import Instance, Network, Node
from partita.plan.planner import make_plan


def instance(
    nodes: list[Node], durations: list[float], edges: list[tuple[int, int, float]], **given: object
) -> Instance:
    return Instance(
        name="it", nodes=nodes, resources=["cpu", "gpu"], ids=[f"t{number}" for number in range(len(durations))],
        durations=durations, demands=[((0, 1.0),)] * len(durations), edges=edges, **given,  # type: ignore[arg-type]
    )  # fmt: skip


ONE = [Node("one", (1.0, 0.0))]


def solve(problem: Instance) -> Schedule:
    return make_plan(problem).schedule


def test_the_critical_path_is_the_longest_chain_of_needs() -> None:
    problem = instance([Node("n", (4.0, 0.0))], [1.0, 5.0, 2.0, 1.0], [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0)])
    assert critical_path(problem, make_plan(problem).schedule) == [0, 1, 3]


def test_transfers_are_on_the_critical_path() -> None:
    nodes = [Node("a", (1.0, 0.0)), Node("b", (1.0, 0.0))]
    problem = instance(nodes, [1.0, 2.0, 1.0], [(0, 2, 100.0), (1, 2, 0.0)], network=Network(bandwidth=10.0))
    assert critical_path(problem, Schedule([0.0, 0.0, 11.0], [0, 1, 1])) == [0, 2]
    assert critical_path(problem, Schedule([0.0, 0.0, 2.0], [1, 1, 1])) == [1, 2]


def test_what_narrows_is_the_path_or_what_is_held_most() -> None:
    chain = instance(ONE, [1.0, 2.0], [(0, 1, 0)])
    plan = make_plan(chain)
    assert bottleneck(chain, plan.schedule, plan.value.makespan, [0, 1]) == (-1, -1, 1.0)
    wide = instance(ONE, [1.0, 1.0, 1.0, 1.0], [])
    plan = make_plan(wide)
    found = bottleneck(wide, plan.schedule, plan.value.makespan, critical_path(wide, plan.schedule))
    assert (found.node, found.resource, found.share) == (0, 0, pytest.approx(1.0))


def test_shares_are_of_what_there_is_until_the_end() -> None:
    problem = instance([Node("n", (2.0, 1.0))], [4.0, 2.0], [])
    assert busy_shares(problem, Schedule([0.0, 0.0], [0, 0]), 4.0) == [[0.75, 0.0]]
    assert busy_shares(problem, Schedule([0.0, 0.0], [0, 0]), 0.0) == [[0.0, 0.0]]


def test_costs_of_nodes_add_up_to_the_cost() -> None:
    nodes = [
        Node("a", (2.0, 0.0), 1.0, (2.0, 0.0), 0.5),
        Node("b", (2.0, 0.0), 2.0, (1.0, 0.0)),
        Node("c", (2.0, 0.0), rent=9.0),
    ]
    problem = instance(nodes, [4.0, 2.0, 6.0], [])
    schedule = Schedule([0.0, 1.0, 5.0], [0, 0, 1])
    assert node_costs(problem, schedule) == [8.0 + 4.0 + 0.5 * 4.0, 3.0, 0.0]
    assert sum(node_costs(problem, schedule)) == pytest.approx(worth(problem, schedule).cost)


def test_one_more_core_or_node_is_planned_anew() -> None:
    problem = instance(ONE, [3.0, 3.0, 3.0], [])
    plan = make_plan(problem)
    found = what_more_brings(problem, plan.schedule, solve)
    assert [(more.node, more.resource, more.value.makespan) for more in found] == [(0, 0, 6.0), (0, -1, 6.0)]


def test_more_is_never_told_to_be_worse() -> None:
    problem = instance(ONE, [3.0, 3.0], [])
    plan = make_plan(problem)
    found = what_more_brings(problem, plan.schedule, lambda changed: Schedule([0.0, 96.0], [0, 0]))
    assert {more.value for more in found} == {plan.value}


def test_a_twin_takes_what_its_like_may_take() -> None:
    """Where steps may only run on one node, its twin helps and others do not; its own durations and links count too."""
    nodes = [Node("a", (1.0, 0.0)), Node("b", (1.0, 0.0))]
    problem = instance(
        nodes, [4.0, 4.0, 1.0], [(0, 2, 10.0)], restricted={0: (0,), 1: (0,)}, overrides={0: {0: 2.0}, 1: {0: 2.0}},
        network=Network(links={(0, 1): (10.0, 0.0)}),
    )  # fmt: skip
    plan = make_plan(problem)
    found = what_more_brings(problem, plan.schedule, solve)
    gains = {(more.node, more.resource): more.value.makespan for more in found}
    assert plan.value.makespan == 4.0
    assert gains[0, -1] == 3.0
    assert gains.get((1, -1), 4.0) == 4.0


def test_another_node_brings_no_further_licence_and_a_licence_is_one_more() -> None:
    problem = Instance(
        name="it", nodes=[Node("n", (4.0, 1.0))], resources=["cpu", "slot licence"], ids=["a", "b"], durations=[3.0, 3.0],
        demands=[((0, 1.0), (1, 1.0))] * 2, edges=[],
    )  # fmt: skip
    plan = make_plan(problem)
    found = what_more_brings(problem, plan.schedule, solve)
    gains = {more.resource: more.value.makespan for more in found}
    assert gains == {0: 6.0, 1: 3.0, -1: 6.0}


def test_what_is_as_good_without_more_is_no_gain() -> None:
    """The plan as it is leaves a core idle; what makes use of it needs no further one."""
    problem = instance([Node("two", (2.0, 0.0))], [3.0, 3.0], [])
    found = what_more_brings(problem, Schedule([0.0, 3.0], [0, 0]), solve)
    assert {more.value.makespan for more in found} == {6.0}


def test_what_is_to_be_small_can_be_said() -> None:
    nodes = [Node("fast", (1.0, 0.0), 2.0, (9.0, 0.0)), Node("cheap", (1.0, 0.0), 1.0, (1.0, 0.0))]
    problem = instance(nodes, [4.0, 4.0], [])
    slow = Schedule([0.0, 4.0], [1, 1])
    found = what_more_brings(problem, slow, solve, lambda value: value.cost)
    assert {(more.value.makespan, more.value.cost) for more in found} == {(8.0, 8.0)}
