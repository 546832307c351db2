"""Detectors weighed by what their misses cost, and decisions for the class that costs least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.calibration import cross_calibrated
from partita.compose.folds import aligned
from partita.compose.members import Members
from partita.compose.weighted import OutOfFold, Weighted
from partita.compose.weights import log_loss_weights

__all__ = ["Severity"]

Array = NDArray[np.float64]

#: On the way from some weights to one member, so many steps are tried; and so often all members in turn.
_STEPS, _ROUNDS = 100, 20
_LEAST_PROBABILITY = 1e-15
#: So many probabilities are held at once while weights are tried.
_AT_ONCE = 2_000_000
#: So often the floors of several classes are looked at in turn.
_FLOOR_ROUNDS = 10
#: By so much a floor may be missed, and a cost must be less to be less at all.
_ROUNDING = 1e-9


class Severity(Weighted):
    """A weighted mean of classifiers' probabilities, and of the classes the one whose expected cost is least.

    The weights are those with which decisions of rows that members were not fitted on cost least. Equal costs are settled by the
    log loss. Where classes have a floor, the cost of missing them is raised until so many of them are found.

    Attributes (once fitted):
        weights_: (members,), none below 0, their sum 1.
        cost_: the mean cost of a row out of fold, with weights and floors of the other folds.
        costs_: the same of each member alone, by its name, and of "severity".
        recalls_: of each class, the share of its rows that is found out of fold, with weights and floors of all folds.
        matrix_: (classes, classes): the cost of saying the second where the first is true.
        factors_: (classes,): by what the cost of missing each is raised for its floor; 1: not at all.
        members_, names_, classes_: as of other compositions.
    """

    def __init__(
        self,
        members: Members,
        *,
        costs: Any = None,
        floors: Mapping[Any, float] | None = None,
        cv: Any = 5,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: classifiers with `predict_proba`, or pairs of a name and one.
            costs: (classes, classes), in the order of sorted labels: of saying the second where the first is true; or a
                dictionary by (truth, said), where a pair that is missing costs 1, and 0 where truth is said. Default: each
                miss costs 1.
            floors: by class: the share of its rows that is to be found at least, as {"pneumonia": 0.95}.
            cv: number of folds, or a splitter, as in scikit-learn.
            calibrate: "sigmoid", "isotonic" or "temperature": each member is calibrated on its out-of-fold predictions, since
                costs are reckoned with its probabilities.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.costs = costs
        self.floors = floors
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Severity:  # noqa: N803
        """Fit the members on all rows, and the weights on what they predict out of fold.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or floors cannot be kept together.
        """
        self._checked_members()
        if self._kind != "classifier":
            raise ValueError("costs are of classes: the members are to be classifiers")
        told = self._out_of_fold(X, y, sample_weight, groups)
        self.matrix_ = _matrix(self.costs, self.classes_)
        floors = _floors(self.floors, self.classes_)
        at = np.searchsorted(self.classes_, told.truth)
        predictions, self.calibrations_ = cross_calibrated(self.calibrate, told.predictions, at, told.fold, told.shares)
        every = _Judged(predictions, at, told.shares, self.matrix_, floors)
        judged = every.part(told.seen)
        self.weights_ = judged.best_weights()
        said, factors = judged.said(self.weights_[None])
        self.factors_ = factors[0]
        self.recalls_ = dict(zip(self.classes_.tolist(), judged.recalls(said)[0].tolist(), strict=True))
        missed = [
            f"{label} at {self.recalls_[label]:.3g}"
            for label, floor in zip(self.classes_.tolist(), floors, strict=True)
            if self.recalls_[label] < floor - _ROUNDING
        ]
        if missed:
            raise ValueError(f"the floors cannot be kept together: out of fold, {', '.join(missed)}; lower one of them")
        self.costs_ = self._cross_fitted(every, told)
        self.cost_ = self.costs_["severity"]
        return self

    def _cross_fitted(self, judged: _Judged, told: OutOfFold) -> dict[str, float]:
        """The mean cost of each member alone, and of all: weights and floors by the other folds."""
        count = len(self.names_)
        costs = np.full((count + 1, len(told.seen)), np.nan)
        for here, others in told.by_fold():
            left, used = judged.part(here), judged.part(others)
            tried = np.array([*np.eye(count), used.best_weights()])
            costs[:, here] = left.costs(left.said(tried, used.said(tried)[1])[0])
        return dict(zip([*self.names_, "severity"], (told.mean(each) for each in costs), strict=True))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels: those of least expected cost."""
        least = np.argmin(self.expected_costs(X), axis=1)
        return self.classes_[least]

    def expected_costs(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes): what saying each of `classes_` is expected to cost, with what floors add."""
        return np.asarray(self._mixed(X) @ (self.factors_[:, None] * self.matrix_))

    def _told_by(self, number: int, X: Any, classes: NDArray[Any] | None) -> Array:  # noqa: N803
        told = aligned(self.members_[number], X, classes)
        return self.calibrations_[number](told) if self.calibrations_ else told


def _matrix(costs: Any, classes: NDArray[Any]) -> Array:
    """(truth, said), checked."""
    count = len(classes)
    plain = 1.0 - np.eye(count)
    if costs is None:
        return plain
    if isinstance(costs, Mapping):
        known = {label: number for number, label in enumerate(classes.tolist())}
        for pair, cost in costs.items():
            if not isinstance(pair, tuple) or len(pair) != 2 or not set(pair) <= set(known):
                raise ValueError(
                    f"costs are by (truth, said) of the classes {', '.join(map(str, known))}, not by {pair!r}"
                )
            plain[known[pair[0]], known[pair[1]]] = cost
        costs = plain
    matrix = np.asarray(costs, dtype=np.float64)
    if matrix.shape != (count, count) or not np.all(np.isfinite(matrix)):
        raise ValueError(
            f"costs of {count} classes are ({count}, {count}) finite numbers, and these are {matrix.shape}"
        )
    right = np.diag(matrix)[:, None]
    if np.any(matrix < right):
        truth, said = (int(each[0]) for each in np.nonzero(matrix < right))
        raise ValueError(
            f"saying {classes[said]} where {classes[truth]} is true costs less than the truth; let it cost more"
        )
    return matrix


def _floors(floors: Mapping[Any, float] | None, classes: NDArray[Any]) -> Array:
    """(classes,): the share of each that is to be found; 0: any."""
    found = np.zeros(len(classes))
    for label, floor in (floors or {}).items():
        if label not in classes.tolist():
            raise ValueError(f"floors are of the classes {', '.join(map(str, classes))}, and there is no {label!r}")
        if not 0 <= floor <= 1:
            raise ValueError(f"a floor is a share from 0 to 1, and that of {label} is {floor!r}")
        found[classes.tolist().index(label)] = floor
    return found


class _Judged:
    """Out-of-fold probabilities of some rows, and what decisions by them cost."""

    def __init__(self, predictions: Array, at: NDArray[np.int64], shares: Array, matrix: Array, floors: Array) -> None:
        self.predictions, self.at, self.matrix, self.floors = predictions, at, matrix, floors
        self.shares = shares / shares.sum()
        self.given = predictions[:, np.arange(len(at)), at]  # (members, rows): of the true class
        self.own = [np.flatnonzero(at == label) for label in range(len(matrix))]

    def part(self, rows: NDArray[np.bool_]) -> _Judged:
        return _Judged(self.predictions[:, rows], self.at[rows], self.shares[rows], self.matrix, self.floors)

    def said(self, tried: Array, factors: Array | None = None) -> tuple[NDArray[np.int64], Array]:
        """(tried, rows) numbers of classes with each of these weights, and (tried, classes) factors that keep the floors."""
        mixed = np.tensordot(tried, self.predictions, axes=1)
        factors = self._factors(mixed) if factors is None else factors
        return np.argmin(mixed @ (factors[:, :, None] * self.matrix), axis=2), factors

    def costs(self, said: NDArray[np.int64]) -> Array:
        """(tried, rows): what saying that costs."""
        return np.asarray(self.matrix[self.at, said])

    def recalls(self, said: NDArray[np.int64]) -> Array:
        """(tried, classes): of each class, what is found; 1 where there is nothing to find."""
        found = np.ones((len(said), len(self.matrix)))
        for label, own in enumerate(self.own):
            if self.shares[own].sum() > 0.0:
                found[:, label] = (said[:, own] == label) @ self.shares[own] / self.shares[own].sum()
        return found

    def _factors(self, mixed: Array) -> Array:
        """By what the costs of missing each class are to be raised, least first, until its floor is kept."""
        factors = np.ones((len(mixed), len(self.matrix)))
        for _ in range(_FLOOR_ROUNDS if np.count_nonzero(self.floors) > 1 else 1):
            before = factors.copy()
            for label in np.flatnonzero(self.floors):
                factors[:, label] = np.maximum(factors[:, label], self._factor(int(label), mixed, factors))
            if np.array_equal(before, factors):
                break
        return factors

    def _factor(self, label: int, mixed: Array, factors: Array) -> Array:
        """The least from which on enough rows of the class are found: for each row it can be told."""
        own = self.own[label]
        shares = self.shares[own]
        if not shares.sum() > 0.0:
            return np.ones(len(mixed))
        others = np.delete(np.arange(factors.shape[1]), label)
        plain = factors.copy()
        plain[:, label] = 1.0
        expected = mixed[:, own] @ (plain[:, :, None] * self.matrix)
        short = expected[..., [label]] - expected[..., others]  # so much more the truth is expected to cost than others
        missing = mixed[:, own][..., [label]] * (self.matrix[label] - self.matrix[label, label])[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = np.where(short < 0.0, 0.0, np.where(missing > 0.0, 1.0 + short / missing, np.inf)).max(axis=2)
        order = np.argsort(needed, axis=1, kind="stable")
        needed = np.take_along_axis(needed, order, axis=1)
        reached = np.cumsum(shares[order], axis=1) / shares.sum() >= self.floors[label] - _ROUNDING
        least = needed[np.arange(len(needed)), np.argmax(reached, axis=1)]
        # Rows that are given no probability of the class cannot be found: then all others are.
        most = np.where(np.isfinite(needed), needed, 0.0).max(axis=1)
        return np.asarray(np.maximum(1.0, np.where(np.isfinite(least), least, most) * (1.0 + _ROUNDING)))

    def best_weights(self) -> Array:
        """Those whose decisions cost least: moved towards each member in turn, from where the log loss is least and from the
        best member alone."""
        count = len(self.predictions)
        if count == 1:
            return np.ones(1)
        start = log_loss_weights(self.given, self.shares, draw=count / len(self.at)).weights
        best = self._best(np.array([self._moved(start), self._moved(self._best(np.eye(count)))]))
        return np.asarray(best / best.sum())

    def _moved(self, weights: Array) -> Array:
        steps = np.linspace(0.0, 1.0, _STEPS + 1)[:, None]
        for _ in range(_ROUNDS):
            before = weights
            for member in np.eye(len(weights)):
                weights = self._best((1.0 - steps) * weights + steps * member)
            if self.worths(weights[None])[0] == self.worths(before[None])[0]:  # the log loss alone may gain no more
                break
        return weights

    def _best(self, tried: Array) -> Array:
        worths = self.worths(tried)
        least = min(worths)
        best = [weights for weights, worth in zip(tried, worths, strict=True) if worth == least]
        return best[0] if len(best) == 1 else min(best, key=self._log_loss)

    def worths(self, tried: Array) -> list[tuple[float, float]]:
        """Of each of these weights how far floors are missed, and what decisions cost: less is better."""
        at_once = max(1, _AT_ONCE // self.predictions[0].size)
        found: list[tuple[float, float]] = []
        for part in (tried[start : start + at_once] for start in range(0, len(tried), at_once)):
            said, _ = self.said(part)
            missed = np.maximum(self.floors - self.recalls(said), 0.0).sum(axis=1)
            found += zip(missed.round(9).tolist(), (self.costs(said) @ self.shares).round(9).tolist(), strict=True)
        return found

    def _log_loss(self, weights: Array) -> float:
        return float(-self.shares @ np.log(np.maximum(weights @ self.given, _LEAST_PROBABILITY)))
