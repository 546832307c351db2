"""`partita audit`: who did what, from where."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.errors import OptionError
from partita.protocol.access import AuditEntry
from partita.units import duration_s

__all__ = ["register"]

_PAGE = 1000


def register(app: typer.Typer) -> None:
    app.command("audit", epilog=statuses.LEGEND)(audit)


def audit(
    context: typer.Context,
    who: Annotated[
        str, typer.Option("--who", metavar="NAME", help="Only what they have done.", show_default=False)
    ] = "",
    action: Annotated[
        str,
        typer.Option(
            "--action",
            metavar="ACTION",
            show_default=False,
            help='Only this: "token.create", or "token" for all of it.',
        ),
    ] = "",
    target: Annotated[
        str, typer.Option("--target", metavar="TEXT", help="Only what was done to this.", show_default=False)
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            show_default=False,
            help='From then on: "7d" ago, or 2026-03-01, or 2026-03-01T12:00.',
        ),
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Before then, written likewise.", show_default=False)
    ] = "",
    before: Annotated[
        int, typer.Option("--before", metavar="NUMBER", help="Go on from the last number shown.", show_default=False)
    ] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many entries.")] = 50,
    json: Json = False,
) -> int:
    """Show who changed what, and from where, the newest first; what is noted can be neither changed nor deleted."""
    session: Session = context.obj
    found: list[AuditEntry] = []
    first, end = _moment(since, "--since"), _moment(until, "--until")
    while len(found) < limit:
        page = session.workspace.audit(
            who=who, action=action, target=target, before=found[-1]["number"] if found else before,
            limit=min(limit - len(found), _PAGE), since=first, until=end,
        )  # fmt: skip
        found.extend(page)
        if not page:
            break
    if json:
        session.output.document(found)
        return statuses.SUCCESS
    if not found:
        session.output.note("Nothing of that kind was noted.")
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [Cell(str(entry["number"]), "dim"), _clock(entry["at"]), Cell(entry["who"], "bold"), entry["action"],
         entry["target"], _outcome(entry), entry["address"]]
        for entry in found
    ]  # fmt: skip
    session.output.table(["NUMBER", "AT", "WHO", "ACTION", "TARGET", "OUTCOME", "FROM"], rows, flexible=4)
    return statuses.SUCCESS


def _outcome(entry: AuditEntry) -> Cell:
    return Cell(entry["outcome"], "" if entry["outcome"] == "done" else "bad")


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _moment(text: str, option: str) -> float:
    """Seconds since the epoch; 0 where nothing is said."""
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        return time.time() - duration_s(text)
    except OptionError:
        raise OptionError(
            f'{option}={text!r} is no time; give how long ago ("7d", "2h") or a date such as 2026-03-01T12:00'
        ) from None
