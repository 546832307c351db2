"""Votes of models that are simply fitted, without weights to learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.utils.metaestimators import available_if

from partita.compose.calibration import Calibration, calibration_of, need_calibration
from partita.compose.folds import aligned, fit_all, splits_of
from partita.compose.members import Composition, Members, need_probabilities

__all__ = ["Vote"]

Array = NDArray[np.float64]

_OF_CLASSIFIERS = ("hard", "soft", "median", "rank")
_OF_REGRESSORS = ("mean", "median")


def _gives_probabilities(vote: Vote) -> bool:
    if vote._kind != "classifier" or vote._how() == "hard":
        raise AttributeError("only a vote of classifiers by probabilities predicts any")
    return True


class Vote(Composition):
    """What most members say, or the middle of it.

    Of classifiers: "soft", the mean of their probabilities; "hard", the class that most of them predict (of equally many, the
    first one); "median", the median of their probabilities; "rank", the mean of the ranks that each gives to the rows for a
    class, so that it does not matter how sure members are of themselves. Of regressors: "mean" or "median".

    "rank" compares the rows that are predicted together: it is for sorting them, not for one row alone.

    Attributes (once fitted):
        members_, names_: the members, fitted, and their names.
        calibration_: what calibrates the probabilities, if that was asked for.
        classes_: of a vote of classifiers.
    """

    def __init__(
        self,
        members: Members,
        *,
        how: str = "auto",
        weights: Any = None,
        cv: Any = 5,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers.
            how: see above; "auto": "soft" where all members predict probabilities, else "hard"; "mean" of regressors.
            weights: (members,), none below 0: how much each counts; default: all alike. Not with "median".
            cv: number of folds, or a splitter, as in scikit-learn: to calibrate only.
            calibrate: "sigmoid", "isotonic" or "temperature": the mean or median of probabilities is calibrated on what it is
                out of fold.
            n_jobs: processes to fit in, as in scikit-learn.
        """
        self.members = members
        self.how = how
        self.weights = weights
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def _how(self) -> str:
        if self.how != "auto":
            return self.how
        if self._kind == "regressor":
            return "mean"
        return "soft" if all(hasattr(member, "predict_proba") for _, member in self._named()) else "hard"

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Vote:  # noqa: N803
        """Fit the members, each on all rows; to calibrate, on those of folds, too.

        Args:
            groups: (rows,), for a `cv` by groups.

        Raises:
            ValueError: members do not go together, or a parameter is wrong.
        """
        members = self._checked_members()
        is_classifier, how = self._kind == "classifier", self._how()
        known = _OF_CLASSIFIERS if is_classifier else _OF_REGRESSORS
        if how not in known:
            raise ValueError(f"how is one of {', '.join(known)} for {self._kind}s, and not {self.how!r}")
        if is_classifier and how != "hard":
            need_probabilities(members, 'calibrate it, or vote with how="hard"')
        need_calibration(self.calibrate, self._kind)
        if self.calibrate is not None and how not in ("soft", "median"):
            raise ValueError(f'what is calibrated is a vote by "soft" or "median", and this one is by "{how}"')
        self.weights_ = self._checked_weights(len(members), how)
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        self.names_ = [name for name, _ in members]
        splits = []
        if self.calibrate is not None:
            splits = splits_of(self.cv, X, y, groups, is_classifier=True)
        classes = self.classes_ if splits else None
        folds = fit_all(members, X, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.members_ = folds.fitted
        self.calibration_: Calibration | None = None
        if self.calibrate is not None:
            seen, shares = folds.seen, np.ones(len(y)) if rows is None else rows
            at = np.searchsorted(self.classes_, y[seen])
            self.calibration_ = calibration_of(
                self.calibrate, self._together(folds.predictions[:, seen]), at, shares[seen]
            )
        return self

    def _checked_weights(self, count: int, how: str) -> Array:
        if self.weights is None:
            return np.full(count, 1.0 / count)
        weights = np.asarray(self.weights, dtype=np.float64)
        if (
            weights.shape != (count,)
            or not np.all(np.isfinite(weights))
            or np.any(weights < 0)
            or not weights.sum() > 0
        ):
            raise ValueError(f"weights of {count} members are as many finite numbers, none below 0, not all 0")
        if how == "median":
            raise ValueError("a median takes no weights; leave them out")
        shares: Array = weights / weights.sum()
        return shares

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        X = self._looked_at(X)  # noqa: N806
        if self._kind == "classifier":
            shares = self._counted(X) if self._how() == "hard" else self._mixed(X)
            return self.classes_[np.argmax(shares, axis=1)]
        told = np.array([aligned(member, X, None) for member in self.members_])
        return np.median(told, axis=0) if self._how() == "median" else np.tensordot(self.weights_, told, axes=1)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`; with "rank", shares of ranks, which sum to 1."""
        return self._mixed(self._looked_at(X))

    def _counted(self, X: Any) -> Array:  # noqa: N803
        votes = np.zeros((X.shape[0], len(self.classes_)))
        for weight, member in zip(self.weights_, self.members_, strict=True):
            votes[np.arange(len(votes)), np.searchsorted(self.classes_, member.predict(X))] += weight
        return votes

    def _mixed(self, X: Any) -> Array:  # noqa: N803
        mixed = self._together(np.array([aligned(member, X, self.classes_) for member in self.members_]))
        return mixed if self.calibration_ is None else self.calibration_(mixed)

    def _together(self, told: Array) -> Array:
        how = self._how()
        if how == "rank":
            told = rankdata(told, axis=1) / told.shape[1]
        mixed = np.median(told, axis=0) if how == "median" else np.tensordot(self.weights_, told, axes=1)
        total = mixed.sum(axis=1, keepdims=True)
        return np.where(total > 0.0, mixed / np.where(total > 0.0, total, 1.0), 1.0 / mixed.shape[1])
