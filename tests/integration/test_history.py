"""What real attempts leave, and what is learned from them across engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from partita.cli import main
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
import time
from partita import flow, task

@task
def load(size: int) -> bytes:
    return bytes(size)

@task(version="2")
def fit(data: bytes) -> int:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    held = bytearray(200 << 20)
    return len(data) + len(held) * 0

@flow
def train(size: int) -> int:
    return fit(load(size))
"""


def told(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["history", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("settings", ["", 'node_class = "desk"\n'])
def test_what_attempts_took_outlives_engine_and_runs(
    make_project: Callable[[str], Project],
    settings: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = make_project(settings)
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)
    run = project.start("train", size=3_000_000)
    assert project.result(run) == 3_000_000
    load, fit = (project.workspace.attempts(run.id, step["id"])[0] for step in project.workspace.steps(run.id)[1:])
    assert load["output_bytes"] == pytest.approx(3_000_000, rel=0.01) and load["input_bytes"] < 100
    assert fit["input_bytes"] == pytest.approx(3_000_000, rel=0.01) and 0 < fit["output_bytes"] < 100
    assert fit["cpu_s"] > 0.25 and fit["peak_bytes"] > 200 << 20
    assert fit["node"] == "desk" if settings else fit["node"].startswith("process/")
    before = told("fit", capsys=capsys)
    assert [(view["version"], view["node"], view["seen"]) for view in before] == [("2", fit["node"], 1)]
    assert before[0]["duration_s"]["p50"] == pytest.approx((fit["ended_at"] or 0) - fit["started_at"], rel=0.01)
    assert before[0]["memory_bytes"]["p50"] == pytest.approx(fit["peak_bytes"], rel=0.01)
    project.workspace.delete_run(run.id)
    project.workspace.stop_engine()
    assert told("fit", capsys=capsys) == before
    assert project("train", size=3_000_000) == 3_000_000
    assert told("fit", capsys=capsys)[0]["seen"] == 2
    assert main(["history", "fit", "--forget"]) == 0
    assert [view["task"] for view in told(capsys=capsys)] == ["load"]
