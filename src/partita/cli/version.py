"""`partita version`."""

from __future__ import annotations

import platform

import typer

from partita.cli.options import Json
from partita.cli.session import Session
from partita.version import VERSION

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("version")(version)


def version(context: typer.Context, json: Json = False) -> int:
    """Tell the version."""
    session: Session = context.obj
    if json:
        session.output.document({"partita": VERSION, "python": platform.python_version()})
    else:
        session.output.line(f"partita {VERSION}")
    return 0
