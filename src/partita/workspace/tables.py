"""Lists of records that a notebook shows as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partita.drawing import build_graph, svg_text, tree_text
from partita.drawing.pages import graph_html, runs_html, steps_html
from partita.protocol.requests import RunView, StepView

__all__ = ["FlowGraph", "RunTable", "StepTable"]


class RunTable(list[RunView]):
    """Runs, as records."""

    def _repr_html_(self) -> str:
        return runs_html(self)


class StepTable(list[StepView]):
    """Steps, as records."""

    def _repr_html_(self) -> str:
        return steps_html(self)


class FlowGraph:
    """The graph of a flow before a run of it, or of a run as it is now.

    Args:
        title: the flow's name.
        steps: its steps, as records.
        problems: warnings of the check.
    """

    def __init__(self, title: str, steps: Sequence[StepView], problems: Sequence[Mapping[str, Any]] = ()) -> None:
        self.title = title
        self.steps = StepTable(steps)
        self.problems = list(problems)

    def svg(self) -> str:
        """The picture, to be written to a file."""
        return svg_text(build_graph(self.title, self.steps))

    def __str__(self) -> str:
        return tree_text(build_graph(self.title, self.steps))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return graph_html(build_graph(self.title, self.steps), self.problems)
