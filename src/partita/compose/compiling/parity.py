"""Whether a graph predicts what Python does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answers", "Parity", "ParityError", "answers_of", "between", "compared", "far_off", "is_most_probable"]

_SHOWN = 5


class ParityError(ValueError):
    """A graph predicts other than Python does. `member` names what of the composition; `parity` is how far it is off."""

    def __init__(self, message: str, member: str, parity: Parity) -> None:
        super().__init__(message)
        self.member, self.parity = member, parity

    def __reduce__(self) -> tuple[Any, ...]:
        return (ParityError, (str(self), self.member, self.parity))


@dataclass(frozen=True)
class Answers:
    """What a model says of rows."""

    given: NDArray[Any] | None  # probabilities (rows, classes), values or features; None: it gives no probabilities
    labels: NDArray[Any] | None  # (rows,), of a classifier

    def some(self, rows: NDArray[Any]) -> Answers:
        """Those of some rows, by their numbers or by truth values."""
        return Answers(*(None if each is None else each[rows] for each in (self.given, self.labels)))


@dataclass(frozen=True)
class Parity:
    """How far the answers of a graph are from those of Python."""

    rows: int  # that were compared
    error: float  # the largest: of probabilities as they are, of values larger than 1 in parts of them
    off: int  # rows that err by more than the tolerance
    labels: int  # rows of which the labels differ, ties within the tolerance aside
    worst: tuple[int, ...]  # the rows that are farthest off, at most five
    tolerance: float  # up to which an error counts as none
    border: int = 0  # rows near a threshold inside that answer as on its other side: they count for nothing above

    @property
    def holds(self) -> bool:
        """Whether the graph may be used."""
        return not self.off and not self.labels

    def __str__(self) -> str:
        told = f"{self.off} of {self.rows} rows are off by up to {self.error:.3g} (tolerance {self.tolerance:g})"
        if self.labels:
            told += f", the labels of {self.labels} rows differ"
        if self.border:
            told += f", {self.border} rows near a threshold answer as on its other side"
        return told + (f"; see rows {', '.join(str(row) for row in self.worst)}" if self.worst else "")

    def need(self, member: str) -> None:
        """
        Raises:
            ParityError: it does not hold.
        """
        if not self.holds:
            raise ParityError(
                f"the graph of {member} predicts other than Python: {self}. It is not used; take a larger tolerance if "
                "that is near enough, or leave the composition in Python",
                member,
                self,
            )


def answers_of(model: Any, rows: Any) -> Answers:
    """What a fitted model of scikit-learn says of rows, in Python."""
    if not hasattr(model, "predict"):
        made = model.transform(rows)
        return Answers(np.asarray(made.toarray() if hasattr(made, "toarray") else made), None)
    if not hasattr(model, "classes_"):
        return Answers(np.asarray(model.predict(rows), dtype=np.float64), None)
    given = np.asarray(model.predict_proba(rows), dtype=np.float64) if hasattr(model, "predict_proba") else None
    return Answers(given, np.asarray(model.predict(rows)))


def is_most_probable(model: Any, answers: Answers) -> bool:
    """Whether the labels of a classifier are the classes of its largest probabilities."""
    if answers.given is None or answers.labels is None:
        return False
    return np.array_equal(np.asarray(model.classes_)[answers.given.argmax(axis=1)], answers.labels)


def compared(python: Answers, graph: Answers, tolerance: float) -> Parity:
    """How far a graph's answers are from Python's, for the same rows.

    Labels may differ where Python's two largest probabilities are no more apart than the graph may err.
    """
    errors, wrong = _judged(python, graph, tolerance)
    count = len(errors)
    off = errors > tolerance
    ranked = np.lexsort((np.arange(count), -errors, ~wrong & ~off))
    worst = [int(row) for row in ranked[:_SHOWN] if off[row] or wrong[row]]
    return Parity(count, float(errors.max(initial=0.0)), int(off.sum()), int(wrong.sum()), tuple(worst), tolerance)


def far_off(python: Answers, graph: Answers, tolerance: float) -> NDArray[np.int64]:
    """The numbers of the rows that differ."""
    errors, wrong = _judged(python, graph, tolerance)
    return np.flatnonzero((errors > tolerance) | wrong)


def between(ends: Sequence[Answers], graph: Answers, tolerance: float) -> NDArray[np.bool_]:
    """(rows,): whether a graph's answers lie between several of Python's, and its labels are one of theirs."""
    count = len(graph.labels if graph.labels is not None else graph.given)  # type: ignore[arg-type]
    inside = np.full(count, True)
    told = [each.given for each in ends if each.given is not None]
    if told and graph.given is not None:
        least, most = np.min(told, axis=0), np.max(told, axis=0)
        room = tolerance * np.maximum(1.0, np.maximum(np.abs(least), np.abs(most)))
        is_near = (graph.given >= least - room) & (graph.given <= most + room)
        inside = is_near.reshape(count, -1).all(axis=1)
    labels = [each.labels for each in ends if each.labels is not None]
    if labels and graph.labels is not None:
        inside = inside & np.any([each == graph.labels for each in labels], axis=0)
    return np.asarray(inside)


def _judged(python: Answers, graph: Answers, tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(rows,): the largest error of each, and whether its label differs."""
    count = len(python.labels if python.labels is not None else python.given)  # type: ignore[arg-type]
    errors = np.zeros(count)
    if python.given is not None:
        errors = _errors(python.given, graph.given)
    wrong = np.zeros(count, dtype=bool)
    if python.labels is not None:
        assert graph.labels is not None
        wrong = np.asarray(python.labels != graph.labels).reshape(count)
        if python.given is not None and python.given.shape[1] > 1:
            two = np.sort(python.given, axis=1)[:, -2:]
            wrong &= two[:, 1] - two[:, 0] > 2 * tolerance
    return errors, wrong


def _errors(python: NDArray[Any], graph: NDArray[Any] | None) -> NDArray[np.float64]:
    """(rows,): the largest error of each; infinite where one says something and the other nothing."""
    if graph is None or graph.shape != python.shape:
        return np.full(len(python), np.inf)
    told, given = python.reshape(len(python), -1), graph.reshape(len(graph), -1)
    if told.dtype.kind not in "fiub":
        return np.where((told == given).all(axis=1), 0.0, np.inf)
    told, given = told.astype(np.float64), given.astype(np.float64)
    if not told.shape[1]:
        return np.zeros(len(told))
    with np.errstate(invalid="ignore"):
        apart = np.abs(told - given) / np.maximum(1.0, np.abs(told))
    same = (told == given) | (np.isnan(told) & np.isnan(given))
    apart = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    return np.asarray(apart.max(axis=1))
