"""What tests do with the engine of a project, and what they look for when it is gone."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.integration.conftest import Project
from tests.waiting import wait_until

__all__ = ["engine_pid", "kill_engine", "outcomes", "stop_engine"]


def engine_pid(project: Project) -> int:
    """The number of the engine's process."""
    pid: int = json.loads((project.workspace.state / "engine.json").read_text())["pid"]
    return pid


def kill_engine(project: Project) -> None:
    """Let the engine die as it is."""
    os.kill(engine_pid(project), signal.SIGKILL)


def stop_engine(project: Project) -> None:
    """Let the engine end, if there is one, and wait until it has ended its workers."""
    if not (project.workspace.state / "engine.json").exists():
        return
    process = Path(f"/proc/{engine_pid(project)}")
    project.workspace.stop_engine()
    wait_until(lambda: not process.exists())


def outcomes(project: Project, run: Any, name: str) -> list[str]:
    """How the attempts of a step have ended."""
    step = next(step for step in run.steps if step["name"] == name)
    return [end["outcome"] for end in project.workspace.attempts(run.id, step["id"])]
