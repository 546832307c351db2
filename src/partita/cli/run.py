"""`partita run`."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.changed_settings import note_changed_settings
from partita.cli.inputs import parse_call
from partita.cli.naming import find_any_flow
from partita.cli.options import ForSteps, Inputs, Json, Owner, Priority, Weight, Words
from partita.cli.session import Session

__all__ = ["register"]

_EPILOG = f"""An input that has the name of an option is written name=value. A list or a dictionary is written as JSON.

{statuses.LEGEND}"""


def register(app: typer.Typer) -> None:
    app.command("run", epilog=_EPILOG, context_settings={"ignore_unknown_options": True})(run)


def run(
    context: typer.Context,
    words: Words = None,
    inputs: Inputs = "",
    detach: Annotated[bool, typer.Option("--detach", help="Start the run and leave it; print its id.")] = False,
    executor: ForSteps = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag of the run; may be repeated.")] = None,
    key: Annotated[str, typer.Option("--key", help="A second run with this key is the first one.")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Compute what the cache has, and keep it.")] = False,
    owner: Owner = "",
    weight: Weight = None,
    priority: Priority = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result, and errors.")] = False,
    json: Json = False,
) -> int:
    """Run a flow and show its steps; the run goes on even if this window is closed."""
    session: Session = context.obj
    call = parse_call(words or (), inputs)
    workspace = session.workspace
    flow, is_published = find_any_flow(workspace, call.flow)
    if not quiet:
        note_changed_settings(session)
    launch = workspace.launch_published if is_published else workspace.launch
    started = launch(
        flow, texts=call.texts, executor=executor, tags=tag or (), key=key, refresh=refresh,
        owner=owner, weight=weight, priority=priority,
    )  # fmt: skip
    if not detach:
        from partita.cli.watching import follow

        return follow(session, started, is_quiet=quiet)
    if json:
        session.output.document({"id": started, "flow": flow, "is_detached": True})
        return statuses.SUCCESS
    session.output.line(started)
    if not quiet:
        from partita.cli.watching import tell_detached

        tell_detached(session.output, started)
    return statuses.SUCCESS
