"""How an agent is put together: where it works, with a process beside it that runs the user's code."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from partita.artifacts.code.archive import fetch_archive
from partita.artifacts.signing import keep_worker_secret
from partita.executors.machine import gpu_devices, machine_capacity
from partita.executors.port import Capacity
from partita.executors.process import ProcessExecutor
from partita.protocol.objects import Objects
from partita.worker.agent.agent import Agent
from partita.worker.agent.checkpoints import Checkpoints
from partita.worker.agent.port import AgentPost

__all__ = ["make_agent"]

#: An agent says something at least so many times in its lease.
_ALIVE_PARTS = 3


def make_agent(
    post: AgentPost,
    *,
    session: str,
    workspace: Path,
    project: str,
    artifacts: str,
    kept: Objects,
    signing: str,
    lease_s: float,
    idle_s: float,
    attempts: int = 0,
) -> Agent:
    """An agent of this machine.

    Args:
        workspace: an empty folder of its own.
        project: working directory of attempts.
        artifacts: folder or URL of large values and code.
        kept: where checkpoints are kept for the next attempt.
        signing: the secret with which it vouches for pickled values.
        idle_s: after so many seconds without an order it ends.
        attempts: after so many it ends; 0: never.
    """
    (workspace / "logs").mkdir(parents=True, exist_ok=True)
    keep_worker_secret(workspace, signing)
    machine = machine_capacity()
    capacity = Capacity(machine.cpu, machine.memory_bytes, len(gpu_devices()))
    return Agent(
        post, session=session, executor=ProcessExecutor(capacity, workspace=workspace, spare=1),
        workspace=os.fspath(workspace), project=project, artifacts=artifacts, find_bundle=_finder(artifacts, workspace),
        checkpoints=Checkpoints(kept, workspace / "checkpoints"),
        alive_s=lease_s / _ALIVE_PARTS, idle_s=idle_s, attempts=attempts,
    )  # fmt: skip


def _finder(artifacts: str, workspace: Path) -> Callable[[str], str]:
    """Finds bundles: where the engine has them, if that is here, or else from where artifacts lie."""

    @cache
    def find(bundle: str) -> str:
        if os.path.isdir(bundle):
            return bundle
        folder = workspace / "bundles" / os.path.basename(bundle)
        if not folder.is_dir():
            folder.parent.mkdir(exist_ok=True)
            fetch_archive(artifacts, folder.name, folder)
        return os.fspath(folder)

    return find
