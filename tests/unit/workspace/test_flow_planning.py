"""When all will be done, where it is not known before a run what comes of its later parts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from partita.core.records import Demand
from partita.plan.spreads import Guess
from partita.protocol.plans import PlanRequest
from partita.workspace import flow_planning
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


def test_as_many_samples_as_were_asked_for_are_drawn_as_far_as_the_steps_allow() -> None:
    made = steps(5)
    assert view_of(made, {"samples": 1500})["finish"]["samples"] == 1500
    assert view_of(made, {"samples": 1500, "simulated_steps": 1000})["finish"]["samples"] == 200
    assert view_of(made, {"samples": 1500, "simulated_steps": 5})["finish"]["samples"] == 30
    assert view_of(made, {"samples": 7, "simulated_steps": 1000})["finish"]["samples"] == 7


def test_drawing_the_finish_ends_in_time_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also then each that may come counts as often as it came."""
    now = itertools.count()
    monkeypatch.setattr(flow_planning.time, "perf_counter", lambda: float(next(now)))
    finish = view_of(steps(5), {"samples": 1000, "simulate_s": 100.0}, 1, [(steps(30), 1)])["finish"]
    assert finish["samples"] == 100 and (finish["p10"], finish["p50"], finish["p90"]) == (5.0, 17.5, 30.0)
    assert view_of(steps(5), {"samples": 1000, "simulate_s": 1e-9})["finish"]["samples"] == 1


@pytest.mark.parametrize("request_", [{"deadline_s": 7.0}, {"budget": 3.0}])
def test_one_more_of_something_is_planned_with_the_same_constraint(request_: Any) -> None:
    nodes = (
        PlannedNode("here", "here", {"cpu": 1.0}, price={"cpu": 1.0}),
        PlannedNode("cheap", "cheap", {"cpu": 1.0}, 0.5),
    )
    wide = [FlowTask(f"work[{n}]", "work", "task", "f.py:1", Demand(), "f:work", "", "", ()) for n in range(6)]
    view = view_of(
        prepare("whole", wide, Machines(nodes, is_what_if=True), Certain(), "here"), {"samples": 10, **request_}
    )
    told = [(each["makespan_s"], each["cost"]) for each in view["more"]]
    assert told and all(
        cost <= view["cost"] if "deadline_s" in request_ else seconds <= view["makespan_s"] for seconds, cost in told
    )
    assert all(
        seconds <= request_.get("deadline_s", 99) and cost <= request_.get("budget", 99) for seconds, cost in told
    )
