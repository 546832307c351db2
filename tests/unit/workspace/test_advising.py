"""What the last run of a flow says of its critical path and of its executors."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from partita.plan.planner import make_plan
from partita.workspace.advising import executor_advice, is_no_worse, split_advice
from partita.workspace.flow_instance import NoHistory, Prepared, prepare
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.what_if import Machines, PlannedNode
from tests.unit.drawing.plans import step

CHAIN = [step("load"), step("train", [0]), step("report", [1])]
ONE = (PlannedNode("process", "process", {"cpu": 4.0}),)
TWO = (*ONE, PlannedNode("big", "big", {"cpu": 4.0}, 3.0, {"worker": 0.5}))


def prepared(
    tasks: list[FlowTask], durations: Mapping[str, float], nodes: tuple[PlannedNode, ...], beta: float = 0.0
) -> Prepared:
    return prepare("f", tasks, Machines(nodes, beta=beta, durations=durations), NoHistory(), "process")


def split(tasks: list[FlowTask], durations: Mapping[str, float]) -> list[str]:
    made = prepared(tasks, durations, ONE)
    found = split_advice(made, make_plan(made.instance), Machines(ONE, durations=durations), NoHistory(), "process")
    return [f"{advice.finding}; {advice.proposal}" for advice in found]


def test_a_step_that_dominates_the_critical_path_is_to_be_split() -> None:
    assert split(CHAIN, {"load": 10.0, "train": 80.0, "report": 10.0}) == [
        "train takes 1m 20s of the 1m 40s of the critical path, 80%, which no further core shortens; "
        "split it, by a map for instance: in 4 parts the flow would take 40.0 s instead of 1m 40s"
    ]


def test_a_path_of_equals_and_brief_steps_are_left_alone() -> None:
    assert split(CHAIN, {"load": 30.0, "train": 35.0, "report": 30.0}) == []
    assert split(CHAIN, {"load": 0.1, "train": 1.9, "report": 0.1}) == []


def test_what_would_not_help_is_not_proposed() -> None:
    """All cores are busy anyway."""
    wide = [step(f"a[{number}]") for number in range(15)] + [step("b")]
    assert split(wide, {"a": 50.0, "b": 50.0}) == []


def elsewhere(beta: float) -> list[tuple[str, object]]:
    made = prepared(CHAIN, {"load": 1.0, "train": 90.0, "report": 1.0}, TWO, beta)
    return [
        (advice.task, advice.option["executor"])
        for advice in executor_advice(made, make_plan(made.instance), Machines(TWO, beta=beta))
    ]


def test_an_executor_that_is_faster_for_its_price_is_proposed() -> None:
    assert elsewhere(beta=1.0) == [("train", "big")]
    assert elsewhere(beta=9.0) == []


@pytest.mark.parametrize(
    ("price", "speed", "expected"), [(0.0, 1.0, True), (0.0, 0.5, False), (5.0, 3.0, False), (0.5, 3.0, True)]
)
def test_a_task_of_several_flows_is_moved_where_none_of_them_loses(price: float, speed: float, expected: bool) -> None:
    nodes = (*ONE, PlannedNode("big", "big", {"cpu": 4.0}, speed, {"worker": price}))
    made = prepared(CHAIN, {"load": 1.0, "train": 3.0, "report": 1.0}, nodes, beta=1.0)
    plan, machines = make_plan(made.instance), Machines(nodes, beta=1.0)
    assert is_no_worse(made, plan, machines, "train", "big") is expected
    assert is_no_worse(made, plan, machines, "absent", "big")


def test_where_a_task_does_not_fit_it_is_worse() -> None:
    nodes = (*ONE, PlannedNode("tiny", "tiny", {"cpu": 0.5}))
    made = prepared(CHAIN, {}, nodes)
    assert not is_no_worse(made, make_plan(made.instance), Machines(nodes), "train", "tiny")
