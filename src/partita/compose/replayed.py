"""Compositions tried on what members have predicted already: nothing but what joins the members is fitted.

Stand-ins take the members' places. Their inputs are numbers of rows, and what they predict for a row is what the member
predicted of it out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from partita.compose.folds import Folds, aligned, fitted_before
from partita.compose.members import named
from partita.compose.weighted import OutOfFold

__all__ = ["cross_fitted", "fitted_members", "stand_ins", "standing_in", "with_members"]

Array = NDArray[np.float64]


class _Told(BaseEstimator):  # type: ignore[misc]
    """Predicts what was predicted; its inputs are numbers of rows."""

    def __init__(self, predictions: Any, classes: Any = None) -> None:
        self.predictions = predictions
        self.classes = classes

    def __sklearn_clone__(self) -> _Told:
        return self  # nothing is learned, and predictions may be large

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Told:  # noqa: N803
        self.classes_ = self.classes
        return self

    def _of(self, X: Any) -> Array:  # noqa: N803
        return np.asarray(self.predictions[np.asarray(X)[:, 0].astype(np.int64)])


class _ToldClassifier(ClassifierMixin, _Told):  # type: ignore[misc]
    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[np.argmax(self._of(X), axis=1)]

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        return self._of(X)


class _ToldRegressor(RegressorMixin, _Told):  # type: ignore[misc]
    def predict(self, X: Any) -> Array:  # noqa: N803
        return self._of(X)


def stand_ins(names: Sequence[str], predictions: Array, classes: NDArray[Any] | None) -> list[tuple[str, Any]]:
    """Members that predict what others have.

    Args:
        predictions: (members, rows[, classes]).
    """
    kind = _ToldRegressor if classes is None else _ToldClassifier
    return [(name, kind(each, classes)) for name, each in zip(names, predictions, strict=True)]


def with_members(composition: Any, members: Sequence[tuple[str, Any]]) -> Any:
    """The composition, not fitted, of other members."""
    parameters = {name: clone(value, safe=False) for name, value in composition.get_params(deep=False).items()}
    return type(composition)(**{**parameters, "members": list(members)})


def cross_fitted(composition: Any, told: OutOfFold, members: Sequence[tuple[str, Any]]) -> Array:
    """(rows[, classes]): what the composition predicts of each fold, with what joins its members fitted on the other folds.

    Args:
        members: stand-ins.

    Raises:
        ValueError: the composition looks at the inputs themselves, which are not there.
    """
    if _looks_at_inputs(composition):
        raise ValueError(
            f"{_called(composition)} looks at inputs, and is not tried on predictions alone; fit it and compare"
        )
    found: Array | None = None
    for here, others in (tuple(map(np.flatnonzero, pair)) for pair in told.by_fold()):
        made = with_members(composition, members)
        if hasattr(made, "cv"):
            made.cv = _among(told.fold[others])
        weights = {} if np.all(told.shares == 1.0) else {"sample_weight": told.shares[others]}
        made.fit(others[:, None].astype(np.float64), told.labels[others], **weights)
        part = aligned(made, here[:, None].astype(np.float64), told.classes)
        if found is None:
            found = np.full((len(told.seen), *part.shape[1:]), np.nan)
        found[here] = part
    assert found is not None
    return found


def _looks_at_inputs(composition: Any) -> bool:
    return bool(getattr(composition, "passthrough", False) or getattr(composition, "_looks_at_inputs", False))


def _called(composition: Any) -> str:
    name = type(composition).__name__.lower()
    return f"a {name} with passthrough" if getattr(composition, "passthrough", False) else f"a {name}"


def _among(fold: NDArray[np.int64]) -> Any:
    """The folds of some rows, as pairs of places among them; two halves where there is one fold."""
    numbers = np.unique(fold)
    if len(numbers) < 2:
        halves = np.arange(len(fold)) % 2
        return [(np.flatnonzero(halves != half), np.flatnonzero(halves == half)) for half in (0, 1)]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in numbers]


def fitted_members(composition: Any, folds: Folds, X: Any, y: Any, **given: Any) -> Any:  # noqa: N803
    """A composition, fitted with members that are fitted already, and what they predicted out of fold.

    What it asks for beyond that, as further layers do, is fitted.
    """
    given = {name: value for name, value in given.items() if value is not None}
    with fitted_before(named(composition.members), folds):
        return composition.fit(X, y, **given)


def standing_in(composition: Any, predictions: Array) -> Any:
    """A fitted composition whose inputs are numbers of rows, and whose members predict what is told of them.

    Args:
        predictions: (members, rows[, classes]), of the members in the order of `names_`.

    Raises:
        ValueError: its members cannot be stood in for, or it looks at the inputs themselves.
    """
    if _looks_at_inputs(composition):
        raise ValueError(f"{_called(composition)} looks at the inputs themselves")
    classes = composition.classes_ if composition._kind == "classifier" else None
    told = [member.fit(None, None) for _, member in stand_ins(composition.names_, predictions, classes)]
    made = copy(composition)
    made.n_features_in_ = 1
    if hasattr(made, "feature_names_in_"):
        del made.feature_names_in_
    if hasattr(made, "layers_"):
        made.layers_ = [told, *made.layers_[1:]]
    elif len(getattr(made, "members_", ())) == len(told):
        made.members_ = told
    else:
        raise ValueError(f"the members of a {type(composition).__name__} cannot be stood in for")
    return made
