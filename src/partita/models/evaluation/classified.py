"""The metrics of classifiers as a measure: from a confusion matrix and from probabilities, for rows that count differently."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from partita.models.evaluation.measures import Array, Rows

__all__ = ["Classified", "areas_under_curves", "confusion_of"]

#: As scikit-learn keeps probabilities from 0.
_LEAST = float(np.finfo(np.float64).eps)

_OF_CONFUSION = (
    "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "precision_weighted",
    "recall_weighted", "f1_weighted", "mcc",
)  # fmt: skip


def confusion_of(truth: Rows, predicted: Rows, classes: int, counts: Array | None = None) -> Array:
    """(classes, classes): how often a truth (row) was predicted as a class (column)."""
    found = np.bincount(truth * classes + predicted, counts, classes * classes)
    return found.astype(np.float64).reshape(classes, classes)


def areas_under_curves(truth: Rows, probabilities: Array, counts: Array) -> Array:
    """(classes,): the area under the ROC curve of each class against the others; NaN where one side has no rows."""
    return np.array([_ranked(truth == number, column).area(counts) for number, column in enumerate(probabilities.T)])


@dataclass(frozen=True)
class _Ranked:
    """Rows by rising score, so that the area for other counts takes one pass."""

    order: Rows
    is_own: Array  # (rows,): in that order, 1 for those of the class
    starts: Rows | None  # where each run of equal scores begins; None: no two are equal

    def area(self, counts: Array) -> float:
        weights = counts[self.order]
        own = weights * self.is_own
        other = weights - own
        if self.starts is not None:
            own, other = np.add.reduceat(own, self.starts), np.add.reduceat(other, self.starts)
        pairs = own.sum() * other.sum()
        return float(own @ (np.cumsum(other) - other / 2)) / pairs if pairs > 0 else float("nan")


def _ranked(is_own: NDArray[np.bool_], scores: Array) -> _Ranked:
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return _Ranked(order, is_own[order].astype(np.float64), starts if len(starts) < len(order) else None)


@dataclass(frozen=True)
class Classified:
    """Rows with a true and a predicted class, and perhaps probabilities."""

    truth: Rows  # (rows,): number of the class
    predicted: Rows  # (rows,)
    classes: int
    positive: int | None  # of two classes, the one that precision, recall and F1 are of
    probabilities: Array | None = None  # (rows, classes)

    @property
    def rows(self) -> int:
        return len(self.truth)

    @property
    def names(self) -> tuple[str, ...]:
        names: tuple[str, ...] = _OF_CONFUSION
        if self.positive is not None:
            names = (*names, "precision", "recall", "f1")
        return names if self.probabilities is None else (*names, "log_loss", "brier", "auc")

    def taken(self, rows: Rows) -> Classified:
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        return Classified(self.truth[rows], self.predicted[rows], self.classes, self.positive, probabilities)

    def values(self, counts: Array) -> Array:
        confusion = confusion_of(self.truth, self.predicted, self.classes, counts)
        total = confusion.sum()
        if total <= 0:
            return np.full(len(self.names), np.nan)
        own, real, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
        precision, recall, f1 = _part(own, said), _part(own, real), _part(2 * own, real + said)
        is_met = real + said > 0
        found = [own.sum() / total, recall[real > 0].mean()]
        found += [metric[is_met].mean() for metric in (precision, recall, f1)]
        found += [metric @ real / total for metric in (precision, recall, f1)]
        found.append(_matthews(own.sum(), total, real, said))
        if self.positive is not None:
            found += [metric[self.positive] for metric in (precision, recall, f1)]
        if self.probabilities is not None:
            log_loss, brier = self._losses
            one = _mean(np.array([curve.area(counts) for curve in self._curves]))
            found += [counts @ log_loss / total, counts @ brier / total, one]
        return np.array(found, dtype=np.float64)

    @cached_property
    def _losses(self) -> tuple[Array, Array]:
        assert self.probabilities is not None
        of_truth = self.probabilities[np.arange(self.rows), self.truth]
        log_loss: Array = -np.log(np.clip(of_truth, _LEAST, 1.0))
        is_truth = np.arange(self.classes) == self.truth[:, None]
        brier: Array = ((self.probabilities - is_truth) ** 2).sum(axis=1)
        return log_loss, brier / 2 if self.classes == 2 else brier

    @cached_property
    def _curves(self) -> list[_Ranked]:
        """Of two classes the positive one's; otherwise each one's against the others."""
        assert self.probabilities is not None
        classes = range(self.classes) if self.positive is None else [self.positive]
        return [_ranked(self.truth == number, self.probabilities[:, number]) for number in classes]


def _part(upper: Array, lower: Array) -> Array:
    found: Array = np.divide(upper, lower, out=np.zeros_like(upper), where=lower > 0)
    return found


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _matthews(right: float, total: float, real: Array, said: Array) -> float:
    covariance = right * total - real @ said
    square = float((total**2 - real @ real) * (total**2 - said @ said))
    return float(covariance / np.sqrt(square)) if square > 0 else 0.0
