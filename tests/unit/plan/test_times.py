"""Instances whose times are no numbers any more are refused, whoever made them."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import PlanningError
from partita.plan.instance import Instance, Network, Node
from partita.plan.planner import make_plan


def instance(durations: list[float], speed: float = 1.0, **more: Any) -> Instance:
    return Instance(
        name="it", nodes=[Node("slow", (1.0,), speed), Node("other", (1.0,))], resources=["cpu"],
        ids=[f"t{number}" for number in range(len(durations))], durations=durations,
        demands=[((0, 1.0),) for _ in durations], **{"edges": [], **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("durations", "more", "message"),
    [
        ([1.0, 1.0], {"speed": 1e-320}, "the tasks run for .* on node 'slow', whose speed is 9.99989e-321"),
        ([1e308, 1e308], {}, "the tasks run for"), ([1.0], {"overrides": {0: {0: 1e300}}}, "the tasks run for"),
        ([1.0, 1.0], {"edges": [(0, 1, 1e9)], "network": Network(1e-320)}, "moving .* bytes"),
        ([1.0, 1.0], {"edges": [(0, 1, 0.0)], "network": Network(latency=1e300)}, "moving .* bytes"),
    ],
)  # fmt: skip
def test_times_that_are_no_numbers_are_refused(durations: list[float], more: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanningError, match=message):
        instance(durations, **more)


def test_slow_and_long_is_planned() -> None:
    plan = make_plan(instance([1e9, 1e-9, 0.0], 1e-6, edges=[(0, 1, 5.0)], network=Network(1.0, 2.0)))
    assert plan.value.makespan == pytest.approx(1e9)
