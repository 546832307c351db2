"""How a real engine shares its cores between runs."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import OptionError
from partita.workspace.runs import Run
from tests.integration.conftest import Project

SOURCE = """
import time
from partita import flow, task

@task
def nap(number: int) -> int:
    time.sleep(0.04)
    return number

@flow
def naps(count: int) -> list[int]:
    return [nap(number) for number in range(count)]

@flow(owner="reports", weight=2, priority=3)
def said(count: int) -> list[int]:
    return [nap(number) for number in range(count)]
"""


@pytest.fixture
def shared(make_project: Any) -> Project:
    project: Project = make_project("cpu = 2\n")
    project.write(SOURCE)
    return project


def start(project: Project, flow: str, count: int, **standing: Any) -> Run:
    run = project.workspace.launch(f"flows.py:{flow}", texts={"count": str(count)}, **standing)
    return Run(project.workspace, run)


def held(project: Project, run: Run) -> list[tuple[float, float]]:
    """From when to when each attempt of the run's tasks held a core."""
    run.wait(120)
    attempts = [each for each in project.workspace.attempts(run.id) if each["step"]]
    return sorted((each["started_at"], each["ended_at"] or 0.0) for each in attempts)


def test_runs_of_two_owners_get_cores_as_their_weights_say(shared: Project) -> None:
    runs = [start(shared, "naps", 90, owner="ann", weight=3), start(shared, "naps", 90, owner="ben")]
    ann, ben = (held(shared, run) for run in runs)
    begin, end = max(ann[0][0], ben[0][0]), ann[-1][1]  # while both have something to do
    seconds = [sum(max(min(b, end) - max(a, begin), 0.0) for a, b in spans) for spans in (ann, ben)]
    assert 2.2 <= seconds[0] / seconds[1] <= 3.9


def test_a_run_of_higher_priority_goes_before_and_the_other_ends_too(shared: Project) -> None:
    low = start(shared, "naps", 60)
    shared.workspace.watch(low.id, timeout_s=5.0)
    high = start(shared, "naps", 20, priority=2)
    first, second = held(shared, low), held(shared, high)
    between = [begin for begin, _ in first if second[0][0] < begin < second[-1][0]]
    assert len(between) <= 2 and low.state == "succeeded"


def test_a_flow_says_how_its_runs_stand_and_the_launch_and_a_rerun_say_it_anew(shared: Project) -> None:
    def standing(run: Run) -> tuple[Any, ...]:
        run.wait(60)
        view = shared.workspace.run(run.id)
        return view["owner"], view["weight"], view["priority"]

    assert standing(start(shared, "said", 1)) == ("reports", 2.0, 3)
    run = start(shared, "said", 1, owner="ann", priority=0)
    assert standing(run) == ("ann", 2.0, 0)
    again = Run(shared.workspace, shared.workspace.rerun(run.id))
    assert standing(again) == ("ann", 2.0, 0)
    changed = Run(shared.workspace, shared.workspace.rerun(run.id, weight=5, priority=-2))
    assert standing(changed) == ("ann", 5.0, -2)
    with pytest.raises(OptionError, match="weight=0 is not a weight"):
        shared.workspace.rerun(run.id, weight=0)
