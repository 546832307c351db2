"""When everything will be done: drawn durations, and a plan that is followed without wasting anything."""

from __future__ import annotations

import random
from math import exp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.plan.evaluation import Schedule, evaluate, worth
from partita.plan.forecast import Forecast, Uncertain, forecast, replay
from partita.plan.instance import Instance, Network, Node
from partita.plan.planner import make_plan
from partita.plan.spreads import Guess


def instance(
    durations: list[float],
    edges: list[tuple[int, int, float]] | None = None,
    capacities: tuple[float, ...] = (2.0,),
    cores: list[int] | None = None,
    overrides: dict[int, dict[int, float]] | None = None,
    network: Network | None = None,
) -> Instance:
    cores = cores or [1] * len(durations)
    return Instance(
        name="it",
        nodes=[Node(f"n{number}", (capacity,)) for number, capacity in enumerate(capacities)],
        resources=["cpu"],
        ids=[f"t{number}" for number in range(len(durations))],
        durations=durations,
        demands=[((0, float(count)),) for count in cores],
        edges=edges or [],
        overrides=overrides,
        network=network,
    )


def uncertain(problem: Instance, sigma: float, shared: float = 0.0, group: str = "") -> list[Uncertain]:
    return [
        Uncertain(Guess(duration, sigma), group or own, shared)
        for own, duration in zip(problem.ids, problem.durations, strict=True)
    ]


def drawn(problem: Instance, known: list[Uncertain], samples: int = 400, seed: int = 1) -> Forecast:
    return forecast(problem, make_plan(problem).schedule, known, random.Random(seed).random, samples)


def test_without_doubt_the_finish_is_the_planned_one() -> None:
    problem = instance([2.0, 3.0, 5.0, 1.0], [(0, 3, 0.0)])
    planned = make_plan(problem).value.makespan
    assert drawn(problem, uncertain(problem, 0.0), 20).makespans == pytest.approx((planned,) * 20)


def test_one_step_has_the_quantiles_of_its_own_distribution() -> None:
    problem = instance([10.0])
    found = drawn(problem, uncertain(problem, 0.5, 0.4), 8000)
    for share, z in ((0.1, -1.2816), (0.5, 0.0), (0.9, 1.2816)):
        assert found.quantile(share) == pytest.approx(10.0 * exp(0.5 * z), rel=0.04)


def test_errors_that_steps_have_in_common_do_not_cancel_out() -> None:
    problem = instance([1.0] * 40, [(number, number + 1, 0.0) for number in range(39)])
    alone = drawn(problem, uncertain(problem, 0.5, 0.0, "f"))
    together = drawn(problem, uncertain(problem, 0.5, 1.0, "f"))
    assert together.quantile(0.9) - together.quantile(0.1) > 4 * (alone.quantile(0.9) - alone.quantile(0.1))
    assert together.quantile(0.5) == pytest.approx(40.0, rel=0.1)


def test_groups_err_by_themselves() -> None:
    problem = instance([1.0] * 40, [(number, number + 1, 0.0) for number in range(39)])
    one = drawn(problem, uncertain(problem, 0.5, 1.0, "f"))
    two = drawn(problem, [Uncertain(Guess(1.0, 0.5), f"f{number % 2}", 1.0) for number in range(40)])
    assert two.quantile(0.9) < one.quantile(0.9)


def test_the_same_seed_draws_the_same() -> None:
    problem = instance([1.0, 2.0, 3.0, 4.0])
    known = uncertain(problem, 0.6)
    assert drawn(problem, known, 30, seed=5) == drawn(problem, known, 30, seed=5)
    assert drawn(problem, known, 30, seed=5) != drawn(problem, known, 30, seed=6)


def test_quantiles_and_chances_agree() -> None:
    found = Forecast((1.0, 2.0, 3.0, 4.0, 5.0))
    assert [found.quantile(share) for share in (0.0, 0.1, 0.5, 0.9, 1.0)] == pytest.approx([1.0, 1.4, 3.0, 4.6, 5.0])
    assert (found.chance(0.5), found.chance(3.0), found.chance(9.0)) == (0.0, 0.6, 1.0)
    assert Forecast((7.0,)).quantile(0.9) == 7.0


def test_steps_that_take_no_time_end_at_once() -> None:
    problem = instance([0.0, 0.0, 2.0, 0.0], [(0, 1, 0.0), (1, 2, 0.0), (2, 3, 0.0)])
    assert replay(problem, make_plan(problem).schedule, [0.0, 0.0, 2.0, 0.0]) == [0.0, 0.0, 0.0, 2.0]
    assert set(drawn(problem, uncertain(problem, 0.0), 5).makespans) == {2.0}


def test_nothing_waits_for_a_late_step_without_need() -> None:
    """Of the plan only the order is kept: where a step takes longer, what does not need it goes before."""
    problem = instance([1.0, 1.0, 5.0], [(0, 1, 0.0)], capacities=(1.0,))
    schedule = Schedule([0.0, 1.0, 2.0], [0, 0, 0])
    assert replay(problem, schedule, [1.0, 1.0, 5.0]) == [0.0, 1.0, 2.0]
    two = instance([1.0, 1.0, 5.0], [(0, 1, 0.0)], capacities=(2.0,))
    assert replay(two, Schedule([0.0, 1.0, 1.0], [0, 0, 0]), [9.0, 1.0, 5.0]) == [0.0, 9.0, 0.0]


def test_moving_a_result_takes_its_time() -> None:
    problem = instance([1.0, 1.0], [(0, 1, 100.0)], capacities=(1.0, 1.0), network=Network(bandwidth=50.0, latency=0.5))
    assert replay(problem, Schedule([0.0, 3.5], [0, 1]), [1.0, 1.0]) == [0.0, 3.5]
    assert replay(problem, Schedule([0.0, 1.0], [0, 0]), [2.0, 1.0]) == [0.0, 2.0]


@st.composite
def problems(draw: Any) -> tuple[Instance, Instance]:
    """An instance, and the same with what its tasks really take."""
    count = draw(st.integers(1, 14))
    planned = draw(st.lists(st.floats(0, 9), min_size=count, max_size=count))
    real = draw(st.lists(st.floats(0, 30), min_size=count, max_size=count))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), st.floats(0, 100))
    edges = {(a, b): (a, b, size) for a, b, size in draw(st.lists(pairs, max_size=20)) if a < b}
    nodes = draw(st.integers(1, 3))
    cores = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    network = Network(draw(st.sampled_from([0.0, 40.0])), draw(st.sampled_from([0.0, 0.5])))
    overrides = {task: dict.fromkeys(range(nodes), seconds) for task, seconds in enumerate(real)}
    given_edges = list(edges.values())
    capacities = tuple(3.0 + number for number in range(nodes))
    return (
        instance(planned, given_edges, capacities, cores, None, network),
        instance(planned, given_edges, capacities, cores, overrides, network),
    )


@settings(deadline=None)
@given(problems())
def test_what_is_followed_can_be_done(pair: tuple[Instance, Instance]) -> None:
    """Whatever durations come, capacities, needs and transfers are kept, and every step begins."""
    planned, real = pair
    schedule = make_plan(planned).schedule
    seconds = [real.seconds(task, node) for task, node in enumerate(schedule.nodes)]
    followed = Schedule(replay(planned, schedule, seconds), schedule.nodes)
    evaluate(real, followed)
    assert worth(real, followed).makespan <= sum(seconds) + 3.5 * len(planned)  # each waits for one transfer at most
