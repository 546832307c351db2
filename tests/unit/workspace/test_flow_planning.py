"""When all will be done, where it is not known before a run what comes of its later parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from partita.core.records import Demand
from partita.plan.spreads import Guess
from partita.protocol.plans import PlanRequest
from partita.workspace.flow_instance import Known, Prepared, prepare
from partita.workspace.flow_planning import view_of
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.what_if import Machines, PlannedNode

MACHINES = Machines(
    (PlannedNode("here", "here", {"cpu": 1.0}, price={"cpu": 1.0}), PlannedNode("cheap", "cheap", {"cpu": 1.0}, 0.5)),
    is_what_if=True,
)


class Certain:
    """Each step takes a second."""

    def of(self, task: FlowTask) -> Known:
        return Known(Guess(1.0, 0.0), "said")


def steps(count: int) -> Prepared:
    chain = [
        FlowTask(f"work[{n}]", "work", "task", "f.py:1", Demand(), "f:work", "", "here", (n - 1,) if n else ())
        for n in range(count)
    ]
    return prepare("whole", chain, MACHINES, Certain(), "here")


def test_the_finish_is_drawn_from_all_that_may_come_as_often_as_it_came() -> None:
    finish = view_of(steps(5), {"samples": 100}, 3, [(steps(2), 4), (steps(30), 3)])["finish"]
    assert (finish["p10"], finish["p50"], finish["p90"], finish["samples"]) == (2.0, 5.0, 30.0, 100)
    alone = view_of(steps(5), {"samples": 100})["finish"]
    assert (alone["p10"], alone["p90"]) == (5.0, 5.0)


def test_the_chance_to_keep_a_deadline_counts_what_may_come() -> None:
    request: PlanRequest = {"samples": 10, "deadline_s": 10.0}
    finish = view_of(steps(5), request, 1, [(steps(30), 1)])["finish"]
    assert finish["chance"] == 0.5


@pytest.mark.parametrize("request_", [{"deadline_s": 12.0}, {"budget": 3.0}])
def test_what_may_come_is_planned_towards_the_same_aim(request_: Any) -> None:
    free = [replace(task, executor="") for task in steps(5).tasks]
    anywhere = prepare("whole", free, MACHINES, Certain(), "here")
    alone = view_of(anywhere, {"samples": 10, **request_})["finish"]
    twice = view_of(anywhere, {"samples": 10, **request_}, 1, [(anywhere, 1)])["finish"]
    assert (twice["p10"], twice["p90"]) == (alone["p10"], alone["p90"])
