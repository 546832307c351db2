"""`partita init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.cli.template import FILES
from partita.errors import DefinitionError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(help="Where; made if it does not exist.")] = ".",
    json: Json = False,
) -> int:
    """Make a project that runs at once. Files that exist are never overwritten."""
    session: Session = context.obj
    output = session.output
    target = Path(folder).expanduser()
    existing = [name for name in FILES if (target / name).exists()]
    if existing:
        raise DefinitionError(
            f"{target.resolve()} has {', '.join(existing)} already, and nothing is overwritten; "
            f"name another folder: partita init NEW_FOLDER"
        )
    target.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        # "x": between the look above and now, somebody else may have made it.
        with (target / name).open("x", encoding="utf-8") as stream:
            stream.write(text)
    if json:
        output.document({"folder": str(target.resolve()), "files": list(FILES)})
        return statuses.SUCCESS
    output.line(f"Made {', '.join(FILES)} in {target.resolve()}.")
    output.line("Next:")
    if target.resolve() != Path.cwd():
        output.line(f"  cd {_shown(target)}")
    output.line("  partita run words")
    return statuses.SUCCESS


def _shown(folder: Path) -> str:
    import shlex

    return shlex.quote(os.fspath(folder))
