from __future__ import annotations

import pytest

from partita import errors
from partita.cli import statuses
from tests.unit.cli.fake import make_run


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.CheckError([]), 2), (errors.OptionError(""), 2), (errors.NotFoundError(""), 2), (errors.LoadError(""), 2),
        (errors.SettingsError(""), 2), (errors.StudyError(""), 2), (errors.StepError(""), 1), (errors.CancelledError(""), 3), (errors.StoreError(""), 4),
        (errors.ProtocolError(""), 4), (errors.IllegalTransitionError(""), 4), (errors.DamagedError(""), 4),
    ],
)  # fmt: skip
def test_errors(error: errors.PartitaError, status: int) -> None:
    assert statuses.of_error(error) == status


@pytest.mark.parametrize(
    ("state", "kind", "succeeded", "status"),
    [
        ("succeeded", None, 3, 0), ("cancelled", None, 3, 3), ("failed", "ValueError", 0, 1),
        ("failed", "partita.errors.CheckError", 0, 2), ("failed", "LoadError", 0, 2),
        ("failed", "partita.errors.CheckError", 2, 1), ("failed", "theirs.LoadError", 0, 1),
    ],
)  # fmt: skip
def test_runs(state: str, kind: str | None, succeeded: int, status: int) -> None:
    error = {"type": kind, "message": "no"} if kind else None
    assert statuses.of_run(make_run("r", state, error=error, counts={"succeeded": succeeded, "failed": 1})) == status
