"""The fields of a form: asked for in a terminal, or read from a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import typer

from partita.cli.output import Output
from partita.drawing.cells import clean
from partita.errors import CheckError, Problem
from partita.protocol.waits import WaitView

__all__ = ["asked_fields", "csv_fields"]


def asked_fields(output: Output, wait: WaitView) -> dict[str, str]:
    """Ask for each field, with what is shown of the same name beside it; Enter leaves one out that need not be given.

    Raises:
        CheckError: nothing was answered.
    """
    shown = {name: text for name, text in wait["previews"]}  # noqa: C416
    output.line(output.paint(clean(wait["name"]), "bold"))
    for name, text in shown.items():
        if not any(field["name"] == name for field in (wait["form"] or {})["fields"]):
            output.line(f"  {name}  {clean(text)}" if name else f"  {clean(text)}")
    found: dict[str, str] = {}
    for field in (wait["form"] or {})["fields"]:
        if field["name"] in shown:
            output.line(f"{output.paint(field['name'], 'dim')}  {clean(shown[field['name']])}")
        text = _asked(field)
        if text:
            found[field["name"]] = text
    if not found:
        raise CheckError([Problem("nothing was answered")])
    return found


def _asked(field: dict[str, Any]) -> str:
    form, must = field["form"], field["is_required"]
    choices = [str(choice) for choice in form.get("choices", ())]
    told = "|".join(choices) if choices else str(form.get("type", "value"))
    if field.get("description"):
        told = f"{field['description']}, {told}"
    while True:
        prompt = f"{field['name']} ({told}{'' if must else '; Enter: leave it out'})"
        text = str(typer.prompt(prompt, default="", show_default=False)).strip()
        if not text and not must:
            return ""
        if text and (not choices or text in choices):
            return text
        typer.echo(f"{text!r} is none of {', '.join(choices)}" if text else f"{field['name']} is needed")


def csv_fields(name: str) -> dict[str, str]:
    """Fields of a CSV file with a header: the first column has their names, the last one the values; empty ones are left out.

    Raises:
        CheckError: it cannot be read, or has no two columns.
    """
    try:
        with Path(name).open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise CheckError([Problem(f"the file {name} cannot be read: {told}", "", "name a CSV file")]) from error
    if not rows or any(len(row) < 2 for row in rows):
        told = "write a header, and a line for each field: its name, and its value"
        raise CheckError([Problem(f"the file {name} has not two columns in each line", "", told)])
    return {row[0].strip(): row[-1].strip() for row in rows[1:] if row[-1].strip()}
