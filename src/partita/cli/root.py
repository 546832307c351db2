"""The options that stand before a command."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli.session import Session
from partita.version import VERSION

__all__ = ["root"]


def _tell_version(context: typer.Context, is_asked: bool) -> None:
    if is_asked:
        session: Session = context.obj
        session.output.line(f"partita {VERSION}")
        raise typer.Exit


def root(
    context: typer.Context,
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="URL",
            help="Work with the workspace of a server instead of this folder's; default: PARTITA_SERVER.",
            show_default=False,
        ),
    ] = "",
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version.")
    ] = False,
) -> None:
    """Where the command works."""
    if server and isinstance(context.obj, Session):
        context.obj.server = server
