"""A weighted mean of models, whose weights are the best ones for rows that the models have not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, validate_data

from partita.compose.folds import Folds, aligned, fit_all, splits_of
from partita.compose.members import Composition, Members, rows_of, targets_of
from partita.compose.weights import Fitted, log_loss_weights, squared_loss_weights

__all__ = ["Blend"]

Array = NDArray[np.float64]

#: A blend is kept where it gains more than so many standard errors of the gain.
_NOISE = 1.0
_LEAST_PROBABILITY = 1e-15


def _is_classifier(blend: Blend) -> bool:
    if blend._kind != "classifier":
        raise AttributeError("only a blend of classifiers predicts probabilities")
    return True


class Blend(Composition):
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
        classes_: of a blend of classifiers.
    """

    def __init__(
        self,
        members: Members,
        *,
        cv: Any = 5,
        keep: str = "auto",
        draw: float | str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            cv: number of folds, or a splitter: by groups (give `groups` to `fit`), by time (`TimeSeriesSplit`), as data ask for.
            keep: "auto": the best single member, unless the blend gains more than noise; "blend": always the blend.
            draw: how strongly weights are drawn towards equal ones; "auto": the less, the more rows there are; 0: not at all.
            n_jobs: processes to fit in, as in scikit-learn.
        """
        self.members = members
        self.cv = cv
        self.keep = keep
        self.draw = draw
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
        members = self._checked_members()
        if self.keep not in ("auto", "blend"):
            raise ValueError(f'keep is "auto" or "blend", and not {self.keep!r}')
        if self.draw != "auto" and not (isinstance(self.draw, (int, float)) and 0 <= self.draw < float("inf")):
            raise ValueError(f'draw is "auto" or a number of 0 or more, and not {self.draw!r}')
        is_classifier = self._kind == "classifier"
        for name, member in members if is_classifier else ():
            if not hasattr(member, "predict_proba"):
                raise ValueError(
                    f"the member {name} predicts no probabilities; calibrate it (CalibratedClassifierCV), or let it vote"
                )
        X = rows_of(X)  # noqa: N806
        validate_data(self, X, skip_check_array=True)
        y = targets_of(self, y)
        check_consistent_length(X, y)
        rows = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        splits = splits_of(self.cv, X, y, groups, is_classifier=is_classifier)
        classes = self.classes_ if is_classifier else None
        folds = fit_all(members, X, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.names_ = [name for name, _ in members]
        self.members_ = folds.fitted
        self._choose(folds, y, rows)
        return self

    def _choose(self, folds: Folds, y: Any, rows: Array | None) -> None:
        """The weights, and whether they are used."""
        seen = folds.seen
        judged = _Judged(
            folds, y, self.classes_ if self._kind == "classifier" else None, rows, self._drawn(int(seen.sum()))
        )
        everything = judged.fit(seen)
        blended, single, best = judged.cross_fitted()
        losses = judged.of_members()
        self.losses_ = {name: float(loss) for name, loss in zip(self.names_, losses, strict=True)}
        self.losses_["blend"] = float(judged.mean(blended))
        gain, noise = judged.gain(single - blended)
        name = self.names_[best]
        told = f"the blend's out-of-fold loss is {self.losses_['blend']:.6g}, that of {name} alone {self.losses_[name]:.6g}"
        if len(self.names_) == 1:
            self.weights_, self.choice_ = np.ones(1), f"there is only {name}"
        elif self.keep == "blend" or gain > _NOISE * noise:
            self.weights_ = everything.weights
            why = (
                "as was asked for"
                if self.keep == "blend"
                else f"it gains {gain:.3g}, with a standard error of {noise:.2g}"
            )
            self.choice_ = f"it blends: {told}; {why}"
        else:
            self.weights_ = np.zeros(len(self.names_))
            self.weights_[best] = 1.0
            self.choice_ = (
                f"{name} alone is kept: {told}; the gain of {gain:.3g} is within its standard error of {noise:.2g}"
            )

    def _drawn(self, rows: int) -> float:
        return len(self.names_) / max(rows, 1) if isinstance(self.draw, str) else float(self.draw)

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        mixed = self._mixed(X)
        return self.classes_[np.argmax(mixed, axis=1)] if self._kind == "classifier" else mixed

    @available_if(_is_classifier)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        return self._mixed(X)

    def _mixed(self, X: Any) -> Array:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        classes = self.classes_ if self._kind == "classifier" else None
        used = np.flatnonzero(self.weights_)
        return np.asarray(sum(self.weights_[at] * aligned(self.members_[at], X, classes) for at in used))


class _Judged:
    """Out-of-fold predictions with what is true: losses row by row, and weights fitted on some of them."""

    def __init__(self, folds: Folds, y: Any, classes: Any, rows: Array | None, draw: float) -> None:
        self._folds, self._draw = folds, draw
        self._shares = np.ones(len(y)) if rows is None else np.asarray(rows, dtype=np.float64)
        self._is_classifier = classes is not None
        if classes is not None:
            at = np.searchsorted(classes, y)
            self._given = folds.predictions[:, np.arange(len(y)), at]  # (members, rows): of the true class
        else:
            self._truth, self._given = np.asarray(y, dtype=np.float64), folds.predictions

    def fit(self, rows: NDArray[np.bool_]) -> Fitted:
        """The weights that are best on these rows."""
        given, shares = self._given[:, rows], self._shares[rows]
        if self._is_classifier:
            return log_loss_weights(given, shares, draw=self._draw)
        return squared_loss_weights(self._truth[rows], given, shares, draw=self._draw)

    def _losses(self, weights: Array) -> Array:
        """(rows,): what the members lose with these weights."""
        mixed = np.tensordot(weights, self._given, axes=1)
        if self._is_classifier:
            return np.asarray(-np.log(np.maximum(mixed, _LEAST_PROBABILITY)))
        square = (self._truth - mixed) ** 2
        return np.asarray(square if square.ndim == 1 else square.mean(axis=1))

    def of_members(self) -> Array:
        """(members,): the mean loss of each alone."""
        count = len(self._given)
        return np.array([self.mean(self._losses(np.eye(count)[at])) for at in range(count)])

    def mean(self, losses: Array) -> float:
        seen = self._folds.seen
        return float(np.average(losses[seen], weights=self._shares[seen]))

    def cross_fitted(self) -> tuple[Array, Array, int]:
        """(rows,) losses of the blend and of the best member, each chosen on the other folds; and the best member of all."""
        count = len(self._given)
        alone = np.array([self._losses(np.eye(count)[at]) for at in range(count)])
        seen = self._folds.seen
        blended, single = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
        for fold in np.unique(self._folds.fold[seen]):
            here = self._folds.fold == fold
            others = seen & ~here
            if not others.any() or not self._shares[others].sum() > 0:
                others = seen
            blended[here] = self._losses(self.fit(others).weights)[here]
            best = int(np.argmin([np.average(each[others], weights=self._shares[others]) for each in alone]))
            single[here] = alone[best][here]
        return blended, single, int(np.argmin(self.of_members()))

    def gain(self, gains: Array) -> tuple[float, float]:
        """The mean of what is gained a row, and its standard error."""
        seen = self._folds.seen
        shares = self._shares[seen] / self._shares[seen].sum()
        mean = float(shares @ gains[seen])
        spread = float(np.sqrt(shares @ (gains[seen] - mean) ** 2))
        return mean, spread * float(np.sqrt(np.sum(shares**2)))
