"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["ForSteps", "Inputs", "Json", "Owner", "Priority", "RunName", "Weight", "Words"]


def _complete_flow(context: typer.Context, incomplete: str) -> list[str]:
    """The project's flows, for the shell; reading them needs no engine."""
    flows = context.obj.workspace.flows() if context.obj is not None else []
    names = [flow for full in flows for flow in (full.rpartition(":")[2], full)]
    return [name for name in names if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print JSON (one document, or one a line for streams).")]
ForSteps = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME[,NAME…]",
        show_default=False,
        help='Where steps run that name no executor; of several, or "any", the best is chosen for each.',
    ),
]
Owner = Annotated[
    str, typer.Option("--owner", metavar="NAME", help="Whose run it is; default: yours.", show_default=False)
]
Weight = Annotated[
    float | None, typer.Option("--weight", metavar="NUMBER", help="What it gets beside a run of weight 1.")
]
Priority = Annotated[
    int | None, typer.Option("--priority", metavar="NUMBER", help="Added to that of its steps; larger goes first.")
]
Inputs = Annotated[
    str, typer.Option("--inputs", metavar="FILE", help='Inputs of the flow from a JSON file; "-" reads it here.')
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FLOW] [--NAME VALUE | NAME=VALUE]...",
        help='The flow ("file.py:flow", "module:flow" or its name; nothing where there is one), then its inputs.',
        show_default=False,
        autocompletion=_complete_flow,
    ),
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help='A run: its id, the beginning of its id, or "latest".')]
