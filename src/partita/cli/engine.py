"""`partita engine`: run, status, stop."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Output
from partita.cli.session import Session
from partita.errors import EngineError
from partita.protocol.requests import EngineView
from partita.units import duration_text, size_text

__all__ = ["register", "tell_engine"]

_STOP_TIMEOUT_S = 30.0


def register(app: typer.Typer) -> None:
    engine = typer.Typer(
        help="The process that runs this workspace's flows; it starts and ends by itself.", no_args_is_help=True
    )
    engine.command("run")(run)
    engine.command("status")(status)
    engine.command("stop")(stop)
    app.add_typer(engine, name="engine")


def run(context: typer.Context) -> int:
    """Be the engine here, until Ctrl-C or SIGTERM: for a service that a machine keeps up. Its log goes to standard error."""
    session: Session = context.obj
    if session.workspace.be_engine():
        return statuses.SUCCESS
    raise EngineError("an engine is up already; `partita engine stop` ends it")


def status(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="End with status 4 where no engine answers.")] = False,
    json: Json = False,
) -> int:
    """Tell whether an engine is up, and what it holds."""
    session: Session = context.obj
    view = session.workspace.engine()
    if json:
        session.output.document({"is_up": view is not None, "engine": view})
    elif view is None:
        session.output.line("No engine is up; it starts with the next run.")
    else:
        tell_engine(session.output, view)
    return statuses.TROUBLE if check and view is None else statuses.SUCCESS


def tell_engine(output: Output, view: EngineView) -> None:
    """What an engine says of itself."""
    output.line(f"The engine {view['pid']} (version {view['version']}) is up for "
                f"{duration_text(time.time() - view['started_at'])}.")  # fmt: skip
    output.line(f"  runs      {view['runs']:,} that are not final, {view['steps']:,} steps in memory")
    output.line(f"  workers   {view['workers']:,}")
    if others := view.get("others"):
        output.line(f"  engines   {', '.join(others)} share its runs")
    if changed := view.get("changed_settings"):
        output.line(
            f"  settings  {', '.join(changed)} changed since it began; `partita engine stop` lets the next one read them"
        )
    for name, amount in view["capacity"].items():
        held = view["held"].get(name, 0.0)
        if amount or held:
            told = f"{size_text(held)} of {size_text(amount)}" if name == "memory" else f"{held:g} of {amount:g}"
            output.line(f"  {name:<9} {told} held")


def stop(context: typer.Context, json: Json = False) -> int:
    """End the engine. Unfinished runs are stored, and go on with the next engine."""
    session: Session = context.obj
    workspace = session.workspace
    before = workspace.engine()
    if before is not None:
        workspace.stop_engine()
        until = time.monotonic() + _STOP_TIMEOUT_S
        while (now := workspace.engine()) is not None and now["pid"] == before["pid"]:
            if time.monotonic() > until:
                raise EngineError(
                    f"the engine {before['pid']} was told to end {_STOP_TIMEOUT_S:g} s ago and still answers; "
                    f"`kill {before['pid']}` ends it, and loses nothing"
                )
            time.sleep(0.05)
    if json:
        session.output.document({"was_up": before is not None, "unfinished_runs": before["runs"] if before else 0})
    elif before is None:
        session.output.line("No engine is up.")
    else:
        session.output.line(f"The engine {before['pid']} has ended.")
        if before["runs"]:
            session.output.line("Its unfinished runs are stored; `partita runs resume` lets one go on.")
    return statuses.SUCCESS
