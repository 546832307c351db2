"""What compositions have in common that weigh what their members predict, by predictions of rows that were left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.calibration import Calibration, calibration_of, need_calibration
from partita.compose.folds import Folds, aligned, by_fold, fit_all, splits_of
from partita.compose.members import Mixture, need_probabilities

__all__ = ["OutOfFold", "Weighted"]

Array = NDArray[np.float64]

_LEAST_PROBABILITY = 1e-15


class Weighted(Mixture):
    """A weighted mean of what members predict: of values, or of the probabilities of classes.

    Attributes (once fitted):
        weights_: (members,), none below 0, their sum 1.
        members_, names_: the members, fitted on all rows, and their names.
        calibration_: what calibrates the mean, if that was asked for.
        classes_: of a composition of classifiers.
    """

    weights_: Array
    calibration_: Calibration | None = None
    cv: Any
    calibrate: str | None
    n_jobs: int | None

    def _out_of_fold(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> OutOfFold:  # noqa: N803
        """Fit the members; what they predict out of fold.

        Raises:
            ValueError: members do not go together, or data are too few for the folds.
        """
        members = self._checked_members()
        need_calibration(self.calibrate, self._kind)
        is_classifier = self._kind == "classifier"
        if is_classifier:
            need_probabilities(members, "calibrate it: calibrated(member), or let it vote")
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        splits = splits_of(self.cv, X, y, groups, is_classifier=is_classifier)
        classes = self.classes_ if is_classifier else None
        folds = fit_all(members, X, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.names_ = [name for name, _ in members]
        self.members_ = folds.fitted
        return OutOfFold(folds, y, classes, rows)

    def _calibrate(self, told: OutOfFold, weights_of: Callable[[NDArray[np.bool_]], Array]) -> None:
        """Fit what calibrates the mean, on rows that neither members nor weights have seen.

        Args:
            weights_of: rows -> the weights that these alone would give.
        """
        self.calibration_ = None
        if self.calibrate is None:
            return
        mixed = np.full(told.predictions.shape[1:], np.nan)
        for here, others in told.by_fold():
            mixed[here] = np.tensordot(weights_of(others), told.predictions[:, here], axes=1)
        at = np.searchsorted(self.classes_, told.truth[told.seen])
        self.calibration_ = calibration_of(self.calibrate, mixed[told.seen], at, told.shares[told.seen])

    def _mixed(self, X: Any) -> Array:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        classes = self.classes_ if self._kind == "classifier" else None
        used = np.flatnonzero(self.weights_)
        mixed = np.asarray(sum(self.weights_[at] * self._told_by(int(at), X, classes) for at in used))
        return mixed if self.calibration_ is None else self.calibration_(mixed)

    def _told_by(self, number: int, X: Any, classes: NDArray[Any] | None) -> Array:  # noqa: N803
        return aligned(self.members_[number], X, classes)


class OutOfFold:
    """Predictions of rows that were left out, with what is true of them.

    Attributes:
        seen: (rows,): which were left out in some fold.
        fold: (rows,): in which one; -1: in none.
        shares: (rows,): how much each counts.
        labels: (rows,) what was to be predicted, as it was given.
    """

    def __init__(self, folds: Folds, y: Any, classes: NDArray[Any] | None, rows: Array | None) -> None:
        self.predictions, self.fold, self.seen = folds.predictions, folds.fold, folds.seen
        self.classes = classes
        self.shares = np.ones(len(y)) if rows is None else np.asarray(rows, dtype=np.float64)
        self.truth: Any = y
        self.labels: Any = np.asarray(y)
        if classes is not None:
            at = np.searchsorted(classes, y)
            self.given: Array = folds.predictions[:, np.arange(len(y)), at]  # (members, rows): of the true class
        else:
            self.truth = np.asarray(y, dtype=np.float64)
            self.given = folds.predictions

    def by_fold(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """(rows,) of each fold, and of the others; of all, where the others count nothing."""
        return by_fold(self.fold, self.shares)

    def losses(self, weights: Array) -> Array:
        """(rows,): the log loss, or the squared loss, of what the members predict with these weights."""
        return self._losses(np.tensordot(weights, self.given, axes=1))

    def losses_of(self, predicted: Array) -> Array:
        """(rows,): the losses of predictions of (rows[, classes or outputs])."""
        if self.classes is None:
            return self._losses(predicted)
        return self._losses(predicted[np.arange(len(predicted)), np.searchsorted(self.classes, self.labels)])

    def _losses(self, mixed: Array) -> Array:
        if self.classes is not None:
            return np.asarray(-np.log(np.maximum(mixed, _LEAST_PROBABILITY)))
        square = (self.truth - mixed) ** 2
        return np.asarray(square if square.ndim == 1 else square.mean(axis=1))

    def losses_alone(self) -> Array:
        """(members, rows): the losses of each alone."""
        count = len(self.given)
        return np.array([self.losses(np.eye(count)[at]) for at in range(count)])

    def best_of_others(self, alone: Array) -> Array:
        """(rows,): the losses of the member that is best on the other folds.

        Args:
            alone: (members, rows), as `losses_alone` gives them.
        """
        found = np.full(len(self.seen), np.nan)
        for here, others in self.by_fold():
            found[here] = alone[int(np.argmin([self.mean(each, others) for each in alone]))][here]
        return found

    def gain(self, gains: Array) -> tuple[float, float]:
        """The mean of what is gained a row, over those that were left out, and its standard error."""
        shares = self.shares[self.seen] / self.shares[self.seen].sum()
        mean = float(shares @ gains[self.seen])
        spread = float(np.sqrt(shares @ (gains[self.seen] - mean) ** 2))
        return mean, spread * float(np.sqrt(np.sum(shares**2)))

    def mean(self, losses: Array, rows: NDArray[np.bool_] | None = None) -> float:
        """Over the rows (default: all that were left out), as much as each counts."""
        rows = self.seen if rows is None else rows
        return float(np.average(losses[rows], weights=self.shares[rows]))
