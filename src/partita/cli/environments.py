"""`partita environments`: list, show, prune."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.errors import NotFoundError
from partita.protocol.requests import EnvironmentView
from partita.units import duration_s, duration_text, size_text

__all__ = ["register"]

_UNUSED = "30d"


def register(app: typer.Typer) -> None:
    environments = typer.Typer(help="The environments of tasks.", no_args_is_help=True, epilog=statuses.LEGEND)
    environments.command("list")(list_environments)
    environments.command("show")(show)
    environments.command("prune")(prune)
    app.add_typer(environments, name="environments")


def list_environments(context: typer.Context, json: Json = False) -> int:
    """List the environments, the one that was used last first."""
    session: Session = context.obj
    views = session.workspace.environments()
    if json:
        session.output.document(views)
        return statuses.SUCCESS
    if not views:
        session.output.note("There are no environments; @task(environment=[...]) has one made.")
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [Cell(view["key"], "bold"), _state(view), view["python"], size_text(view["size_bytes"]), _used(view),
         view["title"]]
        for view in views
    ]  # fmt: skip
    session.output.table(["ENVIRONMENT", "STATE", "PYTHON", "SIZE", "USED", "MADE FROM"], rows, flexible=5)
    return statuses.SUCCESS


def _state(view: EnvironmentView) -> str:
    if not view["is_complete"]:
        return "being made" if view["is_in_use"] else "broken off"
    return "in use" if view["is_in_use"] else "ready"


def _used(view: EnvironmentView) -> str:
    return f"{duration_text(max(time.time() - view['used_at'], 0.0))} ago" if view["used_at"] else ""


def show(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The beginning of its name is enough.")],
    json: Json = False,
) -> int:
    """Show what is in an environment, and what uv said when it was made."""
    session: Session = context.obj
    found = [view for view in session.workspace.environments() if view["key"].startswith(key)]
    if len(found) != 1:
        told = f"{len(found)} environments begin with {key}" if found else f"there is no environment {key}"
        raise NotFoundError(f"{told}; `partita environments list` lists them")
    view, log = found[0], session.workspace.environment_log(found[0]["key"])
    if json:
        session.output.document({**view, "log": log})
        return statuses.SUCCESS
    session.output.line(f"{view['key']}  {_state(view)}  {view['folder']}")
    made = f", made in {duration_text(view['took_s'])}" if view["is_complete"] else ""
    session.output.line(f"{clean(view['title'])}{made}, {size_text(view['size_bytes'])} that nothing else shares")
    for package in view["packages"]:
        session.output.line(f"  {clean(package)}")
    session.output.line()
    for line in log.splitlines():
        session.output.line(clean(line))
    return statuses.SUCCESS


def prune(
    context: typer.Context,
    unused: Annotated[str, typer.Option("--unused", help="Only what nobody has used for so long.")] = _UNUSED,
    everything: Annotated[bool, typer.Option("--all", help="All that is not in use now.")] = False,
    json: Json = False,
) -> int:
    """Remove environments that nobody has used for long, and those that were broken off."""
    session: Session = context.obj
    removed = session.workspace.prune_environments(0.0 if everything else duration_s(unused, "--unused"))
    if json:
        session.output.document({"removed": removed})
        return statuses.SUCCESS
    freed = sum(view["size_bytes"] for view in removed)
    count = len(removed)
    session.output.line(f"{count:,} environment{'s' * (count != 1)} removed, {size_text(freed)} freed.")
    return statuses.SUCCESS
