"""Resources that all nodes have together: licences, calls to a service."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.errors import PlanningError
from partita.plan.bounds import lower_bounds
from partita.plan.evaluation import Schedule, evaluate
from partita.plan.forecast import replay
from partita.plan.frontier import frontier
from partita.plan.greedy import first_come
from partita.plan.insight import bottleneck, busy_shares, critical_path, what_more_brings
from partita.plan.instance import Instance, Network, Node
from partita.plan.planner import Means, make_plan


def instance(
    seconds: list[float], held: list[float], *, have: float = 2.0, cores: float = 4.0, seed: int | None = None
) -> Instance:
    """Tasks that hold a core and some licences each, on three nodes of which the last has no licences."""
    chance = random.Random(seed)
    count = len(seconds)
    edges = [
        (chance.randrange(task), task, chance.random())
        for task in range(1, count)
        if seed is not None and chance.random() < 0.5
    ]
    return Instance(
        name="it",
        nodes=[
            Node("a", (cores, have), 1.0, (1.0, 0.0)),
            Node("b", (cores, have), 1.0 if seed is None else 2.0, (3.0, 0.0)),
            Node("c", (cores, 0.0), 1.0, (0.5, 0.0)),
        ],
        resources=["cpu", "slot licence"],
        ids=[f"t{task}" for task in range(count)],
        durations=seconds,
        demands=[((0, 1.0), (1, amount)) if amount else ((0, 1.0),) for amount in held],
        edges=edges,
        together={1: have},
        network=Network(bandwidth=1.0 if seed is not None else 0.0),
        beta=0.1 if seed is not None else 0.0,
    )  # fmt: skip


def test_what_all_nodes_have_together_is_held_once() -> None:
    problem = instance([2.0] * 6, [1.0] * 6)
    assert lower_bounds(problem).makespan == 6.0
    plan = make_plan(problem)
    assert plan.is_optimal and evaluate(problem, plan.schedule).makespan == 6.0


def test_what_needs_none_of_it_goes_on_beside() -> None:
    problem = instance([2.0] * 4 + [4.0] * 8, [1.0] * 4 + [0.0] * 8)
    assert evaluate(problem, make_plan(problem).schedule).makespan == 4.0
    assert evaluate(problem, first_come(problem)).makespan == 4.0


def test_a_schedule_that_holds_more_is_refused() -> None:
    problem = instance([2.0] * 3, [1.0] * 3)
    with pytest.raises(PlanningError, match="at 1 s all nodes together lack 1 slot licence for task 't2'"):
        evaluate(problem, Schedule([0.0, 0.0, 1.0], [0, 1, 1]))
    evaluate(problem, Schedule([0.0, 0.0, 2.0], [0, 1, 1]))


def test_what_asks_for_more_than_there_is_fits_nowhere() -> None:
    with pytest.raises(PlanningError, match="fits on no node"):
        instance([1.0], [3.0])


@given(
    st.lists(st.tuples(st.floats(0, 9), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=18), st.integers(0, 99)
)
@settings(deadline=None, max_examples=60)
def test_every_plan_can_be_kept(rows: list[tuple[float, float]], seed: int) -> None:
    problem = instance([row[0] for row in rows], [row[1] for row in rows], cores=2.0, seed=seed)
    means = Means(lambda: 0.0, 1.0, random.Random(seed), rounds=30)
    plans = [make_plan(problem), make_plan(problem, means)]
    front = frontier(problem, lower_bounds(problem), lambda other: make_plan(other).schedule, 5_000)
    for schedule in (first_come(problem), *(plan.schedule for plan in plans), *(point.schedule for point in front)):
        value = evaluate(problem, schedule)
        assert value.objective >= lower_bounds(problem).objective * (1 - 1e-9) - 1e-9
        seconds = [problem.seconds(task, node) for task, node in enumerate(schedule.nodes)]
        evaluate(problem, Schedule(replay(problem, schedule, seconds), schedule.nodes))


def test_the_solver_proves_what_is_held_together() -> None:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    from partita.plan.optimal import Prover

    problem = instance([3.0, 2.0, 2.0, 1.0], [2.0, 1.0, 1.0, 1.0])
    proof = Prover(problem, lower_bounds(problem)).solve(first_come(problem), 20.0, workers=1)
    assert proof.is_optimal and evaluate(problem, proof.schedule).makespan == 6.0


def test_it_can_be_what_is_short_and_one_more_is_one_for_all() -> None:
    problem = instance([2.0] * 6, [1.0] * 6)
    plan = make_plan(problem)
    shares = busy_shares(problem, plan.schedule, plan.value.makespan)
    assert [row[1] for row in shares] == [1.0, 1.0, 0.0]
    narrow = bottleneck(problem, plan.schedule, plan.value.makespan, critical_path(problem, plan.schedule))
    assert (problem.resources[narrow.resource], narrow.share) == ("slot licence", 1.0)
    found = what_more_brings(problem, plan.schedule, lambda other: make_plan(other).schedule)
    assert [more.value.makespan for more in found if more.resource == 1] == [4.0]
