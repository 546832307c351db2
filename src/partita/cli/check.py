"""`partita check`."""

from __future__ import annotations

import typer

from partita.cli import statuses
from partita.cli.failures import tell_problems
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import ForSteps, Inputs, Json, Words
from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("check", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(check)


def check(
    context: typer.Context, words: Words = None, inputs: Inputs = "", executor: ForSteps = "", json: Json = False
) -> int:
    """Lay a flow out and check types, inputs, options and resources, without running anything."""
    session: Session = context.obj
    call = parse_call(words or (), inputs)
    flow = find_flow(session.workspace, call.flow)
    found = session.workspace.check(flow, call.texts, executor=executor)
    problems = found["problems"]
    errors = [problem for problem in problems if not problem.get("is_warning")]
    status = statuses.WRONG_USE if errors else statuses.SUCCESS
    if json:
        session.output.document({"flow": flow, **found, "exit_status": status})
        return status
    tell_problems(session.output, problems)
    warnings = len(problems) - len(errors)
    steps = len(found["graph"]["steps"]) if found["graph"] is not None else 0
    if errors:
        session.output.line(f"{flow}: {_number(len(errors), 'error')}, {_number(warnings, 'warning')}")
    else:
        told = f", {_number(warnings, 'warning')}" if warnings else ""
        session.output.line(f"{flow}: no errors{told}; {_number(steps, 'step')} known before it runs")
    return status


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
