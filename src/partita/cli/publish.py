"""`partita publish`."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.naming import find_flow
from partita.cli.options import Json
from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("publish", epilog=statuses.LEGEND)(publish)


def publish(
    context: typer.Context,
    flow: Annotated[str, typer.Argument(metavar="[FLOW]", help="The flow; nothing where there is one.")] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What it goes by; default: its own name.", show_default=False)
    ] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What is new.", show_default=False)] = "",
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; default: you.", show_default=False)] = "",
    json: Json = False,
) -> int:  # fmt: skip
    """Keep a flow as it is now as a version that runs can be started of: check it, and store its code.

    Where a server is named, the code of this folder's project is published there.
    """
    from partita.cli.flow_tables import tell_published

    session: Session = context.obj
    found = find_flow(session.local, flow)
    if session.server:
        from partita.workspace.ci import publish_elsewhere

        view = publish_elsewhere(session.local, session.workspace, found, name=name, note=note)
    else:
        view = session.workspace.publish(found, name=name, note=note, by=by)
    state = session.workspace.gates(view["version"]) if view["lacks"] else None
    if json:
        session.output.document({**view, "gates_run": state["run"] if state is not None else ""})
        return statuses.SUCCESS
    tell_published(session.output, view)
    if state is None or not state["run"]:
        return statuses.SUCCESS
    from partita.cli.gates import follow_gates

    return follow_gates(session, view["version"], "", state["run"])
