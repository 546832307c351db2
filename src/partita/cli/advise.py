"""`partita advise`."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.naming import find_flow
from partita.cli.options import Json
from partita.cli.session import Session
from partita.drawing.cells import clean

__all__ = ["register"]

_KINDS = {"cpu": "cores", "memory": "memory", "cache": "cache", "split": "split", "executor": "executor"}


def register(app: typer.Typer) -> None:
    app.command("advise", epilog=statuses.LEGEND)(advise)


def advise(
    context: typer.Context,
    flow: Annotated[str, typer.Argument(metavar="[FLOW]", help="Only of tasks of this flow.", show_default=False)] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Write what the settings can say into them.")] = False,
    json: Json = False,
) -> int:
    """Propose what tasks should ask for, cache, split or run elsewhere, by what the last runs have taken."""
    session: Session = context.obj
    output = session.output
    report = session.workspace.advise(find_flow(session.workspace, flow) if flow else "", apply=apply)
    if json:
        output.document(report)
        return statuses.SUCCESS
    seen = f"{report['attempts']:,} attempts of {report['runs']:,} run{'s' * (report['runs'] != 1)}"
    if not report["advice"]:
        output.note(f"Nothing to propose by {seen}.")
        return statuses.SUCCESS
    for advice in report["advice"]:
        head = f"{clean(advice['task'])}: {_KINDS[advice['kind']]}"
        output.line(output.paint(head, "bold") + output.paint(f"  ({clean(advice['flow'])})", "dim"))
        output.line(f"  {clean(advice['finding'])}")
        output.line(f"  {clean(advice['proposal'])}")
    output.note(f"By {seen}.")
    if report["written"]:
        by_hand = sum(not advice["can_apply"] for advice in report["advice"])
        rest = f"; {by_hand} to be changed in the code" if by_hand else ""
        output.note(f"Wrote {report['written']}{rest}. An engine that is up reads it when it starts again.")
    elif any(advice["can_apply"] for advice in report["advice"]):
        output.note("`partita advise --apply` writes what the settings can say into them.")
    return statuses.SUCCESS
