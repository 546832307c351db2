"""Serving one session, whatever its post is."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from partita.artifacts.objects import open_objects
from partita.worker.agent.composition import make_agent
from partita.worker.agent.port import AgentPost

__all__ = ["agent_parser", "serve", "serve_session"]


def serve(post: AgentPost, arguments: Sequence[str], secrets: Mapping[str, str]) -> None:
    """Serve in this thread until the engine says stop, or nobody waits any more.

    Args:
        arguments: as `python -m partita.worker.agent` takes them.
        secrets: the keys, by the names of their variables.
    """
    told = agent_parser().parse_args(list(arguments))
    with tempfile.TemporaryDirectory(prefix=f"partita-{told.session}-") as workspace:
        serve_session(post, told, Path(workspace), secrets["PARTITA_VALUES_KEY"])


def serve_session(post: AgentPost, told: argparse.Namespace, workspace: Path, signing: str) -> None:
    """Serve what the arguments say, and close the post.

    Args:
        workspace: an empty folder of the agent's own.
        signing: the secret with which values are signed that only workers open.
    """
    try:
        make_agent(
            post, session=told.session, workspace=workspace, project=_folder_of(told.project), artifacts=told.artifacts,
            kept=open_objects(told.mailbox), signing=signing, lease_s=told.lease_s,
            idle_s=told.idle_s, attempts=told.attempts,
        ).serve()  # fmt: skip
    finally:
        post.close()


def _folder_of(project: str) -> str:
    """The project's folder, if that is here."""
    return project if project and os.path.isdir(project) else os.getcwd()


def agent_parser() -> argparse.ArgumentParser:
    """Reads an agent's arguments."""
    parser = argparse.ArgumentParser(prog="python -m partita.worker.agent", allow_abbrev=False)
    parser.add_argument("--session", required=True)
    parser.add_argument(
        "--mailbox", required=True, help="folder or URL of checkpoints and, without another post, messages"
    )
    parser.add_argument("--artifacts", required=True, help="folder or URL of large values and code")
    parser.add_argument("--lease-s", type=float, required=True, help="ends after so many seconds without an engine")
    parser.add_argument("--idle-s", type=float, required=True, help="ends after so many seconds without an order")
    parser.add_argument("--pace-s", type=float, default=0.05, help="shortest time between two looks, in seconds")
    parser.add_argument("--attempts", type=int, default=0, help="ends after so many; 0: takes as many as come")
    parser.add_argument(
        "--project", default="", help="working directory of attempts, if it is here; else the current one"
    )
    return parser
