"""Models fitted on rows that are drawn, each time others (Breiman, 1996)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_features, check_consistent_length

from partita.compose.calibration import Calibration, calibration_of, need_calibration
from partita.compose.folds import aligned, fit_all
from partita.compose.members import Members, Mixture, need_probabilities, need_sample_weight

__all__ = ["Bag"]

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


class Bag(Mixture):
    """The mean of what members predict that were each fitted on other rows, drawn by chance.

    Each draw takes as many rows of each class as its share is, so that none is missing. With groups, whole groups are drawn, and
    some more where a class would be missing: no row of a group is predicted out of bag by a member that has seen another one.

    Attributes (once fitted):
        members_: the members, one of each for each draw; `rows_`: (draws,) arrays of the rows of each draw.
        names_: of the members that were given.
        out_of_bag_: (rows,) values or (rows, classes) probabilities, by those that had not drawn the row; not a number
            where all had.
        score_: of these: accuracy or coefficient of determination; not a number where there are none.
        calibration_: what calibrates, if that was asked for.
        classes_: of a bag of classifiers.
    """

    _looks_at_inputs = True

    def __init__(
        self,
        members: Members,
        *,
        draws: int = 20,
        rows: float = 1.0,
        features: float = 1.0,
        replace: bool = True,
        stratify: bool = True,
        calibrate: str | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            draws: how many; each member is fitted on each.
            rows: share of the rows (with groups: of the groups) that a draw has.
            features: share of the features that a draw has.
            replace: whether a row may be drawn several times.
            stratify: whether classes keep their shares; of classifiers only.
            calibrate: "sigmoid", "isotonic" or "temperature": the mean is calibrated by what is predicted out of bag.
            random_state: of the draws, and of the members: what they call `random_state` is drawn, too.
            n_jobs: processes to fit in, as in scikit-learn.
        """
        self.members = members
        self.draws = draws
        self.rows = rows
        self.features = features
        self.replace = replace
        self.stratify = stratify
        self.calibrate = calibrate
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Bag:  # noqa: N803
        """Draw, and fit each member on each draw.

        Args:
            X: (rows, features): arrays, data frames or sparse matrices, as the members take them.
            y: (rows,) labels or values; (rows, outputs) where all members take that.
            sample_weight: (rows,); all members have to take it. Draws do not depend on it.
            groups: (rows,): what belongs together is drawn together.

        Raises:
            ValueError: members do not go together, or a parameter is wrong.
        """
        members = self._checked_members()
        self._check_parameters()
        if self._kind == "classifier":
            need_probabilities(members, "calibrate it: calibrated(member)")
        if sample_weight is not None:
            need_sample_weight(members)
        X, y, weights = self._data(X, y, sample_weight)  # noqa: N806
        check_consistent_length(X, groups)
        draw = np.random.RandomState(self.random_state)
        drawing = _Drawing(y, groups, self._kind == "classifier" and self.stratify)
        drawn = []
        for _ in range(self.draws):
            rows, features = drawing.rows(self.rows, self.replace, draw), self._drawn_features(X, draw)
            drawn += [(name, _Drawn(_seeded(member, draw), rows, features)) for name, member in members]
        self.names_ = [name for name, _ in members]
        self.members_ = fit_all(drawn, X, y, [], sample_weight=weights, n_jobs=self.n_jobs).fitted
        # Of those that were fitted: in a flow, other draws than these may have been, where random_state is None.
        self.rows_ = [member.rows for member in self.members_[:: len(members)]]
        self._look_out_of_bag(X, y, np.ones(len(y)) if weights is None else weights)
        return self

    def _check_parameters(self) -> None:
        need_calibration(self.calibrate, self._kind)
        if isinstance(self.draws, bool) or not isinstance(self.draws, (int, np.integer)) or self.draws < 1:
            raise ValueError(f"draws is a whole number of 1 or more, and not {self.draws!r}")
        for name in ("rows", "features"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share above 0 and up to 1, and not {getattr(self, name)!r}")

    def _drawn_features(self, X: Any, draw: np.random.RandomState) -> Rows | None:  # noqa: N803
        if self.features == 1:
            return None
        if len(X.shape) < 2:
            raise ValueError("texts have no features to draw; leave features out")
        count = _num_features(X)
        return np.sort(draw.permutation(count)[: max(1, round(self.features * count))])

    def _look_out_of_bag(self, X: Any, y: Any, weights: Array) -> None:  # noqa: N803
        is_classifier = self._kind == "classifier"
        classes = self.classes_ if is_classifier else None
        shape = (len(y), len(self.classes_)) if is_classifier else y.shape
        total, count = np.zeros(shape), np.zeros(len(y))
        for number, member in enumerate(self.members_):
            out = np.setdiff1d(np.arange(len(y)), self.rows_[number // len(self.names_)])
            if len(out):
                total[out] += aligned(member, _safe_indexing(X, out), classes)
                count[out] += 1
        seen = np.flatnonzero(count)
        self.out_of_bag_ = np.full(shape, np.nan)
        self.out_of_bag_[seen] = (total[seen].T / count[seen]).T
        self.calibration_: Calibration | None = None
        if self.calibrate is not None:
            if not weights[seen].sum() > 0:
                raise ValueError("no row is out of bag to calibrate by; draw fewer rows, or leave calibrate out")
            at = np.searchsorted(self.classes_, y[seen])
            self.calibration_ = calibration_of(self.calibrate, self.out_of_bag_[seen], at, weights[seen])
        self.score_ = float("nan")
        if len(seen) > 1 and weights[seen].sum() > 0:
            told = self.out_of_bag_[seen]
            self.score_ = self._measured(
                y[seen], self.classes_[np.argmax(told, axis=1)] if is_classifier else told, weights[seen]
            )

    def _mixed(self, X: Any) -> Array:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        classes = self.classes_ if self._kind == "classifier" else None
        mixed = np.asarray(sum(aligned(member, X, classes) for member in self.members_)) / len(self.members_)
        return mixed if self.calibration_ is None else self.calibration_(mixed)


class _Drawing:
    """What rows are drawn from: rows by class, or groups."""

    def __init__(self, y: Any, groups: Any, stratify: bool) -> None:
        labels = y if stratify else np.zeros(len(y), dtype=np.int64)
        self.labels, at = np.unique(labels, return_inverse=True)
        self.strata = [np.flatnonzero(at == number) for number in range(len(self.labels))]
        self.units: list[Rows] = []
        if groups is not None:
            _, of = np.unique(np.asarray(groups), return_inverse=True)
            self.units = [np.flatnonzero(of == number) for number in range(int(of.max()) + 1)]
            self.has = np.array([np.isin(np.arange(len(self.labels)), at[rows]) for rows in self.units])

    def rows(self, share: float, replace: bool, draw: np.random.RandomState) -> Rows:
        """Of one draw, in the order of the rows."""
        if not self.units:
            chosen = [draw.choice(rows, _size(share, rows), replace=replace) for rows in self.strata]
            return np.sort(np.concatenate(chosen))
        units = list(draw.choice(len(self.units), _size(share, self.units), replace=replace))
        for label in range(len(self.labels)):
            if not self.has[units, label].any():
                units.append(draw.choice(np.flatnonzero(self.has[:, label])))
        return np.sort(np.concatenate([self.units[unit] for unit in units]))


def _size(share: float, of: Any) -> int:
    return max(1, round(share * len(of)))


def _seeded(member: Any, draw: np.random.RandomState) -> Any:
    """A clone with seeds of its own: without them, members of several draws would make the same choices."""
    made = clone(member)
    names = [name for name in made.get_params(deep=True) if name.split("__")[-1] == "random_state"]
    return made.set_params(**{name: int(draw.randint(2**31 - 1)) for name in sorted(names)})


class _Drawn(BaseEstimator):  # type: ignore[misc]
    """A member that learns from some rows and features only."""

    def __init__(self, member: Any, rows: Rows, features: Rows | None) -> None:
        self.member = member
        self.rows = rows
        self.features = features

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Drawn:  # noqa: N803
        weights = {} if sample_weight is None else {"sample_weight": sample_weight[self.rows]}
        self.member_ = self.member.fit(self._columns(_safe_indexing(X, self.rows)), y[self.rows], **weights)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.member_.classes_)

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.member_.predict(self._columns(X))

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.member_.predict_proba(self._columns(X))

    def _columns(self, X: Any) -> Any:  # noqa: N803
        return X if self.features is None else _safe_indexing(X, self.features, axis=1)
