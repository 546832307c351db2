"""A weighted mean of models, whose weights are the best ones for rows that the models have not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.members import Members
from partita.compose.weighted import OutOfFold, Weighted
from partita.compose.weights import Fitted, log_loss_weights, squared_loss_weights

__all__ = ["Blend"]

Array = NDArray[np.float64]

#: A blend is kept where it gains more than so many standard errors of the gain.
_NOISE = 1.0


class Blend(Weighted):
    """A weighted mean of what the members predict: of values, or of the probabilities of classes.

    The weights are none below 0, their sum is 1, and they are the best ones for out-of-fold predictions: by squared loss
    exactly, by log loss within 1e-10. Where data are few they are drawn towards equal ones.

    One model is kept instead where blending does not gain more than its noise: for each fold, weights and the best member are
    chosen on the other folds, and the losses of both are compared row by row. `choice_` says which it was and why.

    Attributes (once fitted):
        weights_: (members,), as they are used: a single 1 where one model was kept.
        members_: the members, fitted on all rows; `names_` are their names.
        losses_: the out-of-fold loss of each member by its name, and of "blend" with weights of the other folds.
        choice_: in words, whether it blends, and why.
        calibration_: what calibrates the mean, if that was asked for.
        classes_: of a blend of classifiers.
    """

    def __init__(
        self,
        members: Members,
        *,
        cv: Any = 5,
        keep: str = "auto",
        draw: float | str = "auto",
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            cv: number of folds, or a splitter: by groups (give `groups` to `fit`), by time (`TimeSeriesSplit`), as data ask for.
            keep: "auto": the best single member, unless the blend gains more than noise; "blend": always the blend.
            draw: how strongly weights are drawn towards equal ones; "auto": the less, the more rows there are; 0: not at all.
            calibrate: "sigmoid", "isotonic" or "temperature": the mean is calibrated on its out-of-fold predictions, each with
                weights of the other folds. Losses are of what is not calibrated.
            n_jobs: processes to fit in, as in scikit-learn.
        """
        self.members = members
        self.cv = cv
        self.keep = keep
        self.draw = draw
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Blend:  # noqa: N803
        """Fit the members on all rows, and the weights on what they predict out of fold.

        Args:
            X: (rows, features): arrays, data frames or sparse matrices, as the members take them.
            y: (rows,) labels or values; (rows, outputs) where all members take that.
            sample_weight: (rows,); all members have to take it.
            groups: (rows,), for a `cv` by groups.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or data are too few for the folds.
        """
        self._checked_members()
        if self.keep not in ("auto", "blend"):
            raise ValueError(f'keep is "auto" or "blend", and not {self.keep!r}')
        if self.draw != "auto" and not (isinstance(self.draw, (int, float)) and 0 <= self.draw < float("inf")):
            raise ValueError(f'draw is "auto" or a number of 0 or more, and not {self.draw!r}')
        told = self._out_of_fold(X, y, sample_weight, groups)
        self._choose(told)
        blends = np.count_nonzero(self.weights_) > 1
        self._calibrate(told, lambda rows: self._fitted(told, rows).weights if blends else self.weights_)
        return self

    def _choose(self, told: OutOfFold) -> None:
        """The weights, and whether they are used."""
        alone = told.losses_alone()
        means = [told.mean(each) for each in alone]
        best = int(np.argmin(means))
        blended, single = self._cross_fitted(told), told.best_of_others(alone)
        self.losses_ = dict(zip(self.names_, means, strict=True)) | {"blend": told.mean(blended)}
        gain, noise = told.gain(single - blended)
        name = self.names_[best]
        words = f"the blend's out-of-fold loss is {self.losses_['blend']:.6g}, that of {name} alone {means[best]:.6g}"
        if len(self.names_) == 1:
            self.weights_, self.choice_ = np.ones(1), f"there is only {name}"
        elif self.keep == "blend" or gain > _NOISE * noise:
            self.weights_ = self._fitted(told, told.seen).weights
            why = (
                "as was asked for"
                if self.keep == "blend"
                else f"it gains {gain:.3g}, with a standard error of {noise:.2g}"
            )
            self.choice_ = f"it blends: {words}; {why}"
        else:
            self.weights_ = np.eye(len(self.names_))[best]
            self.choice_ = (
                f"{name} alone is kept: {words}; the gain of {gain:.3g} is within its standard error of {noise:.2g}"
            )

    def _fitted(self, told: OutOfFold, rows: NDArray[np.bool_]) -> Fitted:
        """The weights that are best on these rows."""
        given, shares = told.given[:, rows], told.shares[rows]
        draw = len(given) / max(int(rows.sum()), 1) if isinstance(self.draw, str) else float(self.draw)
        if told.classes is not None:
            return log_loss_weights(given, shares, draw=draw)
        return squared_loss_weights(told.truth[rows], given, shares, draw=draw)

    def _cross_fitted(self, told: OutOfFold) -> Array:
        """(rows,) losses of the blend, with the weights of the other folds."""
        found = np.full(len(told.seen), np.nan)
        for here, others in told.by_fold():
            found[here] = told.losses(self._fitted(told, others).weights)[here]
        return found
