"""Predictions of rows that a member was not fitted on: what compositions are fitted with.

Each member is cloned for each fold, with all that is in it (preprocessing, calibration), so that nothing of the rows that are
predicted leaks into what predicts them. Members and folds are fitted beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import PredefinedSplit, check_cv
from sklearn.utils import _safe_indexing

from partita.compose.members import need_sample_weight

__all__ = [
    "Folds",
    "Split",
    "Work",
    "aligned",
    "among",
    "by_fold",
    "fit_all",
    "fit_part",
    "fitted_before",
    "fitted_by",
    "lasting",
    "splits_of",
]

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
    splits = [(train, test) for train, test in check_cv(cv, y, classifier=is_classifier).split(X, y, groups)]
    if not splits:
        raise ValueError("there are no folds; give cv at least two")
    return splits


def _says_rows(cv: Any) -> bool:
    """Whether folds are given as numbers of rows, and not by how many or by a splitter that looks at any rows."""
    return isinstance(cv, PredefinedSplit) or (
        isinstance(cv, Iterable) and not hasattr(cv, "split") and not isinstance(cv, str)
    )


def lasting(cv: Any) -> Any:
    """The same, which can be asked more than once: pairs of arrays may come from a generator."""
    return list(cv) if _says_rows(cv) and not isinstance(cv, PredefinedSplit) else cv


def among(cv: Any, kept: NDArray[np.int64], count: int) -> Any:
    """What gives folds of some of the rows: what says rows by their numbers says them by those that they have among these.

    Args:
        kept: the numbers of the rows that are left.
        count: how many there were.

    Raises:
        ValueError: no fold has rows to fit on and rows to predict any more.
    """
    if not _says_rows(cv):
        return cv
    place = np.full(count, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    found = []
    for pair in cv.split() if isinstance(cv, PredefinedSplit) else cv:
        train, test = (at[at >= 0] for at in (place[np.asarray(rows)] for rows in pair))
        if len(train) and len(test):
            found.append((train, test))
    if not found:
        raise ValueError(
            f"no fold of cv has rows to fit on and rows to predict among the {len(kept)} rows that were left out of some fold "
            "before, of which later parts learn; give a number of folds or a splitter, or folds that leave out more rows"
        )
    return found


def by_fold(fold: NDArray[np.int64], shares: Array) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(rows,) of each fold, and of the others; of all that were left out, where the others count nothing.

    Args:
        fold: (rows,): in which fold a row was left out; -1: in none.
        shares: (rows,): how much each counts.
    """
    seen = fold >= 0
    for number in np.unique(fold[seen]):
        here = fold == number
        others = seen & ~here
        yield here, others if shares[others].sum() > 0 else seen


@dataclass(frozen=True)
class Work:
    """Members to be fitted: each on all rows, and on those of each fold."""

    members: list[tuple[str, Any]]  # names and estimators
    inputs: Any  # (rows, features)
    targets: Any  # (rows[, outputs])
    splits: list[Split]  # rows to fit on and rows to predict
    sample_weight: Any  # (rows,); None: all alike
    classes: NDArray[Any] | None  # probabilities of these are predicted; None: values are
    refit: bool  # whether members are fitted on all rows, too

    @property
    def parts(self) -> list[tuple[int, int | None]]:
        """What can be done each for itself: number of a member, and of a fold; None: all rows."""
        whole: list[tuple[int, int | None]] = [(number, None) for number in range(len(self.members)) if self.refit]
        return whole + [(number, at) for number in range(len(self.members)) for at in range(len(self.splits))]

    def gathered(self, done: Sequence[Any]) -> Folds:
        """What `fit_part` has given for each of the parts, put together."""
        fold = np.full(len(self.targets), -1, dtype=np.int64)
        predictions: Array | None = None
        fitted: list[Any] = []
        for (number, at), made in zip(self.parts, done, strict=True):
            if at is None:
                fitted.append(made)
                continue
            if predictions is None:
                predictions = np.full((len(self.members), len(fold), *made.shape[1:]), np.nan)
            test = self.splits[at][1]
            predictions[number, test] = made
            fold[test] = at
        return Folds(fitted, np.empty((0, len(fold))) if predictions is None else predictions, fold)


#: Does all parts of some work, in a flow by steps; None: it is not for this one, and is done here.
Fitter = Callable[[Work], Folds | None]
_elsewhere: ContextVar[Fitter | None] = ContextVar("fits what compositions ask for", default=None)


@contextmanager
def fitted_by(fitter: Fitter | None) -> Iterator[None]:
    """Let what compositions ask for within be fitted by someone else; None: here."""
    token = _elsewhere.set(fitter)
    try:
        yield
    finally:
        _elsewhere.reset(token)


@contextmanager
def fitted_before(members: Sequence[tuple[str, Any]], folds: Folds) -> Iterator[None]:
    """Let these members be told where compositions ask for them within; all else is fitted as it would be without this.

    They are known by being the same objects: members of another layer may have the same names, and see as many rows.
    """
    around = _elsewhere.get()

    def find(work: Work) -> Folds | None:
        if len(work.members) == len(members) and all(
            one is other for (_, one), (_, other) in zip(work.members, members, strict=True)
        ):
            return folds
        return None if around is None else around(work)

    with fitted_by(find):
        yield


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
        splits: of the folds; none: members are fitted on all rows only.
        classes: all classes: probabilities are predicted; None: values are.
        refit: whether members are fitted on all rows, too.

    Raises:
        ValueError: a member takes no weights, and some are given. What members raise passes through.
    """
    if sample_weight is not None:
        need_sample_weight(members)
    work = Work(list(members), X, y, list(splits), sample_weight, classes, refit)
    fitter = _elsewhere.get()
    found = None if fitter is None else fitter(work)
    if found is not None:
        return found
    done = Parallel(n_jobs=n_jobs)(
        delayed(fit_part)(
            members[number][1], X, y, None if at is None else splits[at], sample_weight=sample_weight, classes=classes
        )
        for number, at in work.parts
    )
    return work.gathered(done)


def fit_part(
    member: Any,
    X: Any,  # noqa: N803
    y: Any,
    split: Split | None = None,
    *,
    sample_weight: Any = None,
    classes: NDArray[Any] | None = None,
) -> Any:
    """A clone that is fitted on all rows; with a split: what one that is fitted on its first rows predicts of the others."""
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
