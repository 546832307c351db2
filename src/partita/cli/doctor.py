"""`partita doctor`."""

from __future__ import annotations

import typer

from partita.cli import statuses
from partita.cli.diagnosis import Finding, examine, settings_in_force
from partita.cli.options import Json
from partita.cli.output import Cell, Output
from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("doctor", epilog="Exit status: 0 all is well or only worth a warning, 4 something does not work.")(
        doctor
    )


def doctor(context: typer.Context, json: Json = False) -> int:
    """Examine the machine, the workspace and the settings, and say what to do about what is wrong."""
    session: Session = context.obj
    findings = examine(session)
    settings = settings_in_force(session)
    status = statuses.TROUBLE if any(finding.verdict == "bad" for finding in findings) else statuses.SUCCESS
    if json:
        session.output.document(
            {"findings": [finding._asdict() for finding in findings], "settings": settings, "exit_status": status}
        )
        return status
    _tell(session.output, findings)
    session.output.line()
    rows: list[list[Cell | str]] = [
        [
            item["key"],
            Cell(item["value"], "bold" if item["source"] != "default" else ""),
            item["source"],
            item["meaning"],
        ]
        for item in settings
    ]
    session.output.table(["SETTING", "VALUE", "SOURCE", "MEANING"], rows)
    return status


def _tell(output: Output, findings: list[Finding]) -> None:
    words = {"good": "ok", "warn": "warn", "bad": "wrong"}
    size = max(len(finding.name) for finding in findings)
    for finding in findings:
        verdict = output.paint(f"{words[finding.verdict]:<5}", finding.verdict)
        output.line(f"{verdict}  {finding.name:<{size}}  {finding.told}")
        if finding.remedy:
            output.line(f"{'':<5}  {'':<{size}}  {finding.remedy}")
