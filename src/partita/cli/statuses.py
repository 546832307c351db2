"""What the exit status says."""

from __future__ import annotations

from partita.errors import (
    AccessError,
    BusyError,
    CancelledError,
    CheckError,
    DefinitionError,
    LoadError,
    ModelError,
    NotFoundError,
    PartitaError,
    PlanningError,
    RequestError,
    RunError,
    SettingsError,
    StudyError,
)
from partita.protocol.requests import RunView

__all__ = [
    "CANCELLED",
    "FAILED",
    "INTERRUPTED",
    "LEGEND",
    "SUCCESS",
    "TROUBLE",
    "WRONG_USE",
    "is_refused",
    "of_error",
    "of_run",
]

SUCCESS = 0
FAILED = 1
WRONG_USE = 2
CANCELLED = 3
TROUBLE = 4
INTERRUPTED = 130

LEGEND = (
    "Exit status: 0 success, 1 the flow failed, 2 wrong use (also inputs or a flow that the checks refuse), "
    "3 cancelled, 4 the engine or the machine is in trouble, 130 left with Ctrl-C (a run that was watched goes on)."
)

_REFUSALS = frozenset({"CheckError", "DefinitionError", "OptionError", "RefError", "LoadError"})
_WRONG = (
    AccessError,
    CheckError,
    DefinitionError,
    LoadError,
    NotFoundError,
    PlanningError,
    RequestError,
    SettingsError,
    StudyError,
)


def of_error(error: PartitaError) -> int:
    """The status for what a command raised."""
    if isinstance(error, BusyError):
        return TROUBLE
    if isinstance(error, _WRONG):
        return WRONG_USE
    if isinstance(error, CancelledError):
        return CANCELLED
    return FAILED if isinstance(error, (RunError, ModelError)) else TROUBLE


def of_run(run: RunView) -> int:
    """The status for how a run ended."""
    if run["state"] in ("succeeded", "skipped"):
        return SUCCESS
    if run["state"] == "cancelled":
        return CANCELLED
    return WRONG_USE if is_refused(run) else FAILED


def is_refused(run: RunView) -> bool:
    """Whether the run was refused before any step of it ran: by its checks, or because its code cannot be laid out."""
    error = run["error"]
    if error is None or run["counts"].get("succeeded"):
        return False
    module, _, name = error.get("type", "").rpartition(".")
    return module in ("", "partita.errors") and name in _REFUSALS
