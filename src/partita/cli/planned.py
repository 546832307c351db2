"""A plan of a flow as people read it on a terminal."""

from __future__ import annotations

import textwrap

from partita.cli.output import Output
from partita.drawing import build_graph, tree_text
from partita.drawing.cells import clean
from partita.drawing.frontier import frontier_text
from partita.drawing.gantt import gantt_text
from partita.drawing.plan_facts import plan_facts
from partita.protocol.plans import PlanView

__all__ = ["tell_plan"]

_STYLES = {"critical": "warn", "other": "busy", "dim": "dim", "": ""}
_WIDTH_IN_PIPES = 100
_TREE_LINES = 40


def tell_plan(output: Output, plan: PlanView) -> None:
    """The steps with what they need, the chart, and what it comes to."""
    is_unicode = output.can_show("█▒▏×→…├─●○")
    tree = tree_text(build_graph(plan["title"], plan["graph"]), is_unicode=is_unicode).split("\n")
    if len(tree) <= _TREE_LINES:
        for told in tree:
            output.line(told)
        output.line()
    room = output.columns(output.out) or _WIDTH_IN_PIPES
    for pieces in gantt_text(plan, room, is_unicode=is_unicode):
        output.line("".join(output.paint(piece.text, _STYLES[piece.style]) for piece in pieces))
    output.line()
    rows = plan_facts(plan, is_unicode=is_unicode)
    size = max(len(head) for head, _ in rows)
    for head, told in rows:
        for line in textwrap.wrap(clean(told), max(room - size - 2, 20)):
            output.line(output.paint(head.ljust(size), "dim") + "  " + line)
            head = ""
    if plan["frontier"]:
        output.line()
        for told in frontier_text(plan["frontier"], is_unicode=is_unicode):
            output.line(told)
