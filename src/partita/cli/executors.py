"""`partita executors`: list, test."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.units import duration_text, size_text

__all__ = ["register"]

#: So much memory has an executor whose settings name no limit, in a cluster.
_UNLIMITED_BYTES = 2**50


def register(app: typer.Typer) -> None:
    executors = typer.Typer(help="Where steps run.", no_args_is_help=True, epilog=statuses.LEGEND)
    executors.command("list")(list_executors)
    executors.command("test")(test)
    app.add_typer(executors, name="executors")


def list_executors(context: typer.Context, json: Json = False) -> int:
    """List the executors that the settings name, and what each may hold."""
    session: Session = context.obj
    views = session.workspace.executors()
    if json:
        session.output.document(views)
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [Cell(view["name"], "bold"), view["kind"], f"{view['cpu']:g}", _memory_text(view["memory_bytes"]),
         f"{view['gpu']:g}" if view["gpu"] else "", "yes" if view["is_default"] else ""]
        for view in views
    ]  # fmt: skip
    session.output.table(["EXECUTOR", "KIND", "CORES", "MEMORY", "GPUS", "DEFAULT"], rows)
    return statuses.SUCCESS


def _memory_text(size_bytes: int) -> str:
    return size_text(size_bytes) if size_bytes < _UNLIMITED_BYTES else ""


def test(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Executors; all where none is named.", show_default=False),
    ] = None,
    json: Json = False,
) -> int:
    """Send a step through executors, and say in words what is wrong."""
    session: Session = context.obj
    output = session.output
    chosen = names or [view["name"] for view in session.workspace.executors()]
    found = []
    for name in chosen:
        view = session.workspace.probe_executor(name)
        found.append(view)
        if json:
            continue
        verdict = output.paint("ok   " if view["is_ok"] else "wrong", "good" if view["is_ok"] else "bad")
        told = view["told"]
        said = (
            f"Python {told['python']} on {told['machine']}, {told['cores']} cores" if view["is_ok"] else view["error"]
        )
        output.line(f"{verdict}  {name}  {said}  ({duration_text(view['took_s'])})")
    if json:
        output.document(found)
    return statuses.SUCCESS if all(view["is_ok"] for view in found) else statuses.TROUBLE
