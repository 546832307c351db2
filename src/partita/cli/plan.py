"""`partita plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.session import Session

__all__ = ["register"]

_Json = Annotated[
    str, typer.Option("--json", metavar="FILE", help="Plan the instance of a JSON file (also .gz).", show_default=False)
]
_Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where the plan goes; default: standard output.")
]
_Limit = Annotated[
    str, typer.Option("--time-limit", metavar="SECONDS", help="Look for better plans for so long.", show_default=False)
]
_Optimal = Annotated[bool, typer.Option("--optimal", help="Prove it: use the constraint solver.")]
_Stdio = Annotated[bool, typer.Option("--stdio", help="Say what starts when, one JSON line for each event read.")]


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
    """Say what runs when and where: minimise alpha * makespan + beta * cost."""
    session: Session = context.obj
    from partita.workspace.planning import plan_file

    document = plan_file(Path(json), Path(output) if output else None, float(time_limit or 0) or None, optimal)
    if not output:
        session.output.document(document)
    return statuses.SUCCESS
