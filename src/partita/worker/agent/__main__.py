"""`python -m partita.worker.agent`: the agent of one session, in a container or pod, or wherever else a launcher starts it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from partita.artifacts.code.archive import fetch_archive
from partita.artifacts.objects import open_objects
from partita.errors import PartitaError
from partita.executors.machine import gpu_devices, machine_capacity
from partita.executors.port import Capacity
from partita.executors.remote.mailbox import Pace
from partita.worker.agent.agent import Agent
from partita.worker.agent.checkpoints import Checkpoints
from partita.worker.agent.mailbox import MailboxPost
from partita.worker.first_process import leave_first_process

__all__ = ["main"]

_TROUBLE = 3
_ALIVE_PARTS = 3


def main(arguments: list[str]) -> int:
    """Serve until the engine says stop, or nobody waits any more."""
    if os.getpid() == 1:
        leave_first_process([signal.SIGTERM])
    told = _parser().parse_args(arguments)
    workspace = Path(tempfile.mkdtemp(prefix=f"partita-{told.session}-"))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        _serve(told, workspace)
    except PartitaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return _TROUBLE
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return 0


def _serve(told: argparse.Namespace, workspace: Path) -> None:
    key = bytes.fromhex(os.environ.pop("PARTITA_AGENT_KEY", ""))
    values_key = workspace / "key"
    values_key.touch(mode=0o600)
    values_key.write_bytes(bytes.fromhex(os.environ.pop("PARTITA_VALUES_KEY", "")))
    objects = open_objects(told.mailbox)
    pace = Pace(told.pace_s, told.pace_s * 50)
    post = MailboxPost(objects, told.session, key, lease_s=told.lease_s, pace=pace)
    machine = machine_capacity()
    try:
        Agent(
            post, session=told.session, capacity=Capacity(machine.cpu, machine.memory_bytes, len(gpu_devices())),
            workspace=os.fspath(workspace), project=told.project or os.getcwd(), artifacts=told.artifacts,
            find_bundle=_finder(told.artifacts, workspace), checkpoints=Checkpoints(objects, workspace / "checkpoints"),
            alive_s=told.lease_s / _ALIVE_PARTS, attempts=told.attempts,
        ).serve()  # fmt: skip
    finally:
        post.close()


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m partita.worker.agent", allow_abbrev=False)
    parser.add_argument("--session", required=True)
    parser.add_argument("--mailbox", required=True, help="folder or URL through which the engine is heard")
    parser.add_argument("--artifacts", required=True, help="folder or URL of large values and code")
    parser.add_argument("--lease-s", type=float, required=True, help="ends after so many seconds without an engine")
    parser.add_argument("--pace-s", type=float, default=0.05, help="shortest time between two looks, in seconds")
    parser.add_argument("--attempts", type=int, default=0, help="ends after so many; 0: takes as many as come")
    parser.add_argument("--project", default="", help="working directory of attempts; default: the current one")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
