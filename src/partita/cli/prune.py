"""`partita prune`."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.changed_settings import note_changed_settings
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.protocol.retention import RetentionRecord
from partita.units import duration_text, size_text

__all__ = ["register"]

_SHOWN = 20
_TITLES = {"runs": "Runs", "logs": "Logs of", "values": "Values of"}


def register(app: typer.Typer) -> None:
    app.command("prune")(prune)


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Tell what went before, also without being asked.")
    ] = False,
    json: Json = False,
) -> int:
    """Let go of runs, logs and values now that the setting `retention` says are old enough."""
    session: Session = context.obj
    if history:
        if dry_run:
            raise typer.BadParameter("--history tells what went; leave out --dry-run")
        return _tell_history(session, json)
    note_changed_settings(session)
    record = session.workspace.retain(dry_run=dry_run)
    if json:
        session.output.document(record)
    else:
        _tell(session, record)
    return statuses.TROUBLE if record["trouble"] else statuses.SUCCESS


def _tell(session: Session, record: RetentionRecord) -> None:
    output, is_dry = session.output, record["is_dry"]
    for what, title in _TITLES.items():
        listed: list[Any] = record[what]  # type: ignore[literal-required]
        if not listed:
            continue
        now = time.time()
        rows: list[list[Cell | str]] = [
            [
                row["run"],
                clean(row["flow"]),
                row["state"],
                duration_text(now - row["ended_at"]) if row["ended_at"] else "",
            ]
            for row in listed[:_SHOWN]
        ]
        output.line(title, "dim")
        output.table(["RUN", "FLOW", "STATE", "ENDED AGO"], rows)
        more = record["counts"][what] - len(rows)
        if more > 0:
            output.line(f"and {more:,} more")
    for held in record["held"][:_SHOWN]:
        output.line(f"kept: {held['run']}: {clean(held['reason'])}")
    if record["counts"]["held"] > _SHOWN:
        output.line(f"and {record['counts']['held'] - _SHOWN:,} more are kept")
    output.flush()
    output.note(_sum_of(record, "would go" if is_dry else "went"))
    if record["trouble"]:
        output.note(f"It was not finished: {clean(record['trouble'])}")


def _sum_of(record: RetentionRecord, verb: str) -> str:
    counts = record["counts"]
    parts = [_many(counts["runs"], "run"), f"logs of {counts['logs']:,}", f"values of {counts['values']:,}"]
    freed = f"; {size_text(record['freed_bytes'])} freed" if record["freed_bytes"] is not None else ""
    return f"{', '.join(parts)} {verb}, of {_many(record['looked_at'], 'finished run')}{freed}."


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _tell_history(session: Session, is_json: bool) -> int:
    records = session.workspace.retained()
    if is_json:
        session.output.document(records)
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [
            time.strftime("%Y-%m-%d %H:%M", time.localtime(record["at"])), "" if record["is_automatic"] else "asked",
            f"{record['counts']['runs']:,}", f"{record['counts']['logs']:,}", f"{record['counts']['values']:,}",
            "" if record["freed_bytes"] is None else size_text(record["freed_bytes"]), clean(record["trouble"]),
        ]
        for record in records[::-1]
    ]  # fmt: skip
    if not rows:
        session.output.note("Nothing went by the setting retention yet.")
        return statuses.SUCCESS
    session.output.table(["WHEN", "", "RUNS", "LOGS OF", "VALUES OF", "FREED", "TROUBLE"], rows)
    return statuses.SUCCESS
