"""What a plan is made for, and that what is compared with it is made for the same."""

from __future__ import annotations

from math import inf

import pytest

from partita.plan.aims import Aim
from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.instance import Instance, Node
from partita.plan.placing import place_in_order

VALUE = Evaluation(10.0, 3.0, 42.0)


@pytest.mark.parametrize(
    ("aim", "expected"),
    [
        (Aim(), 42.0), (Aim(10.0), 3.0), (Aim(9.0), inf), (Aim(10.0, 2.0), inf), (Aim(None, 3.0), 10.0), (Aim(None, 2.0), inf),
        (Aim(9.0, is_out_of_reach=True), 10.0), (Aim(None, 2.0, is_out_of_reach=True), 3.0),
    ],
)  # fmt: skip
def test_what_is_to_be_small(aim: Aim, expected: float) -> None:
    assert aim.measure(VALUE) == expected


def chain() -> Instance:
    return Instance(
        name="chain", nodes=[Node("fast", (1.0,), 2.0, (4.0,)), Node("cheap", (1.0,), 1.0, (1.0,))], resources=["cpu"],
        ids=[f"t{number}" for number in range(6)], durations=[2.0] * 6, demands=[((0, 1.0),)] * 6,
        edges=[(number, number + 1, 0.0) for number in range(5)],
    )  # fmt: skip


def no_objective(problem: Instance) -> Schedule:
    raise AssertionError("it was asked for its own objective")


@pytest.mark.parametrize(
    ("aim", "expected"),
    [
        (Aim(9.0), (9.0, 18.0)), (Aim(None, 18.0), (9.0, 18.0)), (Aim(1.0, is_out_of_reach=True), (6.0, 24.0)),
        (Aim(None, 1.0, is_out_of_reach=True), (12.0, 12.0)),
    ],
)  # fmt: skip
def test_what_is_compared_with_a_plan_is_planned_for_the_same(aim: Aim, expected: tuple[float, float]) -> None:
    problem = chain()
    known = place_in_order(problem, range(6), [0] * 6)
    assert worth(problem, aim.planned_like(known, no_objective)(problem))[:2] == pytest.approx(expected)


def test_without_a_constraint_the_own_objective_counts() -> None:
    problem = chain()
    known = place_in_order(problem, range(6), [0] * 6)
    assert Aim().planned_like(known, lambda other: known)(problem) is known
