"""Models put into one graph: single ones as they were exported, compositions by their joining."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.compiling.exports import Export
from partita.compose.compiling.graph import SLACK, Graph, Rows
from partita.compose.compiling.joins import joining_of
from partita.compose.compiling.parts import NotJoined, Told
from partita.compose.compiling.rows import Columns
from partita.compose.compiling.runner import GIVEN, LABELS, Drawn
from partita.compose.compiling.steps import key_of, told_of

__all__ = ["Exported", "drawn_of"]

#: Types of labels in a graph, by the kind of the classes' type.
_KINDS = {"i": "int64", "u": "int64", "b": "bool", "f": "double", "U": "string", "O": "string"}


@dataclass(frozen=True)
class Exported:
    """A single model as a graph, and what one has to know of it in Python."""

    export: Export
    dimensions: int  # of what it gives
    is_most_probable: bool  # a classifier's label is the class of the largest probability


def drawn_of(
    model: Any, columns: Columns, exports: Mapping[tuple[int, ...], Exported], opset: int, slack: float = SLACK
) -> Drawn:
    """A model as one graph.

    Args:
        columns: of the rows that it sees.
        exports: of each single model, by what it is known by.
        slack: by which thresholds are lower.

    Raises:
        NotJoined: a part of it cannot be said in a graph.
    """
    graph = Graph(opset, slack)
    told = _Assembly(graph, exports).told(model, Rows.given(columns))
    outputs: dict[str, tuple[str, str, int]] = {}
    if told.classes is not None:
        assert told.places is not None
        kind, classes = _labels_of(told.classes)
        outputs[LABELS] = (graph.node("Gather", graph.constant(classes), told.places(), axis=0), kind, 1)
    if told.given is not None:
        outputs[GIVEN] = (told.given, "double", told.dimensions)
    whole = graph.finish(columns, outputs)
    return Drawn(
        whole.SerializeToString(deterministic=True),
        columns,
        told.classes,
        told.given is not None,
        not hasattr(model, "predict"),
    )


def _labels_of(classes: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    kind = _KINDS[classes.dtype.kind]
    return kind, classes.astype({"int64": np.int64, "double": np.float64, "bool": bool, "string": object}[kind])


class _Assembly:
    def __init__(self, graph: Graph, exports: Mapping[tuple[int, ...], Exported]) -> None:
        self.graph, self._exports = graph, exports

    def told(self, model: Any, rows: Rows) -> Told:
        """What a model says of rows."""
        exported = self._exports.get(key_of(model))
        if exported is not None:
            return self._single(model, exported, rows)
        joining = joining_of(model)
        if joining is None:
            raise NotJoined(f"{told_of(model)} stays in Python")
        return joining.join(self, model, rows)

    def _single(self, model: Any, exported: Exported, rows: Rows) -> Told:
        graph, export, dimensions = self.graph, exported.export, exported.dimensions
        feeds = {}
        for feed in export.feeds:
            tensor = (rows.numbers or rows.texts) if feed.column is None else rows.column(graph, feed.column)
            assert tensor is not None
            feeds[feed.name] = tensor if feed.kind in ("double", "string") else graph.cast(tensor, feed.kind)
        outputs = graph.place(export.model, feeds)
        given = graph.cast(outputs[export.given], "double") if export.given else None
        if given is not None and dimensions == 1:
            given = graph.node("Reshape", given, graph.constant(np.array([-1])))
        if not hasattr(model, "classes_"):
            return Told(given, dimensions=dimensions)
        classes = np.asarray(model.classes_)
        if given is not None and (exported.is_most_probable or not export.labels):
            return Told(given, lambda: graph.largest(given), classes)
        assert export.labels is not None
        return Told(given, self._places(classes, outputs[export.labels]), classes)

    def _places(self, classes: NDArray[Any], labels: str) -> Callable[[], str]:
        graph = self.graph
        kind, known = _labels_of(classes)
        if kind != "string":  # converters write all other labels as whole numbers
            known = known.astype(np.int64)

        def places() -> str:
            column = graph.node("Reshape", labels, graph.constant(np.array([-1, 1])))
            same = graph.node("Equal", column, graph.constant(known[None, :]))
            return graph.node("ArgMax", graph.cast(same, "int64"), axis=1, keepdims=0)

        return places
