"""`partita store`: migrate, copy."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    store = typer.Typer(help="Where runs lie: a SQLite file, or PostgreSQL.", no_args_is_help=True)
    store.command("migrate")(migrate)
    store.command("copy")(copy)
    app.add_typer(store, name="store")


def migrate(context: typer.Context, json: Json = False) -> int:
    """Bring the store's tables up to this version of Partita, as the next engine would do."""
    session: Session = context.obj
    place, version = session.workspace.migrate_store()
    if json:
        session.output.document({"store": place, "version": version})
    else:
        session.output.line(f"{place} has version {version} of the tables.")
    return statuses.SUCCESS


def copy(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help='"postgresql://user@host/database?schema=name"')],
    json: Json = False,
) -> int:
    """Copy all runs from the SQLite file into a PostgreSQL database, and compare them row by row."""
    session: Session = context.obj
    output = session.output
    is_shown = False

    def told(table: str, rows: int) -> None:
        nonlocal is_shown
        if output.is_live:
            is_shown = True
            output.err.write(f"\r{table}: {rows:,} rows\x1b[K")
            output.err.flush()

    try:
        place, counts = session.workspace.copy_store(url, told)
    finally:
        if is_shown:
            output.err.write("\r\x1b[K")
    if json:
        output.document({"store": place, "rows": counts})
        return statuses.SUCCESS
    shown = ", ".join(f"{counts[table]:,} {table}s" for table in ("run", "step", "attempt"))
    output.line(f"{place} has all rows now, each compared: {shown}.")
    output.note("Set `store` to that URL in partita.toml; the file stays as it is.")
    return statuses.SUCCESS
