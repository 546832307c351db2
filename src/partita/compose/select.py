"""An ensemble that is picked one by one, each time the model that helps most (Caruana et al., 2004)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.members import Members
from partita.compose.weighted import OutOfFold, Weighted

__all__ = ["Select"]

Array = NDArray[np.float64]


class Select(Weighted):
    """A mean of models that were picked one after the other, some of them several times.

    Each round adds the member that makes the mean's out-of-fold predictions best; a member may be picked again, which gives it
    weight. What was best on the way counts, not the last round. That is done for several bags, each of a random part of the
    members, whose picks are added up: so no member is picked by chance alone. Unlike a blend's weights, picks serve any measure.

    Attributes (once fitted):
        weights_: (members,): how often each was picked, as a share.
        members_, names_: the members, fitted on all rows, and their names.
        score_: of the mean's out-of-fold predictions by all picks; more is better.
        calibration_: what calibrates the mean, if that was asked for.
        classes_: of a selection of classifiers.
    """

    def __init__(
        self,
        members: Members,
        *,
        measure: Callable[[Any, Any], float] | None = None,
        rounds: int = 25,
        bags: int = 20,
        part: float = 0.5,
        cv: Any = 5,
        calibrate: str | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            measure: of (truth, prediction), more is better; predictions are values, or probabilities of (rows, classes).
                Default: the squared loss or the log loss, below 0.
            rounds: members that a bag picks at most.
            bags: 1: one bag, of all members.
            part: of the members that each of several bags has, but two at least.
            cv: number of folds, or a splitter, as in scikit-learn.
            calibrate: "sigmoid", "isotonic" or "temperature": the mean is calibrated on its out-of-fold predictions, each with
                picks of the other folds.
            random_state: of the bags.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.measure = measure
        self.rounds = rounds
        self.bags = bags
        self.part = part
        self.cv = cv
        self.calibrate = calibrate
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Select:  # noqa: N803
        """Fit the members on all rows, and pick by what they predict out of fold.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or data are too few for the folds.
        """
        self._checked_members()
        for name in ("rounds", "bags"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} is a whole number of 1 or more, and not {value!r}")
        if not 0 < self.part <= 1:
            raise ValueError(f"part is a number above 0 and up to 1, and not {self.part!r}")
        told = self._out_of_fold(X, y, sample_weight, groups)
        self.weights_ = self._shares(told, told.seen)
        self.score_ = self._score(told, self.weights_, told.seen)
        self._calibrate(told, lambda rows: self._shares(told, rows))
        return self

    def _shares(self, told: OutOfFold, rows: NDArray[np.bool_]) -> Array:
        """How often each member is picked, as a share, by what these rows say."""
        count, draw = len(self.names_), np.random.RandomState(self.random_state)
        picks = np.zeros(count)
        for _ in range(self.bags):
            size = count if self.bags == 1 else min(count, max(2, round(self.part * count)))
            picks += self._picked(told, np.sort(draw.permutation(count)[:size]), rows)
        return np.asarray(picks / picks.sum())

    def _score(self, told: OutOfFold, weights: Array, rows: NDArray[np.bool_]) -> float:
        if self.measure is None:
            return -told.mean(told.losses(weights), rows)
        mixed = np.tensordot(weights, told.predictions, axes=1)
        return float(self.measure(told.truth[rows], mixed[rows]))

    def _picked(self, told: OutOfFold, bag: NDArray[np.int64], rows: NDArray[np.bool_]) -> Array:
        """How often each member is picked from a bag, when it was best."""
        picks = np.zeros(len(self.names_))
        best, best_score = picks, -np.inf
        for number in range(1, self.rounds + 1):
            scores = []
            for member in bag:
                tried = picks.copy()
                tried[member] += 1.0
                scores.append(self._score(told, tried / number, rows))
            at = int(np.argmax(scores))
            picks = picks.copy()
            picks[bag[at]] += 1.0
            if scores[at] > best_score:
                best, best_score = picks, scores[at]
        return best
