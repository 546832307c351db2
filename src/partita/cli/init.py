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

#: A folder that is in use already has these; the flow only reads the first of them.
_KEPT = {"README.md", ".gitignore"}


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
    if not set(existing) <= _KEPT:
        raise DefinitionError(
            f"{target.resolve()} has {', '.join(existing)} already, and nothing is overwritten; "
            f"name another folder: partita init NEW_FOLDER"
        )
    target.mkdir(parents=True, exist_ok=True)
    made = [name for name in FILES if name not in existing]
    for name in made:
        # "x": between the look above and now, somebody else may have made it.
        with (target / name).open("x", encoding="utf-8") as stream:
            stream.write(FILES[name])
    if json:
        output.document({"folder": str(target.resolve()), "files": made})
        return statuses.SUCCESS
    output.line(f"Made {', '.join(made)} in {target.resolve()}.")
    if existing:
        output.line(f"Left {', '.join(existing)} as it was.")
    output.line("Next:")
    if target.resolve() != Path.cwd():
        output.line(f"  cd {_shown(target)}")
    output.line("  partita run words")
    return statuses.SUCCESS


def _shown(folder: Path) -> str:
    import shlex

    return shlex.quote(os.fspath(folder))
