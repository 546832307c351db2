"""`partita cache`: list, explain, clear."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json, RunName
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.units import duration_s, duration_text

__all__ = ["register"]

_Task = Annotated[str, typer.Argument(metavar="[TASK]", help="Only of this task.", show_default=False)]


def register(app: typer.Typer) -> None:
    cache = typer.Typer(help="The values of cached tasks.", no_args_is_help=True, epilog=statuses.LEGEND)
    cache.command("list")(list_entries)
    cache.command("explain")(explain)
    cache.command("clear")(clear)
    app.add_typer(cache, name="cache")


def list_entries(
    context: typer.Context,
    task: _Task = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    json: Json = False,
) -> int:
    """List what is cached, the newest first."""
    session: Session = context.obj
    entries = session.workspace.cache_entries(task=task, limit=limit)
    if json:
        session.output.document(entries)
        return statuses.SUCCESS
    if not entries:
        session.output.note("Nothing is cached; @task(cache=True) caches a task.")
        return statuses.SUCCESS
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(entry["task"], "bold"), f"step {entry['step']} of {entry['run']}", _ago(entry["created_at"], now),
         _expiry(entry["expires_at"], now), f"{entry['hits']:,}", _ago(entry["hit_at"], now)]
        for entry in entries
    ]  # fmt: skip
    session.output.table(["TASK", "COMPUTED BY", "AGE", "COUNTS FOR", "HITS", "LAST HIT"], rows, flexible=1)
    return statuses.SUCCESS


def _ago(moment: float | None, now: float) -> str:
    return f"{duration_text(max(now - moment, 0.0))} ago" if moment is not None else ""


def _expiry(moment: float | None, now: float) -> str:
    if moment is None:
        return "good"
    return duration_text(moment - now) if moment > now else "expired"


def explain(
    context: typer.Context,
    run: RunName,
    step: Annotated[str, typer.Argument(metavar="STEP", help="A step: its path or its number.")],
    json: Json = False,
) -> int:
    """Tell why a step was or was not taken from the cache."""
    from partita.cli.listing import find_step

    session: Session = context.obj
    view = session.workspace.run(run)
    told = session.workspace.explain_cache(view["id"], find_step(session, view["id"], step)["id"])
    if json:
        session.output.document(told)
        return statuses.SUCCESS
    words = {"hit": "taken from the cache", "miss": "computed", "waiting": "waiting", "adopted": "taken over"}
    session.output.line(f"{told['path']}: {words.get(told['result'], 'not cached')}")
    for reason in told["reasons"]:
        session.output.line(f"  {reason}")
    return statuses.SUCCESS


def clear(
    context: typer.Context,
    task: _Task = "",
    older_than: Annotated[str, typer.Option("--older-than", help='Only what is older, such as "7d".')] = "",
    expired: Annotated[bool, typer.Option("--expired", help="Only what does not count any more.")] = False,
    json: Json = False,
) -> int:
    """Forget cached values, so that they are computed again. Runs keep theirs."""
    session: Session = context.obj
    before = time.time() - duration_s(older_than, "--older-than") if older_than else None
    count = session.workspace.clear_cache(task=task, before=before, expired=expired)
    if json:
        session.output.document({"cleared": count})
    else:
        session.output.line(f"{count:,} cached value{'s' * (count != 1)} forgotten.")
    return statuses.SUCCESS
