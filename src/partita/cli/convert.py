"""`partita convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import Inputs, Json, Words
from partita.cli.session import Session
from partita.errors import NotFoundError

__all__ = ["register"]

Into = Annotated[str, typer.Option("--output", metavar="FILE", help="Where it is written; default: standard output.")]


def register(app: typer.Typer) -> None:
    app.command("convert", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(convert)


def convert(
    context: typer.Context,
    words: Words = None,
    inputs: Inputs = "",
    output: Into = "",
    dag: Annotated[str, typer.Option("--dag", help="Which DAG of an Airflow file that has several.")] = "",
    json: Json = False,
) -> int:
    """Write a Python flow's graph, a workflow of GitHub Actions or a DAG of Airflow as a YAML flow."""
    session: Session = context.obj
    call = parse_call(words or (), inputs)
    if call.flow.endswith((".yaml", ".yml")):
        from partita.workspace.converting import convert_file

        file = Path(call.flow)
        if not file.is_file():
            raise NotFoundError(f"there is no file {file}; give a workflow of GitHub Actions or a DAG of Airflow")
        found = convert_file(file, dag)
    else:
        found = session.workspace.convert(find_flow(session.workspace, call.flow), call.texts)
    if json:
        session.output.document(dict(found))
        return statuses.SUCCESS
    write(session, found["text"], output)
    for note in found["notes"]:
        session.output.note(f"note: {note}")
    return statuses.SUCCESS


def write(session: Session, text: str, output: str) -> None:
    """Print the text, or write it to a file that is not there yet."""
    if not output:
        session.output.out.write(text)
        return
    if Path(output).exists():
        raise NotFoundError(f"{output} is there already; name another file, or remove it")
    Path(output).write_text(text, encoding="utf-8")
    session.output.note(f"Wrote {output}.")
