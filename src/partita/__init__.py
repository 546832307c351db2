"""Partita: typed, reusable tasks, orchestrated durably.

    errors, clock, settings   < core, protocol     < flow, plan, store, artifacts, executors
                              < worker, engine, components < models < compose, publishing < workspace < testing, cli

`import partita` gives what users write flows with; see `__all__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita import errors
from partita.errors import Skip
from partita.flow.containers.runner import ContainerRunner, set_container_runner
from partita.flow.context import context
from partita.flow.environments import Environment
from partita.flow.flow import Flow, flow
from partita.flow.launching import Launcher, set_launcher_provider
from partita.flow.mapped import Mapped, constant
from partita.flow.ref import Ref
from partita.flow.settle import Outcome, settle
from partita.flow.task import Task, task
from partita.version import VERSION as __version__

if TYPE_CHECKING:
    from partita.artifacts.codecs.audio import Audio
    from partita.artifacts.codecs.shown import Html
    from partita.artifacts.files import File, Folder
    from partita.client import connect
    from partita.flow.command import CommandError, CommandResult, command
    from partita.flow.containers.definition import container
    from partita.flow.task_class import TaskClass
    from partita.flow.waits import Decision, approval, ask, sleep, until, wait_for
    from partita.flow.yaml import load_flow
    from partita.workspace import Run, open_workspace
    from partita.workspace.handles import Artifact

__all__ = [
    "Artifact", "Audio", "CommandError", "CommandResult", "Decision", "Environment", "File", "Flow", "Folder", "Html", "Mapped",
    "Outcome", "Ref", "Run", "Skip", "Task", "TaskClass", "__version__", "approval", "ask", "command", "connect", "constant",
    "container", "context", "errors", "flow", "load_flow", "open_workspace", "settle", "sleep", "task", "until", "wait_for",
]  # fmt: skip


def _launcher() -> Launcher:
    from partita.workspace.runs import default_launcher

    return default_launcher()


set_launcher_provider(_launcher)


def _container_runner() -> ContainerRunner:
    from partita.worker.containers.running import run_container

    return run_container


set_container_runner(_container_runner)


#: Imported when they are asked for: they bring with them what most files that define tasks do not need.
_LATER = {
    "Artifact": "partita.workspace.handles",
    "Audio": "partita.artifacts.codecs.audio",
    "CommandError": "partita.flow.command",
    "CommandResult": "partita.flow.command",
    "Decision": "partita.flow.waits",
    "File": "partita.artifacts.files",
    "Folder": "partita.artifacts.files",
    "Html": "partita.artifacts.codecs.shown",
    "Run": "partita.workspace",
    "TaskClass": "partita.flow.task_class",
    "approval": "partita.flow.waits",
    "ask": "partita.flow.waits",
    "command": "partita.flow.command",
    "connect": "partita.client",
    "container": "partita.flow.containers.definition",
    "load_flow": "partita.flow.yaml",
    "open_workspace": "partita.workspace",
    "sleep": "partita.flow.waits",
    "until": "partita.flow.waits",
    "wait_for": "partita.flow.waits",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'partita' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)
