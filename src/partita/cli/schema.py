"""`partita schema`."""

from __future__ import annotations

import typer

from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(context: typer.Context) -> int:
    """Print the JSON Schema of YAML flows, for editors that complete and check by it."""
    from partita.workspace.converting import flow_schema_text

    session: Session = context.obj
    session.output.out.write(flow_schema_text())
    return 0
