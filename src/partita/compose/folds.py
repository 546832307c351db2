"""Predictions of rows that a member was not fitted on: what compositions are fitted with.

Each member is cloned for each fold, with all that is in it (preprocessing, calibration), so that nothing of the rows that are
predicted leaks into what predicts them. Members and folds are fitted beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from partita.compose.members import need_sample_weight

__all__ = ["Folds", "Split", "aligned", "fit_all", "splits_of"]

Array = NDArray[np.float64]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Folds:
    """What members predict of the rows that were left out."""

    fitted: list[Any]  # each member, on all rows, where that was wanted
    predictions: Array  # (members, rows[, classes or outputs]); not a number where a row was never left out
    fold: NDArray[np.int64]  # (rows,): in which fold a row was left out the last time; -1: in none

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(rows,): which have been left out, and so been predicted."""
        return self.fold >= 0


def splits_of(cv: Any, X: Any, y: Any, groups: Any, *, is_classifier: bool) -> list[Split]:  # noqa: N803
    """Rows to fit on and rows to predict, of each fold.

    Args:
        cv: a number of folds, a splitter, or pairs of arrays, as everywhere in scikit-learn.
        groups: of the rows, which a splitter by groups keeps together.

    Raises:
        ValueError: there are too few rows for it.
    """
    return [(train, test) for train, test in check_cv(cv, y, classifier=is_classifier).split(X, y, groups)]


def fit_all(
    members: Sequence[tuple[str, Any]],
    X: Any,  # noqa: N803
    y: Any,
    splits: Sequence[Split],
    *,
    sample_weight: Any = None,
    classes: NDArray[Any] | None = None,
    n_jobs: int | None = None,
    refit: bool = True,
) -> Folds:
    """Fit each member on all rows and on those of each fold.

    Args:
        classes: all classes: probabilities are predicted; None: values are.
        refit: whether members are fitted on all rows, too.

    Raises:
        ValueError: a member takes no weights, and some are given. What members raise passes through.
    """
    if sample_weight is not None:
        need_sample_weight(members)
    jobs: list[tuple[int, int | None]] = [(number, None) for number in range(len(members)) if refit]
    jobs += [(number, split) for number in range(len(members)) for split in range(len(splits))]
    done = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(members[number][1], X, y, sample_weight, None if at is None else splits[at], classes)
        for number, at in jobs
    )
    fold = np.full(len(y), -1, dtype=np.int64)
    predictions: Array | None = None
    fitted: list[Any] = []
    for (number, at), made in zip(jobs, done, strict=True):
        if at is None:
            fitted.append(made)
            continue
        if predictions is None:
            predictions = np.full((len(members), len(y), *made.shape[1:]), np.nan)
        test = splits[at][1]
        predictions[number, test] = made
        fold[test] = at
    if predictions is None:
        raise ValueError("there are no folds; give cv at least two")
    return Folds(fitted, predictions, fold)


def _fit(
    member: Any,
    X: Any,  # noqa: N803
    y: Any,
    sample_weight: Any,
    split: Split | None,
    classes: NDArray[Any] | None,
) -> Any:
    """A fitted clone; with a split what that one predicts of the rows left out."""
    made = clone(member)
    train = split[0] if split is not None else None
    weights = {} if sample_weight is None else {"sample_weight": _rows(sample_weight, train)}
    made.fit(_rows(X, train), _rows(y, train), **weights)
    if split is None:
        return made
    return aligned(made, _rows(X, split[1]), classes)


def _rows(of: Any, rows: NDArray[np.int64] | None) -> Any:
    return of if rows is None else _safe_indexing(of, rows)


def aligned(member: Any, X: Any, classes: NDArray[Any] | None) -> Array:  # noqa: N803
    """What a fitted member predicts; probabilities in the order of all classes, 0 for those that it has never seen."""
    if classes is None:
        return np.asarray(member.predict(X), dtype=np.float64)
    told = np.asarray(member.predict_proba(X), dtype=np.float64)
    own = np.asarray(member.classes_)
    if len(own) == len(classes) and np.array_equal(own, classes):
        return told
    found = np.zeros((len(told), len(classes)))
    found[:, np.searchsorted(classes, own)] = told
    return found
