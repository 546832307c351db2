"""Verifying, collecting, pruning and comparing, on real runs."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import RunError, StepError
from partita.workspace.runs import Run
from partita.workspace.sweeping import Sweep
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
from partita import context, flow, task

@task
def make(number: int) -> bytes:
    time.sleep(0.02)
    return b"%d" % (number % 5) * 6000

@task
def use(data: bytes, number: int) -> bytes:
    return data + b"%d" % (number % 3)

@task
def measure(parts: list[bytes]) -> int:
    return sum(len(part) for part in parts)

@flow
def churn(count: int) -> int:
    numbers = list(range(count))
    return measure(use.map(make.map(numbers), numbers))

@task
def text(n: int, sign: str) -> str:
    context().report("signs", n)
    print("made", n)
    return sign * n

@flow
def write(n: int, sign: str = "a") -> str:
    return text(n, sign)

@task
def held(n: int) -> int:
    Path("begun").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n

@flow
def again(n: int) -> int:
    return held(n)
"""

DAMAGE = """
from partita import flow, task

@task
def make() -> bytes:
    return b"x" * 9000

@task
def measure(more: int, parts: list[bytes]) -> int:
    return len(parts[0]) + more

@flow
def read(more: int = 0) -> int:
    return measure(more, [make()])
"""


@pytest.fixture
def call(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the command line; gives what it printed, both ways."""
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)

    def run(*words: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert main(words) == status
        told = capsys.readouterr()
        return json.loads(told.out) if "--json" in words else told.out + told.err

    return run


def blob_of(project: Project, name: str) -> Path:
    digest = project.workspace.artifact(name)["view"]["hash"]
    return project.workspace.state / "blobs" / digest[:2] / digest[2:]


@pytest.mark.parametrize("harm", ["empty", "cut", "flip", "remove"])
def test_who_finds_a_damaged_blob_says_whose_it_is_and_a_rerun_makes_it_again(
    project: Project, call: Callable[..., Any], harm: str
) -> None:
    project.write(DAMAGE)
    run = project.start("read").wait(60)
    assert project.result(run) == 9000
    blob = blob_of(project, "make")
    blob.chmod(0o600)
    data = blob.read_bytes()
    blob.unlink() if harm == "remove" else blob.write_bytes(
        {"empty": b"", "cut": data[:100], "flip": b"y" + data[1:]}[harm]
    )
    again = Run(project.workspace, project.workspace.rerun(run.id, texts={"more": "1"}))
    if harm != "remove":  # that can be seen without reading it
        with pytest.raises(StepError) as failed:
            project.result(again)
        told = call("runs", "show", again.id)
        assert "It belongs to argument 2, made by the step make." in str(failed.value)
        assert "It belongs to argument 2, made by the step make." in told and "rerun the run" in told
        again = Run(project.workspace, project.workspace.rerun(again.id))
    assert project.result(again) == 9001


@pytest.mark.parametrize(
    ("harm", "fault"),
    [("empty", "empty"), ("cut", "truncated"), ("flip", "damaged"), ("remove", "missing")],
)
def test_damaged_blobs_are_found_named_set_aside_and_made_again(
    project: Project, call: Callable[..., Any], harm: str, fault: str
) -> None:
    run = project.start("write", n=9000).wait(60).id
    assert "1 blob (8.8 KiB) read; all are what was written" in call("artifacts", "verify")
    blob = blob_of(project, "text")
    blob.chmod(0o600)
    data = blob.read_bytes()
    blob.unlink() if harm == "remove" else blob.write_bytes(
        {"empty": b"", "cut": data[:100], "flip": b"y" + data[1:]}[harm]
    )
    found = call("artifacts", "verify", "--json", status=1)["faults"]
    assert [(item["fault"], item["artifacts"], item["wanted_bytes"]) for item in found] == [
        (fault, [f"{run}:text"], 9000)
    ]
    assert fault in call("artifacts", "verify", "text", status=1)
    told = call("artifacts", "verify", "--repair", "--json", status=1)
    assert told["faults"][0]["is_repaired"] == (harm != "remove") and not blob.exists()
    second = project.workspace.rerun(run)
    project.workspace.wait(second, 60)
    assert project.workspace.value(f"{second}:text") == "a" * 9000
    assert "all are what was written" in call("artifacts", "verify")


def test_runs_are_pruned_by_count_and_by_name(project: Project, call: Callable[..., Any]) -> None:
    runs = [project.start("write", n=n).wait(60).id for n in (5000, 5001, 5002)]
    logs = project.workspace.state / "logs"
    assert {path.name for path in logs.iterdir()} == set(runs)
    assert "say which runs" in call("runs", "prune", status=2)
    assert "--yes" in call("runs", "prune", "--keep", "1", status=2)
    assert call("runs", "prune", "--keep", "1", "--dry-run", "--json")["chosen"] == [runs[1], runs[0]]
    assert call("runs", "prune", "--older-than", "1h", "--yes", "--json")["deleted"] == []
    told = call("runs", "prune", "--keep", "2", "--yes")
    assert "1 run deleted" in told and "freed" in told
    assert {path.name for path in logs.iterdir()} == set(runs[1:])
    assert call("runs", "prune", runs[2], "--yes", "--json")["deleted"] == [runs[2]]
    assert [run["id"] for run in call("runs", "list", "--json")] == [runs[1]]
    assert "there is no run" in call("runs", "show", runs[0], status=2)


def test_a_run_is_kept_that_another_one_needs(project: Project, call: Callable[..., Any]) -> None:
    (project.folder / "go").touch()
    first = project.start("again", n=1).wait(60).id
    (project.folder / "go").unlink()
    (project.folder / "begun").unlink()
    second = project.workspace.rerun(first, texts={"n": "2"})
    while not (project.folder / "begun").exists():
        time.sleep(0.01)
    told = call("runs", "prune", first, second, "--yes", "--json", status=1)
    assert told["deleted"] == []
    assert [item["run"] for item in told["held"]] == [first, second]
    assert second in told["held"][0]["reason"] and "has not ended" in told["held"][1]["reason"]
    with pytest.raises(RunError, match="reruns it"):
        project.workspace.delete_run(first)
    (project.folder / "go").touch()
    project.workspace.wait(second, 60)
    assert call("runs", "prune", first, second, "--yes", "--json")["deleted"] == [first, second]


def test_two_runs_are_compared(project: Project, call: Callable[..., Any]) -> None:
    first = project.start("churn", count=2).wait(60).id
    second = project.start("churn", count=3).wait(60).id
    found = call("runs", "diff", first, second, "--json")
    assert found["inputs"] == {"count": ["2", "3"]} and found["code"] == {}
    assert found["added"] == ["make[2]", "use[2]"] and found["vanished"] == []
    assert [change["path"] for change in found["changed"]] == ["measure"]
    assert found["changed"][0]["value"] == ["12002", "18003"]
    one = project.start("write", n=10).wait(60).id
    project.write(FLOWS.replace("return sign * n", "return sign * n * 2"))
    two = project.start("write", n=10, sign="b").wait(60).id
    found = call("runs", "diff", one, two, "--json")
    assert found["inputs"] == {"sign": [None, "b"]} and found["code"]["changed"] == ["flows.py"]
    assert found["changed"] == [{"path": "text", "code": True, "value": [repr("a" * 10), repr("b" * 20)]}]
    three = project.start("write", n=12, sign="b").wait(60).id
    assert call("runs", "diff", two, three, "--json")["reports"] == {"text signs": [10.0, 12.0]}
    told = call("runs", "diff", one, two)
    assert "sign: (none) -> b" in told and "changed: flows.py" in told and "text: its code, value" in told
    assert "Inputs, steps and values are the same." in call("runs", "diff", two, two)


def test_collecting_while_runs_go_on_are_killed_resumed_and_rerun_loses_nothing(project: Project) -> None:
    """The runs make the same few values over and over; those of runs that were deleted are collected all the while."""
    project.write(FLOWS)
    workspace, state = project.workspace, project.workspace.state
    project("churn", count=3)
    is_over, removed, failures = threading.Event(), [0], []

    def collect() -> None:
        try:
            while not is_over.is_set():
                removed[0] += Sweep(state, grace_s=0.0, slack_s=0.1).collect()["blobs"]
                time.sleep(0.01)
        except BaseException as error:
            failures.append(error)

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for turn in range(4):
            runs = [project.start("churn", count=40) for _ in range(3)]
            if turn == 1:
                time.sleep(0.3)
                engine = workspace.engine()
                assert engine is not None
                os.kill(engine["pid"], signal.SIGKILL)
                for run in runs:
                    workspace.resume(run.id)
            results = [project.result(run) for run in runs]
            assert results == [40 * 6001] * 3
            again = workspace.rerun(runs[0].id)
            assert project.result(type(runs[0])(workspace, again)) == 40 * 6001
            for name in ("use[39]", "make[7]", "use[11]"):
                assert len(workspace.value(f"{again}:{name}")) > 5999
            for run in runs:
                workspace.delete_run(run.id)
            workspace.delete_run(again)
            time.sleep(0.3)
    finally:
        is_over.set()
        collector.join()
    assert not failures and removed[0] >= 10
