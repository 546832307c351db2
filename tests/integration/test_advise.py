"""`partita advise` by what real attempts have taken, and settings that change what tasks ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita.cli import main
from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOW = """
import time
from partita import flow, task

@task(cpu=2, memory="4GiB")
def load(n: int) -> list[int]:
    held = bytearray(200_000_000)
    until = time.process_time() + 1.1
    while time.process_time() < until:
        pass
    return list(range(n + len(held) * 0))

@task
def train(rows: list[int]) -> int:
    time.sleep(3)
    return sum(rows)

@flow
def whole(n: int = 3) -> int:
    return train(load(n))
"""

SETTINGS = """
cpu = 2
memory = "8GiB"

[executors.big]
cpu = 2
memory = "8GiB"
speed = 3
"""


def test_advice_of_runs_that_were(make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(SETTINGS)
    project.write(FLOW)
    monkeypatch.chdir(project.folder)
    assert [project("whole") for _ in range(3)] == [3, 3, 3]
    report = project.workspace.advise()
    found: dict[tuple[str, str], dict[str, Any]] = {
        (advice["task"], advice["kind"]): dict(advice) for advice in report["advice"]
    }
    assert (report["runs"], report["attempts"]) == (3, 6)
    assert found["load", "cpu"]["option"] == {"cpu": 1}
    assert found["load", "memory"]["option"]["memory"].endswith("MiB")
    assert found["train", "cache"]["option"] == {"cache": True} and not found["train", "cache"]["can_apply"]
    assert found["train", "executor"]["option"] == {"executor": "big"}
    assert ("train", "cpu") not in found and ("train", "memory") not in found
    assert project.workspace.advise("flows.py:another")["advice"] == []

    assert main(["advise", "--apply"]) == 0
    made = load_settings(project.folder, environment={}).tasks
    assert (made["load"].cpu, made["train"].executor) == (1, "big")
    assert made["load"].memory_bytes is not None and made["load"].memory_bytes < 2**30
    project.workspace.stop_engine()
    project.workspace = LocalWorkspace(project.folder, load_settings(project.folder))
    run = project.start("whole")
    assert project.result(run) == 3
    ran_on = {attempt["step"]: attempt["executor"] for attempt in project.workspace.attempts(run.id)}
    steps = {step["path"]: step["id"] for step in project.workspace.all_steps(run.id)}
    assert ran_on[steps["train"]] == "big"
    kinds = {(advice["task"], advice["kind"]) for advice in project.workspace.advise()["advice"]}
    assert not {("load", "cpu"), ("load", "memory"), ("train", "executor")} & kinds


def test_settings_let_a_task_run_where_its_code_asks_for_too_much(make_project: Callable[[str], Project]) -> None:
    source = "from partita import flow, task\n@task(cpu=64)\ndef one() -> int:\n    return 1\n@flow\ndef f() -> int:\n    return one()\n"
    project = make_project("cpu = 2\n[tasks.one]\ncpu = 2\n")
    project.write(source)
    assert project.workspace.check("flows.py:f", {})["problems"] == []
    assert project("f") == 1


SHARED = """
from partita import flow, task

@task(memory="448MiB")
def load(mib: int) -> int:
    held = bytearray(mib * 2**20)
    for position in range(0, len(held), 4096):
        held[position] = 1
    return len(held)

@flow
def small() -> int:
    return load(5)

@flow
def large() -> int:
    return load(280)

@flow
def careful() -> int:
    return load.with_options(memory="2GiB")(6)
"""


def test_what_is_written_for_a_task_rests_on_all_flows_that_use_it(make_project: Callable[[str], Project]) -> None:
    project = make_project('memory = "8GiB"\n')
    project.write(SHARED)
    for flow in ("large", "small", "small", "small"):
        project(flow)
    assert project.workspace.advise()["advice"] == []
    alone = project.workspace.advise("flows.py:small")
    assert (alone["advice"], alone["runs"], alone["attempts"]) == ([], 4, 4)
    for _ in range(3):
        project("careful")
    proposed = [
        (advice["task"], advice["flow"], advice["can_apply"]) for advice in project.workspace.advise()["advice"]
    ]
    assert proposed == [("load", "flows.py:careful", False)], "another flow asks for something else"
