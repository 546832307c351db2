"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Inputs", "Json", "RunName", "Words"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON (one document, or one a line for streams).")]
Inputs = Annotated[
    str, typer.Option("--inputs", metavar="FILE", help='Inputs of the flow from a JSON file; "-" reads it here.')
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FLOW] [--NAME VALUE | NAME=VALUE]...",
        help='The flow ("file.py:flow", "module:flow" or its name; nothing where there is one), then its inputs.',
        show_default=False,
    ),
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help='A run: its id, the beginning of its id, or "latest".')]
