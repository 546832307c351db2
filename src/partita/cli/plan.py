"""`partita plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.session import Session

__all__ = ["register"]

_Json = Annotated[
    str, typer.Option("--json", metavar="FILE", help="Plan the instance in a JSON file (also .gz).", show_default=False)
]
_Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FILE", help="Where the plan goes; default: standard output.", show_default=False),
]  # fmt: skip
_Limit = Annotated[
    str, typer.Option("--time-limit", metavar="SECONDS", help="Look for better plans for so long.", show_default=False)
]
_Optimal = Annotated[bool, typer.Option("--optimal", help="Prove that nothing is better, if there is time to.")]
_Stdio = Annotated[bool, typer.Option("--stdio", help="Say what begins when, one JSON line for each event read.")]


def register(app: typer.Typer) -> None:
    app.command("plan", epilog=statuses.LEGEND)(plan)


def plan(
    context: typer.Context,
    json: _Json = "",
    output: _Output = "",
    time_limit: _Limit = "",
    optimal: _Optimal = False,
    stdio: _Stdio = False,
) -> int:
    """Say what runs when and where, so that alpha * makespan + beta * cost is least."""
    session: Session = context.obj
    if stdio == bool(json):
        raise typer.BadParameter("name an instance by --json FILE, or give --stdio")
    limit_s = _seconds(time_limit)
    if stdio:
        return _converse(session)
    from partita.workspace.planning import plan_file

    told = plan_file(Path(json), Path(output) if output else None, time_limit_s=limit_s, must_prove=optimal)
    if not output:
        session.output.document(
            {name: told[name] for name in told if name not in ("objective", "makespan", "cost", "gap")}
        )
    session.output.note(_summary(told))
    return statuses.SUCCESS


def _seconds(text: str) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise typer.BadParameter(f"--time-limit should be a number of seconds, and is {text!r}")
    return seconds


def _converse(session: Session) -> int:
    from partita.workspace.planning import answer_events

    for line in answer_events(sys.stdin):
        session.output.out.write(line + "\n")
        session.output.out.flush()
    return statuses.SUCCESS


def _summary(told: dict[str, Any]) -> str:
    gap = "proved to be the best" if not told["gap"] else f"at most {100 * told['gap']:.2g} % from the best"
    return (
        f"{told['instance']}: objective {told['objective']:g}, makespan {told['makespan']:g} s, cost {told['cost']:g}, "
        f"{gap} ({told['planner'].removeprefix('partita, ')})"
    )
