"""Cheap models first, and costly ones only for what the cheap ones are unsure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from partita.compose.calibration import cross_calibrated, need_calibration
from partita.compose.folds import aligned, fit_all, splits_of
from partita.compose.members import Composition, Members, need_probabilities

__all__ = ["Cascade"]

Array = NDArray[np.float64]

#: With more than two members, so many thresholds of each are tried, at even shares of the rows, and so often all of them in turn.
_TRIED, _ROUNDS = 101, 10
#: By so much an accuracy or a cost may miss what was asked for.
_ROUNDING = 1e-9


class Cascade(Composition):
    """Classifiers in the order of their cost: each answers what it is sure enough of, and hands the rest to the next one.

    How sure one has to be (the probability of its most probable class) is chosen on out-of-fold predictions: for the least mean
    cost that reaches an accuracy, or for the best accuracy within a mean cost.

    Attributes (once fitted):
        thresholds_: (members - 1,): from what probability on each answers; above 1: it never does.
        accuracy_, cost_: out of fold, with these thresholds: the share that is right, and the mean cost of a row.
        shares_: (members,): of the rows, what each answers.
        alone_: (members,): the accuracy of each alone.
        calibrations_: what calibrates each member, if that was asked for.
        members_, names_, classes_: as of other compositions.
    """

    def __init__(
        self,
        members: Members,
        *,
        costs: Sequence[float] | None = None,
        accuracy: float | None = None,
        cost: float | None = None,
        cv: Any = 5,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: classifiers with `predict_proba`, or pairs of a name and one: the cheapest first, two at least.
            costs: what each costs for a row, in any unit; default: 1, 10, 100 and so on. Who hands a row on has cost, too.
            accuracy: that is to be reached at the least cost; default: that of the best member alone, less its standard error.
            cost: instead: the mean cost of a row that is to be kept to, with the best accuracy.
            cv: number of folds, or a splitter, as in scikit-learn.
            calibrate: "sigmoid", "isotonic" or "temperature": each member is calibrated on its out-of-fold predictions, since
                thresholds are for its probabilities.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.costs = costs
        self.accuracy = accuracy
        self.cost = cost
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Cascade:  # noqa: N803
        """Fit the members on all rows, and choose the thresholds on what they predict out of fold.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or no thresholds reach what was asked for.
        """
        members = self._checked_members()
        need_calibration(self.calibrate, self._kind)
        costs = self._checked_costs(members)
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        splits = splits_of(self.cv, X, y, groups, is_classifier=True)
        folds = fit_all(members, X, y, splits, sample_weight=rows, classes=self.classes_, n_jobs=self.n_jobs)
        self.names_, self.members_ = [name for name, _ in members], folds.fitted
        seen = folds.seen
        every = np.ones(len(y)) if rows is None else rows
        told, self.calibrations_ = cross_calibrated(
            self.calibrate, folds.predictions, np.searchsorted(self.classes_, y), folds.fold, every
        )
        told = told[:, seen]
        right = self.classes_[np.argmax(told, axis=2)] == np.asarray(y)[seen]
        shares = every[seen]
        judged = _Judged(told.max(axis=2), right, costs, shares / shares.sum())
        self.alone_ = right @ judged.shares
        self.thresholds_ = self._chosen(judged)
        self.accuracy_, self.cost_, self.shares_ = judged.of(self.thresholds_)
        return self

    def _checked_costs(self, members: Sequence[tuple[str, Any]]) -> Array:
        if self._kind != "classifier":
            raise ValueError("a cascade is made of classifiers, which say how sure they are")
        if len(members) < 2:
            raise ValueError("a cascade needs two members at least: a cheap one and a costly one")
        need_probabilities(members)
        if self.accuracy is not None and self.cost is not None:
            raise ValueError("give an accuracy to reach or a cost to keep to, and not both")
        costs = np.asarray(
            self.costs if self.costs is not None else [10.0**at for at in range(len(members))], dtype=np.float64
        )
        if costs.shape != (len(members),) or not np.all(np.isfinite(costs)) or np.any(costs < 0):
            raise ValueError(f"costs are {len(members)} finite numbers, none below 0, one for each member")
        return costs

    def _chosen(self, judged: _Judged) -> Array:
        wanted = self.accuracy
        if wanted is None:
            best = float(self.alone_.max())
            wanted = best - float(np.sqrt(max(best * (1.0 - best), 0.0) * np.sum(judged.shares**2)))
        found = judged.search(None if self.cost is not None else float(wanted), self.cost)
        if found is not None:
            return found
        if self.cost is not None:
            least = judged.of(np.zeros(len(self.names_) - 1))[1]
            raise ValueError(f"a mean cost of {self.cost:g} cannot be kept to: {self.names_[0]} alone costs {least:g}")
        most = float(judged.best_accuracy())
        raise ValueError(f"an accuracy of {wanted:g} is not reached: out of fold, the best thresholds have {most:.4g}")

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels."""
        told = self.predict_proba(X)
        return self.classes_[np.argmax(told, axis=1)]

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`: of whoever answers."""
        return self._answered(X)[0]

    def stage_of(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """(rows,): the number of the member that answers, from 0."""
        return self._answered(X)[1]

    def _answered(self, X: Any) -> tuple[Array, NDArray[np.int64]]:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        left = np.arange(X.shape[0])
        found = np.zeros((len(left), len(self.classes_)))
        stages = np.zeros(len(left), dtype=np.int64)
        for stage, member in enumerate(self.members_):
            if not len(left):
                break
            told = aligned(member, _safe_indexing(X, left), self.classes_)
            told = self.calibrations_[stage](told) if self.calibrations_ else told
            found[left], stages[left] = told, stage
            if stage < len(self.thresholds_):
                left = left[told.max(axis=1) < self.thresholds_[stage]]
        return found, stages


class _Judged:
    """Out-of-fold answers: how sure each member is, whether it is right, and what it costs."""

    def __init__(self, sure: Array, right: NDArray[np.bool_], costs: Array, shares: Array) -> None:
        self.sure, self.right, self.costs, self.shares = sure, right, costs, shares

    def of(self, thresholds: Array) -> tuple[float, float, Array]:
        """Accuracy, mean cost, and the share of rows that each member answers."""
        left = np.ones(self.sure.shape[1], dtype=bool)
        accuracy, cost, answered = 0.0, 0.0, []
        for stage, (sure, right) in enumerate(zip(self.sure, self.right, strict=True)):
            cost += float(self.costs[stage] * self.shares[left].sum())
            here = left & (sure >= thresholds[stage]) if stage < len(thresholds) else left
            accuracy += float(self.shares[here & right].sum())
            answered.append(float(self.shares[here].sum()))
            left = left & ~here
        return accuracy, cost, np.array(answered)

    def search(self, accuracy: float | None, cost: float | None) -> Array | None:
        """The thresholds of least cost that reach the accuracy, or of best accuracy within the cost; None: there are none."""
        if len(self.sure) == 2:
            return self._best(self._sweep(), accuracy, cost)
        found: Array | None = None
        candidates = [self._candidates(stage) for stage in range(len(self.sure) - 1)]
        for start in (np.full(len(candidates), 2.0), np.zeros(len(candidates))):  # all go on; all stay
            thresholds = start
            for _ in range(_ROUNDS):
                before = thresholds.copy()
                for stage, tried in enumerate(candidates):
                    rows = [np.where(np.arange(len(thresholds)) == stage, value, thresholds) for value in tried]
                    best = self._best(np.array([[*self.of(row)[:2], *row] for row in rows]), accuracy, cost)
                    thresholds = thresholds if best is None else best
                if np.array_equal(before, thresholds):
                    break
            found = self._better(found, thresholds, accuracy, cost)
        return found

    def best_accuracy(self) -> float:
        """The best that any thresholds have, as far as they are looked at."""
        best = self.search(None, float("inf"))
        return self.of(best)[0] if best is not None else 0.0

    def _candidates(self, stage: int) -> Array:
        return np.asarray(np.unique([0.0, 2.0, *np.quantile(self.sure[stage], np.linspace(0, 1, _TRIED))]))

    def _sweep(self) -> Array:
        """(thresholds, 3): accuracy, mean cost and threshold, of each that makes a difference between two members."""
        order = np.argsort(self.sure[0], kind="stable")
        sure, shares = self.sure[0][order], self.shares[order]
        first, second = self.right[0][order], self.right[1][order]
        # With the threshold just above the n-th sure, the first n rows are handed on.
        handed = np.concatenate([[0.0], np.cumsum(shares)])
        gained = np.concatenate([[0.0], np.cumsum(shares * second)])
        kept = np.concatenate([np.cumsum((shares * first)[::-1])[::-1], [0.0]])
        edges = np.concatenate([[True], sure[1:] > sure[:-1], [True]])
        thresholds = np.concatenate([sure, [2.0]])
        thresholds[0] = 0.0
        cost = self.costs[0] + self.costs[1] * handed
        return np.asarray(np.column_stack([gained + kept, cost, thresholds])[edges])

    def _best(self, rows: Array, accuracy: float | None, cost: float | None) -> Array | None:
        """Of rows of (accuracy, cost, thresholds ...) the thresholds that serve best; None: none do."""
        if accuracy is not None:
            rows = rows[rows[:, 0] >= accuracy - _ROUNDING]
            return np.asarray(rows[np.lexsort((-rows[:, 0], rows[:, 1]))[0], 2:]) if len(rows) else None
        assert cost is not None
        rows = rows[rows[:, 1] <= cost + _ROUNDING]
        return np.asarray(rows[np.lexsort((rows[:, 1], -rows[:, 0]))[0], 2:]) if len(rows) else None

    def _better(
        self, found: Array | None, thresholds: Array, accuracy: float | None, cost: float | None
    ) -> Array | None:
        rows = [[*self.of(each)[:2], *each] for each in (found, thresholds) if each is not None]
        return self._best(np.array(rows), accuracy, cost)
