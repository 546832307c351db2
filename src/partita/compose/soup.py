"""One model whose weights are the mean of several models' weights (Wortsman et al., 2022): as fast as one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.metaestimators import available_if

from partita.compose.folds import aligned, fit_all, splits_of
from partita.compose.members import Composition, Members
from partita.compose.tensors import average_states, is_module, states_of, with_state

__all__ = ["Soup", "Stirred", "stir"]

Array = NDArray[np.float64]
Score = Callable[[Any], float]

_WAYS = ("uniform", "greedy")


@dataclass(frozen=True)
class Stirred:
    """A soup, and what is in it."""

    model: Any  # of the kind that was given: a module, a dictionary of tensors, or a linear model
    taken: tuple[int, ...]  # numbers of the models that are in it, in the order in which they were added
    score: float | None  # how good it is, where that was measured


def stir(
    models: Sequence[Any],
    how: str = "uniform",
    *,
    weights: Any = None,
    score: Score | None = None,
    statistics: Iterable[Any] | None = None,
) -> Stirred:
    """The mean of the weights of models of one shape, which have been fitted: from one start, on other data or otherwise.

    Args:
        models: modules of PyTorch, dictionaries of their tensors (`state_dict()`), or linear models of scikit-learn.
        how: "uniform": all; "greedy": from the best one on, each that does not make the score worse.
        weights: (models,), none below 0: how much each counts; default: all alike. Not with "greedy".
        score: of a model, on rows that no model was fitted on: more is better. For "greedy".
        statistics: batches of inputs, for models with batch normalisation: the means and variances that it keeps are found anew.
            Without them they are averaged as all is. What counts batches is that of the first.

    Raises:
        ValueError: models differ (the first tensor that does is named), or a parameter is wrong.
    """
    if isinstance(models, (str, Mapping)) or not len(models):
        raise ValueError("a soup is made of a list of models")
    _check_way(how)
    shares = _shares(weights, len(models))
    batches = None if statistics is None else list(statistics)
    if how == "uniform":
        model = _mean(models, shares, batches)
        return Stirred(model, tuple(range(len(models))), None if score is None else float(score(model)))
    if weights is not None or score is None:
        raise ValueError("a greedy soup takes a score, and no weights")
    _mean(models, shares, None)  # whether they go together is told before anything is measured
    alone = [float(score(model)) for model in models]
    order = [int(number) for number in np.argsort(-np.asarray(alone), kind="stable")]
    taken, best, found = order[:1], alone[order[0]], models[order[0]]
    for number in order[1:]:
        tried = [models[each] for each in [*taken, number]]
        mixed = _mean(tried, _shares(None, len(tried)), batches)
        reached = float(score(mixed))
        if reached >= best:
            taken, best, found = [*taken, number], reached, mixed
    return Stirred(copy.deepcopy(found), tuple(taken), best)


def _check_way(how: str) -> None:
    if how not in _WAYS:
        raise ValueError(f"how is one of {', '.join(_WAYS)}, and not {how!r}")


def _shares(weights: Any, count: int) -> Array:
    if weights is None:
        return np.full(count, 1.0 / count)
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (count,) or not np.all(np.isfinite(found)) or np.any(found < 0) or not found.sum() > 0:
        raise ValueError(f"weights of {count} models are as many finite numbers, none below 0, not all 0")
    shares: Array = found / found.sum()
    return shares


def _mean(models: Sequence[Any], shares: Array, statistics: Any) -> Any:
    if not all(is_module(model) or isinstance(model, Mapping) for model in models):
        return _linear_mean(models, shares)
    return with_state(models[0], average_states(states_of(models), shares.tolist()), statistics)


def _linear_mean(models: Sequence[Any], shares: Array) -> Any:
    """A copy of the first linear model with the mean of coefficients and intercepts."""
    for number, model in enumerate(models):
        if not hasattr(model, "coef_") or not hasattr(model, "intercept_"):
            raise ValueError(
                f"model {number} has no coef_ and intercept_; a soup is made of fitted linear models, or of modules of PyTorch"
            )
    made = copy.deepcopy(models[0])
    for name in ("coef_", "intercept_"):
        arrays = [np.asarray(_dense(getattr(model, name)), dtype=np.float64) for model in models]
        for number, array in enumerate(arrays):
            if array.shape != arrays[0].shape:
                raise ValueError(
                    f"{name} is {arrays[0].shape} in model 0 and {array.shape} in model {number}; take models of one shape"
                )
        mean = np.tensordot(shares, np.array(arrays), axes=1)
        setattr(made, name, mean if mean.ndim else float(mean))
    classes = [np.asarray(getattr(model, "classes_", [])) for model in models]
    for number, each in enumerate(classes):
        if not np.array_equal(each, classes[0]):
            raise ValueError(f"model 0 and model {number} know other classes; fit them on the same")
    return made


def _dense(coefficients: Any) -> Any:
    return coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients


def _gives_probabilities(soup: Soup) -> bool:
    members = soup._named()
    if soup._kind != "classifier" or not members or not hasattr(members[0][1], "predict_proba"):
        raise AttributeError("only a soup of classifiers that predict probabilities does so")
    return True


class Soup(Composition):
    """One linear model, with the mean of the members' coefficients: what it predicts is the mean of what they predict.

    Of classifiers, that is so for `decision_function`. Members are linear models of scikit-learn of one class (of one kind of
    loss, and so of one link), with other parameters, seeds, or rows. For models of PyTorch there is `stir`.

    Attributes (once fitted):
        model_: the soup, of the first member's class. `members_`, `names_`: the members, fitted on all rows.
        taken_: names of the members that are in it, in the order in which they were added.
        scores_: out of fold, of each member by its name, and of "soup": accuracy, or the squared loss below 0.
        coef_, intercept_: of the soup; `classes_`: of a soup of classifiers.
    """

    _looks_at_inputs = True

    def __init__(self, members: Members, *, how: str = "uniform", cv: Any = 5, n_jobs: int | None = None) -> None:
        """
        Args:
            members: linear models, or pairs of a name and one: all regressors, or all classifiers.
            how: "uniform": all; "greedy": from the best one on, each that does not make the out-of-fold score worse.
            cv: number of folds, or a splitter, as in scikit-learn.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.how = how
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Soup:  # noqa: N803
        """Fit the members on all rows, and choose who is in the soup by what they predict out of fold.

        Raises:
            ValueError: members do not go together, are not linear, or a parameter is wrong.
        """
        members = self._checked_members()
        _check_way(self.how)
        kinds = {type(member).__name__ for _, member in members}
        if len(kinds) > 1:
            raise ValueError(f"a soup is made of models of one class, and these are {', '.join(sorted(kinds))}")
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        is_classifier = self._kind == "classifier"
        splits = splits_of(self.cv, X, y, groups, is_classifier=is_classifier)
        if is_classifier:
            y_at = np.searchsorted(self.classes_, y)
            linear = [(name, _Linear(member, self.classes_)) for name, member in members]
        else:
            y_at, linear = np.asarray(y, dtype=np.float64), [(name, _Linear(member, None)) for name, member in members]
        folds = fit_all(linear, X, y, splits, sample_weight=rows, n_jobs=self.n_jobs)
        self.names_ = [name for name, _ in members]
        self.members_ = [each.member for each in folds.fitted]
        seen = folds.seen
        shares = np.ones(len(y)) if rows is None else rows
        judged = _Judged(folds.predictions[:, seen], y_at[seen], shares[seen] / shares[seen].sum(), is_classifier)
        taken = judged.greedy() if self.how == "greedy" else list(range(len(members)))
        self.taken_ = [self.names_[number] for number in taken]
        self.scores_ = {name: judged.score([number]) for number, name in enumerate(self.names_)}
        self.scores_["soup"] = judged.score(taken)
        self.model_ = _linear_mean([self.members_[number] for number in taken], _shares(None, len(taken)))
        self.coef_, self.intercept_ = self.model_.coef_, self.model_.intercept_
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        X = self._looked_at(X)  # noqa: N806
        return self.model_.predict(X)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        X = self._looked_at(X)  # noqa: N806
        return aligned(self.model_, X, self.classes_)


class _Linear(BaseEstimator):  # type: ignore[misc]
    """A linear member whose linear part is called `predict`, as folds ask: values, or how far each class is ahead."""

    def __init__(self, member: Any, classes: NDArray[Any] | None) -> None:
        self.member = member
        self.classes = classes

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Linear:  # noqa: N803
        self.member.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        if not hasattr(self.member, "coef_") or not hasattr(self.member, "intercept_"):
            raise ValueError(
                f"{type(self.member).__name__} has no coef_ and intercept_; a soup is made of linear models"
            )
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        linear = safe_sparse_dot(X, _dense(self.member.coef_).T, dense_output=True) + self.member.intercept_
        if self.classes is None:
            return linear
        linear = np.column_stack([-linear, linear]) if linear.ndim == 1 or linear.shape[1] == 1 else linear
        found = np.full((len(linear), len(self.classes)), -np.inf)
        found[:, np.searchsorted(self.classes, self.member.classes_)] = linear
        return found


class _Judged:
    """Out-of-fold linear parts, and how good the mean of some is."""

    def __init__(self, linear: Array, truth: Any, shares: Array, is_classifier: bool) -> None:
        self.linear, self.truth, self.shares, self.is_classifier = linear, truth, shares, is_classifier

    def score(self, taken: Sequence[int]) -> float:
        mean = self.linear[list(taken)].mean(axis=0)
        if self.is_classifier:
            return float(self.shares @ (np.argmax(mean, axis=1) == self.truth))
        square = (mean - self.truth) ** 2
        return float(-self.shares @ (square if square.ndim == 1 else square.mean(axis=1)))

    def greedy(self) -> list[int]:
        alone = [self.score([number]) for number in range(len(self.linear))]
        order = [int(number) for number in np.argsort(-np.asarray(alone), kind="stable")]
        taken, best = order[:1], alone[order[0]]
        for number in order[1:]:
            reached = self.score([*taken, number])
            if reached >= best:
                taken, best = [*taken, number], reached
        return taken
