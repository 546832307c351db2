"""Laying out a flow, or a map whose elements have become known: its steps travel in frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.core.placing import misplaced_rows
from partita.core.resources import Pool
from partita.errors import CheckError, MissingExtraError, OptionError, Problem
from partita.executors.environments.uv import find_uv
from partita.flow.ambient import forbid_direct
from partita.flow.entry import lay_out as lay_out_flow
from partita.flow.environments import environment_option
from partita.flow.layout import Layout
from partita.protocol.messages import BOUNDS, FRAME, LAID
from partita.values import pack

if TYPE_CHECKING:
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
            values.encoder.encode,
            values.fingerprint,
            project=Path(profile.bundle),
            executor=profile.executor,
            environment=profile.environment,
            code_of=values.code_of,
        )
        _adopt_default(layout, attempt)
        args, keywords = attempt.open_arguments(layout)
        texts = (attempt.extra or {}).get("texts")
        try:
            lay_out_flow(profile.definition, args, keywords, texts=texts, layout=layout, is_root=attempt.step == 0)
        except CheckError as error:
            raise CheckError([*error.problems, *_misplaced(attempt.extra or {}, layout)]) from None
    options = profile.definition.options
    if attempt.step == 0 and (bounds := options.of_run):
        worker.say((BOUNDS, attempt.ticket, bounds))
    _warn_of_missing_uv(layout)
    total = len(layout.rows)
    for profiles, rows in layout.frames():
        worker.say((FRAME, attempt.ticket, total, profiles, rows))
    return [
        LAID,
        attempt.ticket,
        pack(layout.value),
        [problem_map(problem, attempt.mask) for problem in layout.warnings],
    ]


def _adopt_default(layout: Layout, attempt: Attempt) -> None:
    """The environment that the settings give to tasks that declare none."""
    given = (attempt.extra or {}).get("environment")
    if given is not None:
        try:
            layout.adopt_environment(environment_option("environment", given), "the settings")
        except OptionError as error:
            raise CheckError([Problem(f"the setting environment: {error}")]) from None


def _warn_of_missing_uv(layout: Layout) -> None:
    """No more than a warning: an environment that is there already needs no uv."""
    title = next((profile.title for profile in layout.profiles if profile.environment and profile.body == "task"), "")
    if title:
        try:
            find_uv()
        except MissingExtraError as error:
            layout.problem(f"{title} has an environment of its own, and it may have to be made", "", str(error), True)


def _misplaced(extra: dict[str, Any], layout: Layout) -> list[Problem]:
    """Steps that no executor can ever run: the engine refuses them by itself, but only where all else is right."""
    pools = {name: Pool.of(described) for name, described in (extra.get("pools") or {}).items()}
    return misplaced_rows(layout.rows, layout.profiles, pools, extra.get("executor", "")) if pools else []


def problem_map(problem: Problem, mask: Callable[[str], str]) -> dict[str, Any]:
    """A problem as plain data.

    Args:
        mask: takes secrets out of a text.
    """
    return {
        "message": mask(problem.message),
        "place": problem.place,
        "remedy": mask(problem.remedy),
        "is_warning": problem.is_warning,
    }
