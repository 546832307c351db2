"""`partita history`: how long steps take and what they need, as learned from their attempts."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.protocol.requests import HistoryView, SpreadView
from partita.units import duration_text, size_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("history", epilog=statuses.LEGEND)(history)


def history(
    context: typer.Context,
    task: Annotated[
        str, typer.Argument(metavar="[TASK]", help="Only of this task: its name or reference.", show_default=False)
    ] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Forget what was learned of the task.")] = False,
    json: Json = False,
) -> int:
    """Show what was learned of tasks: how long attempts take, how much memory they hold, how large their values are."""
    session: Session = context.obj
    if forget:
        return _forget(session, task, json)
    found = session.workspace.history(task)
    if json:
        session.output.document(found)
        return statuses.SUCCESS
    if not found:
        session.output.note("Nothing has been learned yet; it is from steps that succeed.")
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [Cell(item["task"], "bold"), item["version"], item["node"], f"{item['seen']:,}", size_text(item["input_bytes"]),
         *_durations(item), f"{item['cores']:.1f}", _middle(item["memory_bytes"]), size_text(item["most_memory_bytes"]),
         _middle(item["output_bytes"])]
        for item in found
    ]  # fmt: skip
    titles = ["TASK", "VERSION", "ON", "SEEN", "INPUT", "P10", "P50", "P90", "CORES", "MEMORY", "HIGHEST", "VALUE"]
    session.output.table(titles, rows, flexible=2)
    return statuses.SUCCESS


def _durations(item: HistoryView) -> list[str]:
    spread = item["duration_s"]
    return [duration_text(spread["p10"]), duration_text(spread["p50"]), duration_text(spread["p90"])]


def _middle(spread: SpreadView) -> str:
    return size_text(spread["p50"])


def _forget(session: Session, task: str, json: bool) -> int:
    if not task:
        raise typer.BadParameter("name the task whose history is to be forgotten: partita history TASK --forget")
    count = session.workspace.forget_history(task)
    if json:
        session.output.document({"forgotten": count})
    else:
        session.output.line(f"What was learned of {task} is forgotten.")
    return statuses.SUCCESS
