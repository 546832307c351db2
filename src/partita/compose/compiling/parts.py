"""What compositions are joined of inside a graph: their parts, and what these say; and what several kinds of joining need."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from partita.compose.calibration import Calibration
from partita.compose.compiling.calibrated import calibrated
from partita.compose.compiling.graph import Graph, Rows

__all__ = [
    "Joining",
    "NextBest",
    "NotJoined",
    "Part",
    "Teller",
    "Told",
    "beside",
    "calibrations_of",
    "copied",
    "held",
    "in_order",
    "most_probable",
    "parts_of_members",
    "spread",
    "with_members",
]


class NotJoined(Exception):
    """A composition cannot be said in a graph; its members can."""


@dataclass(frozen=True)
class Part:
    """A model inside of another one."""

    name: str
    model: Any
    rows: Any  # that it sees, in Python


@dataclass(frozen=True)
class Told:
    """What a model says inside a graph."""

    given: str | None  # doubles: (rows, classes) of probabilities, (rows[, outputs]) of values, (rows, features)
    places: Callable[[], str] | None = (
        None  # of a classifier: makes (rows,) int64, the places of its labels in `classes`
    )
    classes: NDArray[Any] | None = None
    dimensions: int = 2  # of `given`


class Teller(Protocol):
    """Who puts any model into the graph."""

    graph: Graph

    def told(self, model: Any, rows: Rows) -> Told:
        """What the model says of the rows."""


@dataclass(frozen=True)
class Joining:
    """One kind of composition."""

    parts: Callable[[Any, Any], list[Part]]  # of (a fitted composition, rows)
    replaced: Callable[[Any, Sequence[Any]], Any]  # of (it, others in the order of its parts): a copy with those
    join: Callable[[Teller, Any, Rows], Told]
    # of (it, a width): copies, each of which takes one decision the other way, for rows that are so near its border
    others: Callable[[Any, float], list[Any]] = lambda model, within: []
    is_whole: bool = (
        False  # whether it stays in Python with all its parts, where its graph is off or one of them stays there
    )


def copied(model: Any, **attributes: Any) -> Any:
    """A copy with other attributes."""
    found = copy.copy(model)
    for name, value in attributes.items():
        setattr(found, name, value)
    return found


class NextBest:
    """A classifier that says the second best of its classes, where that is as good as the best one but for rounding."""

    def __init__(self, model: Any, within: float, scores: Callable[[Any], Any] | None = None) -> None:
        self.model, self.within, self._scores = model, within, scores or model.predict_proba
        self.classes_ = model.classes_

    def predict(self, rows: Any) -> Any:
        """(rows,) labels."""
        scores = self._scores(rows)
        order = np.argsort(-scores, axis=1, kind="stable")
        both = np.take_along_axis(scores, order[:, :2], axis=1)
        is_near = both[:, 0] - both[:, -1] <= 2 * self.within
        return np.where(is_near, self.classes_[order[:, :2][:, -1]], self.model.predict(rows))

    def predict_proba(self, rows: Any) -> Any:
        """(rows, classes)."""
        return self.model.predict_proba(rows)


def parts_of_members(model: Any, rows: Any) -> list[Part]:
    """The members, which all see the same rows."""
    return [Part(name, member, rows) for name, member in zip(model.names_, model.members_, strict=True)]


def with_members(model: Any, others: Sequence[Any]) -> Any:
    """A copy with other members."""
    return copied(model, members_=list(others))


def in_order(graph: Graph, told: Told, classes: NDArray[Any] | None) -> str:
    """What a member gives, in the order of all classes, 0 for those that it has never seen."""
    if told.given is None:
        raise NotJoined("a member gives no probabilities")
    if classes is None or np.array_equal(told.classes, classes):  # type: ignore[arg-type]
        return told.given
    assert told.classes is not None
    return graph.node("MatMul", told.given, graph.constant(spread(told.classes, classes)))


def spread(own: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """(own classes, classes): 1 where they are the same."""
    found = np.zeros((len(own), len(classes)))
    found[np.arange(len(own)), np.searchsorted(classes, own)] = 1.0
    return found


def calibrations_of(model: Any) -> dict[str, list[Calibration]]:
    """What calibrates in a composition, by the attribute that holds it; of one alone as a list, too."""
    found = {}
    for name in ("calibration_", "calibrations_", "_calibrations"):
        held = getattr(model, name, None)
        several = held if isinstance(held, list) else [held]
        found[name] = [each for each in several if isinstance(each, Calibration)]
    return found


def held(graph: Graph, given: str, calibration: Calibration | None) -> str:
    """What is given, calibrated where it is so in Python."""
    return given if calibration is None else calibrated(graph, given, calibration)


def most_probable(graph: Graph, given: str, classes: NDArray[Any]) -> Told:
    """A classifier whose label is the most probable class."""
    return Told(given, lambda: graph.largest(given), classes)


def beside(graph: Graph, told: Told) -> str:
    """(rows, columns): what is given, of one value as one column."""
    if told.given is None:
        raise NotJoined("a part gives no numbers")
    return graph.node("Unsqueeze", told.given, graph.constant(np.array([1]))) if told.dimensions == 1 else told.given
