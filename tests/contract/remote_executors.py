"""Remote executors for tests: agents as processes of this machine, heard of through a mailbox."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from partita.artifacts.objects import open_objects
from partita.artifacts.signing import worker_secret
from partita.executors.port import Capacity
from partita.executors.remote.executor import RemoteExecutor
from partita.executors.remote.local import ProcessLauncher
from partita.executors.remote.mailbox import Mailbox, Pace
from partita.executors.remote.port import AgentCommand

__all__ = ["KEY", "remote_executor"]

KEY = bytes(range(32))
PACE_S = 0.005


def remote_executor(
    workspace: Path,
    *,
    place: str = "",
    origin: str = "tests",
    lease_s: float = 20.0,
    idle_s: float = 60.0,
    attempts: int = 0,
    pace_s: float = PACE_S,
    share: Callable[[str], None] = lambda bundle: None,
) -> RemoteExecutor:
    """An executor of this machine with everything between it and its workers as it is where they run elsewhere.

    Args:
        place: folder or URL of artifacts and messages; empty: in the workspace.
    """
    artifacts = place or os.fspath(workspace / "artifacts")
    mailbox = f"{artifacts}/executors/tests"
    agent = AgentCommand(
        (
            "--mailbox",
            mailbox,
            "--artifacts",
            artifacts,
            "--lease-s",
            str(lease_s),
            "--pace-s",
            str(pace_s),
            "--idle-s",
            "600",
        ),
        secrets={"PARTITA_AGENT_KEY": KEY.hex(), "PARTITA_VALUES_KEY": worker_secret(workspace, "tests", ["tests"])},
    )
    folder = workspace.parent / "project"
    launcher = ProcessLauncher(
        agent, f"{origin}-{workspace}", os.environ, folder if folder.is_dir() else workspace.parent
    )
    post = Mailbox(open_objects(mailbox), KEY, lease_s=lease_s, pace=Pace(pace_s, pace_s * 50))
    return RemoteExecutor(
        Capacity(2, 2**30), workspace=workspace, launcher=launcher, post=post, share=share,
        lease_s=lease_s, idle_s=idle_s, attempts=attempts, environment_refusal="not here",
    )  # fmt: skip
