"""The cache of a workspace with a real engine and real workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import NotFoundError
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
from partita import flow, task

def note(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

@task(cache=True)
def slow(number: int, factor: int = 2) -> int:
    note(f"slow {number}")
    Path("begun").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return number * factor

@task(cache=True, cache_key=lambda number, noise: number % 10)
def keyed(number: int, noise: int) -> int:
    note(f"keyed {number}")
    Path("begun").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return number

@task(cache=True)
def large(size: int) -> bytes:
    note("large")
    return b"x" * size

@task(cache="1s")
def brief() -> int:
    note("brief")
    return 1

@flow
def one(number: int, factor: int = 2) -> int:
    return slow(number, factor)

@flow
def by_key(number: int, noise: int) -> int:
    return keyed(number, noise)

@flow
def blob(size: int) -> int:
    return measured(large(size))

@task
def measured(data: bytes) -> int:
    return len(data)
"""


@pytest.fixture(autouse=True)
def _flows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)


def notes(project: Project) -> list[str]:
    path = project.folder / "notes"
    return path.read_text().split("\n")[:-1] if path.exists() else []


def go(project: Project) -> None:
    (project.folder / "go").touch()


def wait_for(path: Path) -> None:
    import time

    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"{path} has not come"
        time.sleep(0.01)


def reasons(project: Project, run: Any, step: int = 1) -> str:
    return " ".join(project.workspace.explain_cache(run.id, step)["reasons"])


@pytest.mark.parametrize(("flow", "inputs"), [("one", {"number": 3}), ("by_key", {"number": 3, "noise": 0})])
def test_equal_steps_of_two_runs_are_computed_once(project: Project, flow: str, inputs: dict[str, int]) -> None:
    first = project.start(flow, **inputs)
    wait_for(project.folder / "begun")
    second = project.start(flow, **inputs)
    third = project.start(flow, **inputs)
    while project.workspace.steps(third.id, limit=5)[-1]["id"] != 1:
        pass  # until its layout is there
    go(project)
    results = [project.result(run) for run in (first, second, third)]
    assert len(set(results)) == 1
    assert len(notes(project)) == 1
    assert project.workspace.explain_cache(second.id, 1)["source"] == [first.id, 1]


@pytest.mark.parametrize(("flow", "inputs"), [("one", {"number": 3}), ("by_key", {"number": 3, "noise": 0})])
def test_who_waits_computes_when_the_other_is_cancelled(project: Project, flow: str, inputs: dict[str, int]) -> None:
    first = project.start(flow, **inputs)
    wait_for(project.folder / "begun")
    second = project.start(flow, **inputs)
    project.workspace.cancel(first.id, force=True)
    go(project)
    assert project.result(second) in (3, 6)
    assert len(notes(project)) == 2


def test_a_killed_engine_leaves_a_value_that_is_computed_once_more_at_most(project: Project) -> None:
    first, second = project.start("one", number=5), project.start("one", number=5)
    wait_for(project.folder / "begun")
    engine = project.workspace.engine()
    assert engine is not None
    os.kill(engine["pid"], signal.SIGKILL)
    go(project)
    assert [project.result(run) for run in (first, second)] == [10, 10]
    assert len(notes(project)) == 2, "what had begun was lost with the engine; the other run waited for it"


def test_code_that_has_changed_is_computed_again(project: Project) -> None:
    go(project)
    project("one", number=1)
    project.write(FLOWS.replace("return number * factor", "return number * factor + 1"))
    run = project.start("one", number=1)
    assert project.result(run) == 3
    assert "the code that the task reaches, or its environment, has changed" in reasons(project, run)
    project.write(FLOWS.replace("def measured", "# a comment\ndef measured"))
    again = project.start("one", number=1)
    assert project.result(again) == 2 and len(notes(project)) == 2


def test_a_miss_says_what_differs(project: Project) -> None:
    go(project)
    first = project.start("one", number=1)
    project.result(first)
    assert "Nothing that counts was cached of this task" in reasons(project, first)
    run = project.start("one", number=1, factor=3)
    project.result(run)
    assert reasons(project, run).endswith("the argument factor holds something else")
    hit = project.start("one", number=1, factor=3)
    project.result(hit)
    assert "An equal step had been computed" in reasons(project, hit)
    assert "Only tasks are cached" in reasons(project, hit, 0)
    project.result(project.start("by_key", number=11, noise=1))
    other = project.start("by_key", number=12, noise=1)
    project.result(other)
    assert "its cache_key gave 2, not 1" in reasons(project, other)


def test_a_value_whose_artifacts_were_removed_is_computed_again(project: Project) -> None:
    assert project("blob", size=100_000) == 100_000
    shutil.rmtree(project.workspace.state / "blobs")
    run = project.start("blob", size=100_000)
    assert project.result(run) == 100_000
    assert notes(project) == ["large", "large"]
    assert "a value counts as long as its blobs are there" in reasons(project, run)


def test_the_command_line_lists_explains_and_clears(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    go(project)
    run = project.start("one", number=4)
    project.result(run)
    assert main(["cache", "list", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["task"], entry["run"], entry["step"], entry["hits"]) == ("slow", run.id, 1, 0)
    assert main(["run", "flows.py:one", "number=4", "--refresh", "--quiet"]) == 0
    assert notes(project) == ["slow 4", "slow 4"]
    assert main(["cache", "explain", "latest", "slow"]) == 0
    assert "told to compute everything anew" in capsys.readouterr().out
    assert main(["cache", "list"]) == 0
    assert "slow" in capsys.readouterr().out
    assert main(["cache", "clear", "--older-than", "1h"]) == 0
    assert "0 cached values" in capsys.readouterr().out
    assert main(["cache", "clear", "slow"]) == 0
    assert "1 cached value forgotten" in capsys.readouterr().out
    with pytest.raises(NotFoundError, match="nothing is cached of 'slow'"):
        project.workspace.clear_cache(task="slow")
