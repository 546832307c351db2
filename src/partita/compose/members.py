"""The members of a composition: their names, their parameters, and what they have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils import ClassifierTags, RegressorTags, Tags, check_array, column_or_1d, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

__all__ = [
    "Composition",
    "Members",
    "Mixture",
    "is_of_classifiers",
    "named",
    "need_probabilities",
    "need_sample_weight",
    "rows_of",
    "targets_of",
]

#: Estimators, or pairs of a name and an estimator.
Members = Sequence[Any]


def named(members: Members) -> list[tuple[str, Any]]:
    """The members with their names; without one they are called after their class: "ridge", "ridge-2".

    Raises:
        ValueError: there are none, one is no estimator, or two have one name.
    """
    if isinstance(members, (str, bytes)) or not isinstance(members, Sequence) or not members:
        raise ValueError("a composition needs a list of members: estimators, or pairs of a name and an estimator")
    given = [tuple(each) if isinstance(each, (tuple, list)) else ("", each) for each in members]
    if any(len(each) != 2 or not isinstance(each[0], str) for each in given):
        raise ValueError("a member is an estimator, or a pair of a name and an estimator")
    for name, member in given:
        if not hasattr(member, "fit") or not (hasattr(member, "predict") or hasattr(member, "transform")):
            raise ValueError(f"the member {name or member!r} is no estimator: it has no fit and predict")
        if "__" in name:
            raise ValueError(f"the name {name!r} has two underscores in a row, which lead to a member's parameters")
    said = [name for name, _ in given if name]
    if len(set(said)) < len(said):
        twice = next(name for name, count in Counter(said).items() if count > 1)
        raise ValueError(f"two members are called {twice!r}; give each a name of its own")
    counts: Counter[str] = Counter()
    taken, found = set(said), []
    for name, member in given:
        own = name
        while not own or (not name and own in taken):
            stem = type(member).__name__.lower()
            counts[stem] += 1
            own = stem if counts[stem] == 1 else f"{stem}-{counts[stem]}"
        taken.add(own)
        found.append((own, member))
    return found


def rows_of(X: Any) -> Any:  # noqa: N803
    """Inputs of which some rows can be taken: data frames as they are, sparse matrices by rows, texts in a row, all else as an
    array.

    Raises:
        ValueError: they are no table, and no texts.
    """
    if getattr(X, "ndim", 0) == 1 or (isinstance(X, (list, tuple)) and len(X) and isinstance(X[0], str)):
        texts = np.asarray(X, dtype=object)
        if texts.ndim == 1 and len(texts) and all(isinstance(each, str) for each in texts):
            return texts
    if hasattr(X, "iloc") or hasattr(X, "__dataframe__"):
        return X
    return check_array(X, accept_sparse="csr", dtype=None, ensure_all_finite=False)


def need_probabilities(members: Sequence[tuple[str, Any]], remedy: str = "calibrate it: calibrated(member)") -> None:
    """
    Raises:
        ValueError: a member predicts none.
    """
    for name, member in members:
        if not hasattr(member, "predict_proba"):
            raise ValueError(f"the member {name} predicts no probabilities; {remedy}")


def need_sample_weight(members: Sequence[tuple[str, Any]]) -> None:
    """
    Raises:
        ValueError: a member cannot be told how much each row counts.
    """
    for name, member in members:
        if not has_fit_parameter(member, "sample_weight"):
            raise ValueError(f"the member {name} takes no sample_weight; leave it out, or take another member")


def targets_of(composition: Composition, y: Any) -> Any:
    """What is to be predicted, checked; a composition of classifiers learns its classes from it.

    Raises:
        ValueError: it is missing, or nothing that can be predicted so.
    """
    if y is None:
        raise ValueError("this estimator requires y to be passed, but the target y is None")
    if composition._kind == "regressor":
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    composition.classes_ = np.unique(y)
    return y


def is_of_classifiers(composition: Composition) -> bool:
    """Whether it predicts probabilities, as `available_if` asks.

    Raises:
        AttributeError: it does not.
    """
    if composition._kind != "classifier":
        raise AttributeError("only a composition of classifiers predicts probabilities")
    return True


class Composition(BaseEstimator):  # type: ignore[misc]
    """What compositions have in common: a parameter `members` and estimators in it, whose kind is that of the whole."""

    members: Members
    classes_: NDArray[Any]  # of a fitted composition of classifiers
    #: Whether it looks at inputs itself, and so cannot be tried on what members have predicted.
    _looks_at_inputs = False

    def _named(self) -> list[tuple[str, Any]]:
        """Names and members; none, where they are wrong."""
        try:
            return named(self.members)
        except ValueError:
            return []

    @property
    def _kind(self) -> str:
        """ "classifier", "regressor" or "" where that cannot be said."""
        members = [member for _, member in self._named()]
        if not members:
            return ""
        if all(is_classifier(member) for member in members):
            return "classifier"
        return "regressor" if all(is_regressor(member) for member in members) else ""

    def _data(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:  # noqa: N803
        """Inputs, what is to be predicted, and how much each row counts (None: all alike), checked; features and classes
        are learned.

        Raises:
            ValueError: they do not go together.
        """
        X = rows_of(X)  # noqa: N806
        validate_data(self, X, skip_check_array=True)
        y = targets_of(self, y)
        check_consistent_length(X, y)
        return X, y, None if sample_weight is None else _check_sample_weight(sample_weight, X)

    def _checked_members(self) -> list[tuple[str, Any]]:
        """Names and members.

        Raises:
            ValueError: they do not go together.
        """
        members = named(self.members)
        if not self._kind:
            kinds = {
                name: "classifier" if is_classifier(m) else "regressor" if is_regressor(m) else "?"
                for name, m in members
            }
            told = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
            raise ValueError(f"the members are to be classifiers, or all regressors, and are {told}")
        return members

    # As scikit-learn asks

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; if `deep`, also the members by name and their parameters as "name__parameter"."""
        found: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for name, member in self._named():
                found[name] = member
                if hasattr(member, "get_params"):
                    found.update({f"{name}__{key}": value for key, value in member.get_params(deep=True).items()})
        return found

    def set_params(self, **params: Any) -> Composition:
        """Set parameters; a member is replaced by its name, and its parameters are set by "name__parameter"."""
        if "members" in params:
            self.members = params.pop("members")
        own = super().get_params(deep=False)
        members = self._named()
        replaced = {name: params.pop(name) for name, _ in members if name in params and name not in own}
        if replaced:
            self.members = [(name, replaced.get(name, member)) for name, member in members]
        super().set_params(**params)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        kind = self._kind
        if kind:
            tags.estimator_type = kind
            tags.target_tags.required = True
            each = [get_tags(member) for _, member in named(self.members)]
            tags.input_tags.sparse = all(one.input_tags.sparse for one in each)
            tags.input_tags.allow_nan = all(one.input_tags.allow_nan for one in each)
            if kind == "classifier":
                tags.classifier_tags = ClassifierTags(
                    multi_class=all(one.classifier_tags is None or one.classifier_tags.multi_class for one in each)
                )
            else:
                tags.regressor_tags = RegressorTags()
                tags.target_tags.multi_output = all(one.target_tags.multi_output for one in each)
        return tags

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Accuracy of a classifier, the coefficient of determination of a regressor."""
        return self._measured(y, self.predict(X), sample_weight)

    def _measured(self, truth: Any, told: Any, sample_weight: Any = None) -> float:
        from sklearn.metrics import accuracy_score, r2_score

        measure = accuracy_score if self._kind == "classifier" else r2_score
        return float(measure(truth, told, sample_weight=sample_weight))

    def _looked_at(self, X: Any) -> Any:  # noqa: N803
        """Inputs to predict for, whose features are those that it was fitted on."""
        check_is_fitted(self)
        X = rows_of(X)  # noqa: N806
        validate_data(self, X, reset=False, skip_check_array=True)
        return X


class Mixture(Composition, ABC):
    """A composition that predicts one mean of what its members do: of values, or of the probabilities of classes."""

    @abstractmethod
    def _mixed(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows,) values or (rows, classes) probabilities."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        mixed = self._mixed(X)
        return self.classes_[np.argmax(mixed, axis=1)] if self._kind == "classifier" else mixed

    @available_if(is_of_classifiers)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        return self._mixed(X)
