"""Laying out a flow, or a map whose elements have become known: its steps travel in frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.flow.ambient import forbid_direct
from partita.flow.entry import lay_out as lay_out_flow
from partita.flow.layout import Layout
from partita.protocol.messages import FRAME, LAID
from partita.values import pack

if TYPE_CHECKING:
    from partita.errors import Problem
    from partita.worker.attempt import Attempt

__all__ = ["lay_out"]


def lay_out(attempt: Attempt) -> list[Any]:
    """Send the frames; gives the LAID message without usage and log.

    Raises:
        CheckError: with every problem that was found.
    """
    profile, worker = attempt.profile, attempt.worker
    values = worker.values
    with forbid_direct():
        if not profile.is_loaded:
            profile.load()
            worker.capture.adopt_logging()
        layout = Layout(
            values.encoder.encode, values.fingerprint, project=Path(profile.bundle), executor=profile.executor
        )
        args, keywords = attempt.open_arguments(layout)
        texts = (attempt.extra or {}).get("texts")
        lay_out_flow(profile.definition, args, keywords, texts=texts, layout=layout, is_root=attempt.step == 0)
    total = len(layout.rows)
    for profiles, rows in layout.frames():
        worker.say((FRAME, attempt.ticket, total, profiles, rows))
    return [LAID, attempt.ticket, pack(layout.value), [problem_map(problem) for problem in layout.warnings]]


def problem_map(problem: Problem) -> dict[str, Any]:
    """A problem as plain data."""
    return {
        "message": problem.message,
        "place": problem.place,
        "remedy": problem.remedy,
        "is_warning": problem.is_warning,
    }
