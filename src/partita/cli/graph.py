"""`partita graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.failures import tell_problems
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import Inputs, Json, Words
from partita.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("graph", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(graph)


def graph(
    context: typer.Context,
    words: Words = None,
    inputs: Inputs = "",
    mermaid: Annotated[bool, typer.Option("--mermaid", help="In Mermaid's notation, for Markdown.")] = False,
    svg: Annotated[str, typer.Option("--svg", metavar="FILE", help='As a picture; "-" prints it.')] = "",
    json: Json = False,
) -> int:
    """Show the steps of a flow, as far as they are known before it runs."""
    if mermaid + bool(svg) + json > 1:
        raise typer.BadParameter("--mermaid, --svg and --json are different forms; give one of them")
    session: Session = context.obj
    output = session.output
    call = parse_call(words or (), inputs)
    flow = find_flow(session.workspace, call.flow)
    found = session.workspace.check(flow, call.texts)
    errors = [problem for problem in found["problems"] if not problem.get("is_warning")]
    if json:
        output.document({"flow": flow, **found})
        return statuses.WRONG_USE if errors else statuses.SUCCESS
    if found["graph"] is None:
        tell_problems(output, found["problems"])
        return statuses.WRONG_USE
    from partita.drawing import build_graph, mermaid_text, svg_text, tree_text

    drawn = build_graph(flow.rpartition(":")[2], found["graph"]["steps"])
    if svg and svg != "-":
        Path(svg).write_text(svg_text(drawn), encoding="utf-8")
        output.note(f"Wrote {svg}.")
    elif svg:
        output.out.write(svg_text(drawn))
    else:
        output.line(mermaid_text(drawn) if mermaid else tree_text(drawn, is_unicode=output.can_show("├─←×")))
    tell_problems(output, errors)
    return statuses.WRONG_USE if errors else statuses.SUCCESS
