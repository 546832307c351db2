"""Partita: typed, reusable tasks, orchestrated durably.

    errors, clock, settings   < core, protocol     < flow, plan, store, artifacts, executors
                              < worker, engine     < workspace    < testing, cli

`import partita` gives what users write flows with; see `__all__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita import errors
from partita.errors import Skip
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
    from partita.flow.command import CommandError, CommandResult, command
    from partita.flow.yaml import load_flow
    from partita.workspace import Run, open_workspace

__all__ = [
    "CommandError", "CommandResult", "Environment", "Flow", "Mapped", "Outcome", "Ref", "Run", "Skip", "Task", "__version__",
    "command", "constant", "context", "errors", "flow", "load_flow", "open_workspace", "settle", "task",
]  # fmt: skip


def _launcher() -> Launcher:
    from partita.workspace.runs import default_launcher

    return default_launcher()


set_launcher_provider(_launcher)


def __getattr__(name: str) -> Any:
    # These bring the engine's client and subprocess with them, which most files that define tasks do not need.
    if name in ("Run", "open_workspace"):
        from partita import workspace

        return getattr(workspace, name)
    if name in ("CommandError", "CommandResult", "command"):
        from importlib import import_module

        return getattr(import_module("partita.flow.command"), name)
    if name == "load_flow":
        from partita.flow.yaml import load_flow

        return load_flow
    raise AttributeError(f"module 'partita' has no attribute {name!r}")
