"""What the engine counts, and how it logs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from partita.errors import StepError
from partita.protocol.metrics import EngineMetrics
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, stop_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from datetime import timedelta
from partita import context, flow, sleep, task

@task(retries=1)
def shaky(n: int) -> int:
    print("x" * 99)
    if context().attempt == 1:
        raise ValueError("not yet")
    return n

@task
def held(n: int) -> int:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n

@flow
def good(n: int) -> int:
    return shaky(n)

@flow
def bad(n: int) -> int:
    raise ValueError("no layout")

@flow
def busy(n: int) -> list[int]:
    return held.map(list(range(n)))
"""


def metrics(project: Project) -> EngineMetrics:
    told: EngineMetrics = project.workspace.ask("metrics")
    return told


def test_counts_are_those_of_what_happened(make_project: Callable[[str], Project]) -> None:
    project = make_project('cpu = 2\nslots = { licence = 3 }\nlog_format = "json"\n')
    project.write(FLOWS)
    assert project("good", n=1) == 1
    with pytest.raises(StepError):
        project("bad", n=1)
    told = metrics(project)
    assert told["runs_started"] == 2 and told["runs_ended"] == {"succeeded": 1, "failed": 1}
    assert told["steps_ended"] == {"succeeded": 2, "failed": 1}
    ends = {(name, outcome): count for name, outcome, count in told["attempts_ended"]}
    assert ends == {("process", "succeeded"): 2, ("process", "failed"): 2}
    assert told["attempts_started"] == 4 and told["log_bytes"] >= 200
    assert told["runs"] == told["running"] == told["ready"] == 0 and told["is_store_writable"]
    assert told["slots"] == {"licence": [3, 0]}
    for histogram in (told["turns"], told["commits"]):
        assert len(histogram["counts"]) == len(histogram["bounds_s"]) + 1
        assert sum(histogram["counts"]) >= 4 and histogram["sum_s"] > 0

    run = project.start("busy", n=5)
    wait_until(lambda: metrics(project)["running"] == 2)
    told = metrics(project)
    executor = told["executors"]["process"]
    assert (told["runs"], told["ready"], executor["queued"], executor["running"]) == (1, 3, 3, 2)
    assert executor["held"]["cpu"] == 2 and executor["free"]["cpu"] == 0 and executor["capacity"]["cpu"] == 2

    kill_engine(project)
    (project.folder / "go").touch()
    assert project.result(run) == [0, 1, 2, 3, 4]
    told = metrics(project)
    assert told["runs_taken_up"] == 1 and told["runs_started"] == 0
    assert told["steps_ended"] == {"succeeded": 6}  # the elements and the run
    assert sum(count for _, outcome, count in told["attempts_ended"] if outcome in ("lost", "crashed")) == 2

    stop_engine(project)
    lines = (project.workspace.state / "engine.log").read_text().splitlines()
    objects = [json.loads(line) for line in lines]
    assert {"at", "level", "logger", "message"} <= objects[0].keys()
    assert any("is up for" in line["message"] for line in objects)
