"""What became of a composition that was compiled: who is a graph, how near it is, and what that brings."""

from __future__ import annotations

import pickle
import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import _safe_indexing

from partita.compose.compiling.parity import Answers, Parity, ParityError
from partita.compose.compiling.runner import Runner

__all__ = ["Line", "Report", "Trial", "Variant"]

#: Calls that a latency is the median of, as long as they take no longer than this together.
_CALLS, _SECONDS, _LEAST_CALLS = 100, 0.5, 5
#: Rows of a batch.
_BATCH = 1000


@dataclass(frozen=True)
class Line:
    """What became of a member."""

    member: str  # with the names of the compositions around it
    runs_in: str  # "ONNX" or "Python"
    why: str  # what its inputs are in the graph, or why it stays in Python
    parity: Parity | None  # None: it could not be exported at all


@dataclass(frozen=True)
class Variant:
    """A form of the whole, measured."""

    name: str  # "Python", "float", "int8", "pruned" or both of these
    size_bytes: int | None  # of the graph, or pickled; None: it cannot be pickled
    packed_bytes: int | None  # the same, deflated
    single_us: float | None  # microseconds for a single row, the median; None: not measured
    batch_us: float | None  # microseconds a row, of a thousand rows or all there are
    score: float  # accuracy, or the coefficient of determination of the rows that are answered
    error: float | None  # the largest, against Python
    labels: int | None  # that differ from Python's, ties aside

    def need(self, before: Variant, loss: float, parity: Parity) -> None:
        """
        Raises:
            ParityError: the score has fallen by more than `loss`.
        """
        if not self.score >= before.score - loss:
            raise ParityError(
                f"the {self.name} graph scores {self.score:.4g}, and {before.score:.4g} was before: more is lost than {loss:g}. "
                "It is not used; give a larger loss, or leave it as it was",
                self.name,
                parity,
            )


@dataclass(frozen=True)
class Report:
    """A plain account; as text it is two tables."""

    members: tuple[Line, ...]
    joined: str  # where the members are joined: "in one graph", or why in Python
    parity: Parity  # of the whole, against Python
    variants: tuple[Variant, ...]  # Python, the graph, and the smaller one if there is any

    def __str__(self) -> str:
        rows = [["member", "runs in", "max error", "rows", "why"]]
        for each in self.members:
            error, count = ("-", "-") if each.parity is None else (f"{each.parity.error:.2g}", str(each.parity.rows))
            rows.append([each.member, each.runs_in, error, count, each.why])
        joined = self.joined
        if self.parity.border:
            joined += f"; {self.parity.border} rows near a threshold answer as on its other side"
        rows.append(["all, joined", "", f"{self.parity.error:.2g}", str(self.parity.rows), joined])
        forms = [["form", "bytes", "packed", "us, one row", "us a row, many", "score", "max error", "labels differ"]]
        for form in self.variants:
            cells = (
                form.size_bytes,
                form.packed_bytes,
                form.single_us,
                form.batch_us,
                form.score,
                form.error,
                form.labels,
            )
            forms.append([form.name, *(_cell(each) for each in cells)])
        return f"{_table(rows)}\n\n{_table(forms)}"


class Trial:
    """Rows to measure on."""

    def __init__(self, rows: Any, y: Any, python: Answers, measure: bool) -> None:
        self._rows, self._measure = rows, measure
        self._is_classifier = python.labels is not None
        told = python.labels if self._is_classifier else python.given
        self._truth = told if y is None else np.asarray(y)

    def variant(self, name: str, model: Any, parity: Parity | None) -> Variant:
        """Measure one."""
        size, packed = _sizes(model)
        single = batch = None
        predict = model.predict_proba if hasattr(model, "predict_proba") else model.predict
        if self._measure:
            ones = [_safe_indexing(self._rows, [at]) for at in range(min(20, self._rows.shape[0]))]
            single = _median_us(predict, ones)
            many = _safe_indexing(self._rows, np.arange(min(_BATCH, self._rows.shape[0])))
            batch = _median_us(predict, [many]) / many.shape[0]
        score = self._score(model.predict(self._rows))
        error, labels = (None, None) if parity is None else (parity.error, parity.labels)
        return Variant(name, size, packed, single, batch, score, error, labels)

    def _score(self, told: Any) -> float:
        if self._is_classifier:
            return float(accuracy_score(self._truth, told))
        truth, told = (np.asarray(each, dtype=np.float64).reshape(len(told), -1) for each in (self._truth, told))
        answered = ~np.isnan(told).any(axis=1) & ~np.isnan(truth).any(axis=1)  # a route gives none where nobody answers
        return float(r2_score(truth[answered], told[answered])) if answered.sum() > 1 else float("nan")


def _sizes(model: Any) -> tuple[int | None, int | None]:
    try:
        written = model.drawn.model if isinstance(model, Runner) else pickle.dumps(model)
    except Exception:  # what cannot be pickled says so in many ways
        return None, None
    return len(written), len(zlib.compress(written, 6))


def _median_us(predict: Callable[[Any], Any], given: Sequence[Any]) -> float:
    for each in given[:2]:
        predict(each)
    taken: list[float] = []
    until = time.perf_counter() + _SECONDS
    while len(taken) < _LEAST_CALLS or (len(taken) < _CALLS and time.perf_counter() < until):
        rows = given[len(taken) % len(given)]
        start = time.perf_counter()
        predict(rows)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
