"""What a real engine keeps of the plan of a run: near what happens once it is known, and there after a restart."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, stop_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOW = """
import time
from partita import flow, task

@task(cpu=0.25)
def sleep_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds

@task(cpu=0.25)
def add(values: list[float]) -> float:
    time.sleep(0.5)
    return sum(values)

@flow
def fork() -> float:
    first = sleep_for(1.5)
    return add([sleep_for.after(first)(1.0), sleep_for.after(first)(2.0)])
"""

BRIEF = """
from partita import flow, task

@task
def one() -> int:
    return 1

@flow
def brief() -> int:
    return one()
"""


def test_planned_times_are_near_the_actual_ones(project: Project) -> None:
    project.write(FLOW)
    for _ in range(3):
        project("fork")
    assert project("fork") == 3.0
    workspace = project.workspace
    run = workspace.run("latest")
    plan = workspace.run_plan("latest")
    assert plan is not None and run["started_at"] is not None and run["ended_at"] is not None
    planned = {step["path"]: step for step in plan["steps"]}
    actual = {step["path"]: step for step in workspace.all_steps(run["id"]) if step["kind"] == "task"}
    assert set(planned) == set(actual)
    for path, step in actual.items():
        assert step["started_at"] is not None and step["ended_at"] is not None
        assert planned[path]["start_s"] == pytest.approx(step["started_at"] - run["started_at"], abs=0.6), path
        assert planned[path]["seconds"] == pytest.approx(step["ended_at"] - step["started_at"], abs=0.6), path
        assert planned[path]["node"] == "process"
    assert [plan["steps"][position]["path"] for position in plan["critical"]] == ["sleep_for", "sleep_for#3", "add"]
    assert plan["makespan_s"] == pytest.approx(run["ended_at"] - run["started_at"], abs=1.2)
    assert plan["finish"]["p10"] <= plan["finish"]["p50"] <= plan["finish"]["p90"]
    estimates = workspace.run_estimates("latest")
    assert estimates and all(each["p10"] <= each["p50"] <= each["p90"] for each in estimates)
    stop_engine(project)
    assert workspace.run_plan("latest") == plan and workspace.run_estimates("latest") == estimates


def test_a_plan_outlives_an_engine_that_dies(project: Project) -> None:
    project.write(FLOW)
    project("fork")
    run, workspace = project.start("fork"), project.workspace
    wait_until(lambda: workspace.run_plan(run.id) is not None)
    before = workspace.run_plan(run.id)
    assert before is not None
    kill_engine(project)
    assert project.result(run) == 3.0
    after = workspace.run_plan(run.id)
    assert after is not None
    assert [(step["path"], step["start_s"]) for step in after["steps"]] == [
        (step["path"], step["start_s"]) for step in before["steps"]
    ]


def test_a_brief_run_has_no_plan(project: Project) -> None:
    project.write(BRIEF)
    assert project("brief") == 1
    assert project.workspace.run_plan("latest") is None and project.workspace.run_estimates("latest") == []
