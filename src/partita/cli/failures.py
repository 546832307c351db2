"""Why a run failed: the steps where it began, each with its traceback and the end of its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from partita.cli.output import Output
from partita.cli.session import Session
from partita.drawing.cells import clean, clean_log
from partita.drawing.progress import Progress, first_failures
from partita.errors import PartitaError
from partita.protocol.requests import ErrorView, RunView, StepView, as_problem

__all__ = ["all_steps", "in_project", "tell_error", "tell_failures", "tell_problems"]

_BUNDLE = re.compile(r"(?:(?<=File \")[^\"\n]*|[^\"\s]*)/bundles/[0-9a-f]{64}(/?)")
_SHOWN = 3
_LOG_LINES = 12
_LOOKED_AT = 20_000


def all_steps(session: Session, run: str) -> Iterator[StepView]:
    """The run's steps, in pages."""
    after = -1
    while page := session.workspace.steps(run, after=after, limit=500):
        yield from page
        after = page[-1]["id"]


def tell_failures(session: Session, run: RunView, progress: Progress | None = None) -> None:
    """Tell the first failures in full and count the others."""
    output = session.output
    failed = _origins(session, run, progress)
    for step in failed[:_SHOWN]:
        _tell_step(session, run, step)
    if len(failed) > _SHOWN:
        output.note(f"and {len(failed) - _SHOWN:,} more failed steps: partita runs show {run['id']} --state failed")
    if not failed and run["error"] is not None:
        output.note()
        tell_error(output, run["error"])
    output.note()
    output.note(f"Once the cause is gone: partita runs rerun {run['id']}   (what has succeeded is not done again)")


def _origins(session: Session, run: RunView, progress: Progress | None) -> list[StepView]:
    """The failed steps that are not only failed because of a step below them."""
    found = list(progress.failures.values()) if progress is not None else []
    if not found:
        for number, step in enumerate(all_steps(session, run["id"])):
            if number >= _LOOKED_AT:
                break
            if step["state"] == "failed":
                found.append(step)
    return first_failures(found)


def _tell_step(session: Session, run: RunView, step: StepView) -> None:
    output = session.output
    tries = f", after {step['attempts']} attempts" if step["attempts"] > 1 else ""
    place = f"  ({clean(step['place'])})" if step["place"] else ""
    name = step["path"] if step["parent"] >= 0 else run["title"]
    output.note()
    symbol = output.paint(output.symbol("failed", output.err), "bad", output.err)
    output.note(f"{symbol} {output.paint(clean(name), 'bold', output.err)} failed{tries}{place}")
    if step["error"] is not None:
        tell_error(output, step["error"])
    tail = _log_tail(session, run["id"], step["id"])
    if tail:
        output.note("  the end of its log:", "dim")
        for line in tail:
            output.note("  | " + line)


def tell_error(output: Output, error: ErrorView) -> None:
    """An error with its traceback, or with every problem that a check found."""
    problems = error.get("problems") or ([as_problem(error)] if error.get("type") == "partita.errors.LoadError" else [])
    if problems:
        tell_problems(output, problems)
        return
    traceback = in_project(error.get("traceback", "")).rstrip()
    if traceback:
        for line in traceback.split("\n"):
            output.note("  " + clean_log(line, keeps_colors=False), "dim" if line.startswith(" ") else "")
    told = in_project(f"{error.get('type', '')}: {error.get('message', '')}".strip(": "))
    if not traceback or error.get("message", "").split("\n")[0] not in traceback:
        for line in told.split("\n"):
            output.note("  " + clean(line), "bad")


def in_project(text: str) -> str:
    """The text with names of files as the reader knows them: a bundle is a copy of the project's files."""
    return _BUNDLE.sub(lambda found: "" if found[1] else ".", text)


def tell_problems(output: Output, problems: list[dict[str, Any]]) -> None:
    """What a check found, errors first."""
    for problem in sorted(problems, key=lambda problem: bool(problem.get("is_warning"))):
        is_warning = bool(problem.get("is_warning"))
        head = output.paint("warning:" if is_warning else "error:", "warn" if is_warning else "bad", output.err)
        place = f"{clean(problem['place'])}: " if problem.get("place") else ""
        output.note(f"{head} {place}{clean(in_project(problem.get('message', '')))}")
        for line in in_project(problem.get("remedy") or "").split("\n"):
            if line.strip():
                output.note("    " + clean(line))


def _log_tail(session: Session, run: str, step: int) -> list[str]:
    text = ""
    try:
        for chunk in session.workspace.logs(run, step=step):
            text = (text + chunk["text"])[-16384:]
    except PartitaError:
        return []
    keeps = session.output.has_color(session.output.err)
    return [clean_log(line, keeps_colors=keeps) for line in text.rstrip().split("\n")[-_LOG_LINES:] if text.strip()]
