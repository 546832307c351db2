"""Models on models: what some predict is what others learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from partita.compose.calibration import Calibration, calibration_of, need_calibration
from partita.compose.folds import Folds, Split, aligned, among, fit_all, lasting, splits_of
from partita.compose.members import Composition, Members, named, need_probabilities

__all__ = ["Stack"]

Array = NDArray[np.float64]


def _gives_probabilities(stack: Stack) -> bool:
    final = getattr(stack, "final_", None) or stack._final()
    if stack._kind != "classifier" or not hasattr(final, "predict_proba"):
        raise AttributeError("only a stack of classifiers whose final model predicts probabilities does so")
    return True


class Stack(Composition):
    """A final model that learns from what the members predict, of rows that they were not fitted on.

    With further layers, their members learn so from the layer before, and the final model from the last one.

    Attributes (once fitted):
        final_: the final model.
        layers_: of each layer the fitted members; `names_` are the names of the first.
        calibration_: what calibrates the final model, if that was asked for.
        classes_: of a stack of classifiers.
    """

    def __init__(
        self,
        members: Members,
        final: Any = None,
        *,
        further: Sequence[Members] = (),
        cv: Any = 5,
        repeats: int = 1,
        passthrough: bool = False,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: of the first layer: estimators, or pairs of a name and an estimator, all classifiers or all regressors.
            final: any estimator of that kind; default: a logistic regression, or a ridge regression whose strength is
                chosen by cross-validation.
            further: members of further layers.
            cv: number of folds, a splitter, or pairs of rows to fit on and rows to predict, as in scikit-learn. A layer predicts
                the rows that are left out; the next one is fitted on these alone, by a splitter that is asked anew, or by the
                pairs as far as they are of these rows.
            repeats: so many times folds are drawn anew, and the mean of predictions counts; for a number of folds only.
            passthrough: whether each layer, and the final model, see the inputs beside the predictions.
            calibrate: "sigmoid", "isotonic" or "temperature": the final model is calibrated on its out-of-fold predictions.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.final = final
        self.further = further
        self.cv = cv
        self.repeats = repeats
        self.passthrough = passthrough
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def _final(self) -> Any:
        if self.final is not None:
            return self.final
        return LogisticRegression() if self._kind == "classifier" else RidgeCV()

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Stack:  # noqa: N803
        """Fit the layers one after the other, and the final model.

        Args:
            sample_weight: (rows,); all members and the final model have to take it.
            groups: (rows,), for a `cv` by groups.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or data are too few for the folds.
        """
        self._check_calibrate()
        layers = [self._checked_members(), *(named(each) for each in self.further)]
        is_kind = is_classifier if self._kind == "classifier" else is_regressor
        for name, member in [*(each for layer in layers[1:] for each in layer), ("final", self._final())]:
            if not is_kind(member):
                raise ValueError(f"{name} is no {self._kind}, and the first layer's members are")
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        if rows is not None and not has_fit_parameter(self._final(), "sample_weight"):
            raise ValueError("the final model takes no sample_weight; leave it out, or take another one")
        self.names_ = [name for name, _ in layers[0]]
        self.layers_: list[list[Any]] = []
        self._mode = [self._modes(layer) for layer in layers]
        inputs, cv = X, lasting(self.cv)
        for number, layer in enumerate(layers):
            repeated = self._splits(cv, X, y, groups)
            folds = self._layer(layer, inputs, y, repeated, rows)
            self.layers_.append(folds[0].fitted)
            predicted = np.mean([each.predictions for each in folds], axis=0)
            inputs = self._beside(list(predicted), self._mode[number], X)
            if not folds[0].seen.all():  # what no fold has left out, as the first in time, is of no use from here on
                seen = np.flatnonzero(folds[0].seen)
                cv = among(cv, seen, len(y)) if number + 1 < len(layers) or self.calibrate is not None else cv
                X, y, inputs = (_safe_indexing(each, seen) for each in (X, y, inputs))  # noqa: N806
                rows, groups = (None if each is None else _safe_indexing(each, seen) for each in (rows, groups))
        final = clone(self._final())
        weights = {} if rows is None else {"sample_weight": rows}
        self.final_ = final.fit(inputs, y, **weights)
        self.calibration_: Calibration | None = None
        if self.calibrate is not None:
            self.calibration_ = self._calibrated_final(inputs, y, self._splits(cv, inputs, y, groups)[0], rows)
        return self

    def _check_calibrate(self) -> None:
        need_calibration(self.calibrate, self._kind)
        if self.calibrate is not None and not hasattr(self._final(), "predict_proba"):
            raise ValueError("the final model predicts no probabilities to calibrate; leave calibrate out")

    def _calibrated_final(self, inputs: Array, y: Any, splits: Sequence[Split], rows: Array | None) -> Calibration:
        final = [("final", self._final())]
        told: dict[str, Any] = {"classes": self.classes_, "n_jobs": self.n_jobs}
        folds = fit_all(final, inputs, y, splits, sample_weight=rows, refit=False, **told)
        shares, seen = np.ones(len(y)) if rows is None else rows, folds.seen
        at = np.searchsorted(self.classes_, y[seen])
        return calibration_of(str(self.calibrate), folds.predictions[0][seen], at, shares[seen])

    def _splits(self, cv: Any, X: Any, y: Any, groups: Any) -> list[list[Split]]:  # noqa: N803
        if not isinstance(self.repeats, int) or self.repeats < 1:
            raise ValueError(f"repeats is a whole number of 1 or more, and not {self.repeats!r}")
        is_kind = self._kind == "classifier"
        if self.repeats == 1:
            return [splits_of(cv, X, y, groups, is_classifier=is_kind)]
        if not isinstance(self.cv, int):
            raise ValueError(
                "folds are drawn anew where cv is their number; leave repeats out, or give a splitter that repeats"
            )
        splitter = StratifiedKFold if is_kind else KFold
        return [
            splits_of(splitter(self.cv, shuffle=True, random_state=repeat), X, y, groups, is_classifier=is_kind)
            for repeat in range(self.repeats)
        ]

    def _modes(self, layer: Sequence[tuple[str, Any]]) -> list[bool]:
        """Whether each member is asked for probabilities."""
        return [self._kind == "classifier" and hasattr(member, "predict_proba") for _, member in layer]

    def _layer(
        self,
        layer: Sequence[tuple[str, Any]],
        inputs: Any,
        y: Any,
        repeated: Sequence[Sequence[Split]],
        rows: Array | None,
    ) -> list[Folds]:
        """What the members predict out of fold, in each repeat."""
        if self._kind == "classifier":
            need_probabilities(layer)
        classes = self.classes_ if self._kind == "classifier" else None
        return [
            fit_all(layer, inputs, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs, refit=not number)
            for number, splits in enumerate(repeated)
        ]

    def _beside(self, predicted: Sequence[Array], modes: Sequence[bool], X: Any) -> Array:  # noqa: N803
        """What the next layer sees: (rows, features)."""
        columns = []
        for told, mode in zip(predicted, modes, strict=True):
            if mode:
                columns.append(told[:, 1:] if told.shape[1] == 2 else told)  # of two classes, one says all
            else:
                columns.append(told[:, None] if told.ndim == 1 else told)
        found = np.column_stack(columns)
        if not self.passthrough:
            return found
        if hasattr(X, "toarray"):
            X = X.toarray()  # noqa: N806
        return np.column_stack([found, np.asarray(X)])

    def inputs_of_final(self, X: Any) -> Array:  # noqa: N803
        """What the final model sees: (rows, features)."""
        X = self._looked_at(X)  # noqa: N806
        classes = self.classes_ if self._kind == "classifier" else None
        inputs = X
        for members, modes in zip(self.layers_, self._mode, strict=True):
            inputs = self._beside([aligned(member, inputs, classes) for member in members], modes, X)
        return np.asarray(inputs)

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        inputs = self.inputs_of_final(X)
        if self.calibration_ is None:
            return self.final_.predict(inputs)
        return self.classes_[np.argmax(self.calibration_(aligned(self.final_, inputs, self.classes_)), axis=1)]

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        inputs = self.inputs_of_final(X)
        told = aligned(self.final_, inputs, self.classes_)
        return told if self.calibration_ is None else self.calibration_(told)
