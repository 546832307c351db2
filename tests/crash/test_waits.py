"""Waits under an engine that is killed again and again."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from partita.settings import load_settings
from partita.values import unpack
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run, encoder_of

pytestmark = pytest.mark.crash

FLOWS = """
from typing import Any
from partita import Decision, approval, flow, sleep, task, wait_for

@task
def gather(events: list[Any], decision: Decision, nothing: None) -> list[Any]:
    return [*events, decision.by]

@flow
def waits() -> list[Any]:
    events = [wait_for("paid", timeout="5m") for _ in range(12)]
    keyed = [wait_for("paid", key=key) for key in ("a", "b")]
    return gather([*events, *keyed], approval("Go?", required=2), sleep("3s"))
"""


def test_waits_survive_kills_of_the_engine(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('idle_timeout = "10s"\n')
    (tmp_path / "flows.py").write_text(FLOWS)
    workspace = LocalWorkspace(tmp_path, load_settings(tmp_path))
    draw = random.Random(1)
    run = Run(workspace, workspace.launch("flows.py:waits"))
    try:
        for number in range(12):
            _kill(workspace, draw)
            assert run.send("paid", number, id=f"event-{number}")
            _kill(workspace, draw)
            assert not run.send("paid", -1, id=f"event-{number}"), "what was acknowledged is known"
            if number in (3, 7):
                _until_it_asks(workspace, run.id)
                workspace.approve(run.id, by=f"person-{number}")
        run.send("paid", "B", key="b")
        _kill(workspace, draw)
        run.send("paid", "A", key="a")
        run.wait(60)
        view = workspace.run(run.id, with_result=True)
        assert view["state"] == "succeeded", view["error"]
        packed = view["result"]
        assert packed is not None
        assert encoder_of(workspace).decode(unpack(packed)) == [*range(12), "A", "B", "person-3, person-7"]
        assert all(wait["outcome"] for wait in run.waits())
    finally:
        workspace.stop_engine()


def _until_it_asks(workspace: LocalWorkspace, run: str) -> None:
    until = time.monotonic() + 60
    while not any(wait["kind"] == "approval" for wait in workspace.waits(run)):
        assert time.monotonic() < until, "the flow is not laid out"
        time.sleep(0.02)


def _kill(workspace: LocalWorkspace, draw: random.Random) -> None:
    engine = workspace.engine()
    if engine is not None:
        time.sleep(draw.random() * 0.05)  # so that the kill comes at another moment each time
        os.kill(engine["pid"], signal.SIGKILL)
