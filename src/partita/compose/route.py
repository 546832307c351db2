"""Each row to the member that is best for it, and none to anybody where it is out of scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from partita.compose.calibration import cross_calibrated, need_calibration
from partita.compose.folds import Split, aligned, fit_all, splits_of
from partita.compose.members import Composition, Members, is_of_classifiers, need_probabilities
from partita.compose.scope import ScopeScores, is_learned, scope_threshold, share_kept

__all__ = ["Route"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Rule = Callable[[Any], Sequence[str]]

_LEAST_PROBABILITY = 1e-15


class Route(Composition):
    """A router sends each row to one member, which alone answers it: by a rule, or by what it has learned.

    A learned router is a classifier that is fitted on which member has the least loss out of fold; rows count the more, the more
    depends on who answers them. Rows that are out of scope are answered by nobody: they are predicted as `outside`.

    Attributes (once fitted):
        members_, names_: the members, fitted, and their names. `router_`: the router, where it is learned.
        losses_: the out-of-fold loss (log loss, or squared loss) of each member alone, and of "route", routed by other folds.
        threshold_: from what score on a row is in scope, where that is looked at; and out of fold with it:
        kept_: the share of the rows in scope that is kept, `found_` that of the others that is found (not a number where there
            are none), and `accuracy_` the share of the rows in scope that is kept and answered rightly, by classifiers.
        classes_: of classifiers, with `outside`.
    """

    _looks_at_inputs = True

    def __init__(
        self,
        members: Members,
        by: Any = None,
        *,
        own: bool = False,
        out_of_scope: Any = None,
        outside: Any = None,
        keep: float | None = None,
        accuracy: float | None = None,
        cv: Any = 5,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            by: a function of rows that gives the names of who answers them; or a classifier that learns it. Default: a forest.
            own: with a rule: whether a member learns from the rows that are its own only.
            out_of_scope: how rows that are out of scope are told: "confidence" (the probability of the most probable class);
                an outlier detector with `fit` and `score_samples`; or a classifier with `predict_proba`, which learns it from
                rows that are labelled `outside`. None: all are in scope.
            outside: what is predicted for them; rows with this label in `y` are examples of what is out of scope, which no
                member learns from. Default of regressors: not a number.
            keep: of the rows in scope, the share that is to be kept. Default: what separates best the rows that are labelled
                `outside`; where there are none, 0.95.
            accuracy: instead, of classifiers: of the rows in scope, the share that is to be kept and answered rightly.
            cv: number of folds, or a splitter, as in scikit-learn.
            calibrate: "sigmoid", "isotonic" or "temperature": what is answered is calibrated, out of fold, before anything
                depends on how sure it is.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.by = by
        self.own = own
        self.out_of_scope = out_of_scope
        self.outside = outside
        self.keep = keep
        self.accuracy = accuracy
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Route:  # noqa: N803
        """Fit the members, the router, and from what score on a row is in scope.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or an accuracy is not reached.
        """
        members = self._checked_members()
        need_calibration(self.calibrate, self._kind)
        self._check_parameters(members)
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        inside = self._inside(y)
        self._outputs = y.shape[1] if y.ndim > 1 else None  # of regressors, where there are several
        splits = splits_of(self.cv, X, y, groups, is_classifier=self._kind == "classifier")
        self.names_ = [name for name, _ in members]
        taught = [(name, _Own(member, self.by, name) if self.own else member) for name, member in members]
        folds = _Folds(X, splits, inside, self.n_jobs)
        fitted, predictions, seen = folds.fitted(taught, y, rows, self._known)
        self.members_ = [member.member_ for member in fitted] if self.own else fitted
        told = _Told(predictions, y, self._known, inside & seen, np.ones(len(y)) if rows is None else rows)
        route, judged = self._routed(folds, told, seen)
        answers = predictions[route, np.arange(len(y))]
        if self._known is not None:
            # What is outside has no class: it is calibrated, and does not count.
            crossed, calibrations = cross_calibrated(
                self.calibrate, answers[None], told.at, np.where(judged, folds.number, -1), told.shares * inside
            )
            answers, self._calibrations = crossed[0], calibrations
        if self.out_of_scope is not None:
            self._find_scope(folds, answers, told, judged, y)
        return self

    def _check_parameters(self, members: Sequence[tuple[str, Any]]) -> None:
        if self._kind == "classifier":
            need_probabilities(members, "calibrate it: calibrated(member)")
        if self.by is not None and not callable(self.by) and not is_learned(self.by):
            raise ValueError(f"by is a function of rows, or a classifier, and not {self.by!r}")
        if self.own and not callable(self.by):
            raise ValueError("rows are a member's own where a rule says so; give one as by, or leave own out")
        if self.out_of_scope is None:
            return
        scope = self.out_of_scope
        if scope == "confidence" and self._kind != "classifier":
            raise ValueError("only classifiers say how sure they are; let out_of_scope be an outlier detector")
        if scope != "confidence" and not hasattr(scope, "score_samples") and not is_learned(scope):
            raise ValueError(f'out_of_scope is "confidence", an outlier detector or a classifier, and not {scope!r}')
        if self.outside is None and self._kind == "classifier":
            raise ValueError("say what is predicted for rows that are out of scope: outside=")
        if self.keep is not None and self.accuracy is not None:
            raise ValueError("give a share to keep or an accuracy to reach, and not both")
        if self.accuracy is not None and self._kind != "classifier":
            raise ValueError("an accuracy is of classifiers; give a share to keep")
        for name in ("keep", "accuracy"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, and not {value!r}")

    def _inside(self, y: Any) -> NDArray[np.bool_]:
        """Which rows are in scope; classes are learned."""
        self._known: NDArray[Any] | None = self.classes_ if self._kind == "classifier" else None
        if self._known is None or self.outside is None:
            return np.ones(len(y), dtype=bool)
        label = np.asarray([self.outside])
        if (label.dtype.kind in "US") != (y.dtype.kind in "USO"):
            raise ValueError(
                f"outside is a label as the others are, {self.classes_[0]!r} for one, and not {self.outside!r}"
            )
        inside = np.asarray(y != self.outside)
        if self.out_of_scope is None:
            if not inside.all():
                raise ValueError(f"rows are labelled {self.outside!r}; say how such are told: out_of_scope=")
            return inside
        if is_learned(self.out_of_scope) and inside.all():
            raise ValueError(
                f"a classifier learns what is out of scope from rows with the label {self.outside!r}, and there are none"
            )
        self._known = np.unique(y[inside])
        self.classes_ = np.unique(np.concatenate([self._known, label]))
        return inside

    def _routed(self, folds: _Folds, told: _Told, seen: NDArray[np.bool_]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Who answers each row, out of fold, and for which rows that can be said."""
        losses = told.losses()
        router = RandomForestClassifier(min_samples_leaf=5, random_state=0) if self.by is None else self.by
        self.router_: Any = None
        route, judged = np.zeros(len(seen), dtype=np.int64), seen
        if not is_learned(router):
            route = self._ruled(folds.X)
        elif len(self.names_) > 1:
            regret = (losses.mean(axis=0) - losses.min(axis=0)) * told.shares
            regret = np.where(told.usable, np.maximum(regret, 1e-12), 0.0)
            weights = regret if has_fit_parameter(router, "sample_weight") else None
            best = np.argmin(losses, axis=0)
            learned = _Folds(folds.X, folds.given, told.usable, self.n_jobs)
            fitted, numbers, learned_seen = learned.fitted([("router", _Router(router))], best, weights, None)
            self.router_, judged = fitted[0], seen & learned_seen
            route = np.where(judged, np.nan_to_num(numbers[0]), 0).astype(np.int64)
        rows = told.usable & judged
        self.losses_ = {
            name: told.mean(each, rows)
            for name, each in zip([*self.names_, "route"], [*losses, losses[route, np.arange(len(route))]], strict=True)
        }
        return route, judged

    def _find_scope(self, folds: _Folds, answers: Array, told: _Told, judged: NDArray[np.bool_], y: Any) -> None:
        self.detector_: ScopeScores | None = None
        if isinstance(self.out_of_scope, str):
            scores = answers.max(axis=1)
        else:
            by_label = is_learned(self.out_of_scope)
            learned = _Folds(
                folds.X, folds.given, np.ones_like(folds.inside) if by_label else folds.inside, self.n_jobs
            )
            scoring = [("scope", ScopeScores(self.out_of_scope))]
            fitted, given, _ = learned.fitted(scoring, folds.inside.astype(np.int64), None, None)
            self.detector_, scores = fitted[0], given[0]
        rows = np.flatnonzero(judged & np.isfinite(scores))
        inside, scores, shares = folds.inside[rows], scores[rows], told.shares[rows]
        right = None
        if self._known is not None:
            right = self._known[np.argmax(answers[rows], axis=1)] == y[rows]
        self.threshold_ = scope_threshold(scores, inside, shares, right=right, keep=self.keep, accuracy=self.accuracy)
        is_kept = scores >= self.threshold_
        self.kept_ = share_kept(is_kept, inside, shares)
        self.found_ = share_kept(~is_kept, ~inside, shares)
        self.accuracy_ = share_kept(is_kept & right, inside, shares) if right is not None else float("nan")

    def _ruled(self, X: Any) -> Numbers:  # noqa: N803
        """What the rule says, as numbers of members.

        Raises:
            ValueError: it names none of them, or not one for each row.
        """
        names = np.asarray(self.by(X))
        if names.shape != (X.shape[0],):
            raise ValueError(f"a rule gives {X.shape[0]} names for as many rows, and this one gave {names.shape}")
        unknown = sorted({str(name) for name in names.tolist()} - set(self.names_))
        if unknown:
            raise ValueError(f"the rule named {unknown[0]!r}, and members are {', '.join(self.names_)}")
        return np.array([self.names_.index(str(name)) for name in names.tolist()], dtype=np.int64)

    # What it answers

    def route_of(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """(rows,): the names of who answers."""
        return np.asarray(self.names_, dtype=object)[self._numbers(self._looked_at(X))]

    def _numbers(self, X: Any) -> Numbers:  # noqa: N803
        if self.router_ is not None:
            return np.asarray(self.router_.predict(X), dtype=np.int64)
        if self.by is None or is_learned(self.by):
            return np.zeros(X.shape[0], dtype=np.int64)
        return self._ruled(X)

    def scope_scores(self, X: Any) -> Array:  # noqa: N803
        """(rows,): how much each is in scope; from `threshold_` on it counts as such.

        Raises:
            ValueError: it was fitted without out_of_scope.
        """
        X = self._looked_at(X)  # noqa: N806
        if self.out_of_scope is None:
            raise ValueError("nothing is out of scope for it; give out_of_scope")
        return self._scored(X, self._answers(X) if self.detector_ is None else np.empty(0))

    def in_scope(self, X: Any) -> NDArray[np.bool_]:  # noqa: N803
        """(rows,): whether each is in scope."""
        return self.scope_scores(X) >= self.threshold_

    def _scored(self, X: Any, answers: Array) -> Array:  # noqa: N803
        return (
            answers.max(axis=1) if self.detector_ is None else np.asarray(self.detector_.predict(X), dtype=np.float64)
        )

    def _answers(self, X: Any) -> Array:  # noqa: N803
        """(rows,) values or (rows, classes) probabilities of those in scope, of whoever answers."""
        numbers = self._numbers(X)
        found: Array | None = None
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            told = aligned(self.members_[number], _safe_indexing(X, rows), self._known)
            found = np.zeros((X.shape[0], *told.shape[1:])) if found is None else found
            found[rows] = told
        assert found is not None
        return self._calibrations[0](found) if self._known is not None and self._calibrations else found

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values; `outside` where a row is out of scope."""
        told = self._told(X)
        return told if self._known is None else self.classes_[np.argmax(told, axis=1)]

    @available_if(is_of_classifiers)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`: of whoever answers; 1 for `outside` where a row is out of scope."""
        return self._told(X)

    def _told(self, X: Any) -> Array:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        answers = self._answers(X)
        if self.out_of_scope is None:
            return answers
        is_outside = self._scored(X, answers) < self.threshold_
        if self._known is None:
            answers[is_outside] = np.nan if self.outside is None else self.outside
            return answers
        found = np.zeros((len(answers), len(self.classes_)))
        found[:, np.searchsorted(self.classes_, self._known)] = answers
        found[is_outside] = self.classes_ == self.outside
        return found


class _Told:
    """Out-of-fold predictions, and what is true."""

    def __init__(
        self, predictions: Array, y: Any, known: NDArray[Any] | None, usable: NDArray[np.bool_], shares: Array
    ) -> None:
        self.predictions, self.y, self.known, self.usable, self.shares = predictions, y, known, usable, shares
        self.at = np.zeros(len(y), dtype=np.int64)
        if known is not None:
            self.at = np.minimum(np.searchsorted(known, y), len(known) - 1)

    def losses(self) -> Array:
        """(members, rows): log losses or squared losses; of what is not in scope, or was never left out: 0."""
        if self.known is not None:
            given = self.predictions[:, np.arange(len(self.at)), self.at]
            lost = -np.log(np.maximum(given, _LEAST_PROBABILITY))
        else:
            lost = (self.predictions - self.y) ** 2
            lost = lost if lost.ndim == 2 else lost.mean(axis=2)
        return np.asarray(np.where(self.usable, lost, 0.0))

    def mean(self, losses: Array, rows: NDArray[np.bool_]) -> float:
        return float(np.average(losses[rows], weights=self.shares[rows]))


class _Folds:
    """Folds in which only some rows are learned from, and all are predicted."""

    def __init__(self, X: Any, splits: Sequence[Split], inside: NDArray[np.bool_], n_jobs: int | None) -> None:  # noqa: N803
        self.X, self.given, self.inside, self.n_jobs = X, splits, inside, n_jobs
        self.splits = [(train[inside[train]], test) for train, test in splits if inside[train].any()]
        self.number = np.full(len(inside), -1, dtype=np.int64)
        for number, (_, test) in enumerate(self.splits):
            self.number[test] = number

    def fitted(
        self, members: Sequence[tuple[str, Any]], y: Any, rows: Array | None, classes: NDArray[Any] | None
    ) -> tuple[list[Any], Array, NDArray[np.bool_]]:
        """Members fitted on all rows that are learned from, what they predict out of fold, and of which rows."""
        told: dict[str, Any] = {"classes": classes, "n_jobs": self.n_jobs}
        if self.inside.all():
            folds = fit_all(members, self.X, y, self.splits, sample_weight=rows, **told)
            return folds.fitted, folds.predictions, folds.seen
        folds = fit_all(members, self.X, y, self.splits, sample_weight=rows, refit=False, **told)
        learned = np.flatnonzero(self.inside)
        weights = None if rows is None else rows[learned]
        whole = fit_all(members, _safe_indexing(self.X, learned), y[learned], [], sample_weight=weights, **told)
        return whole.fitted, folds.predictions, folds.seen


class _Router(BaseEstimator):  # type: ignore[misc]
    """A router, which predicts numbers of members; where one is best for all rows, there is nothing to learn."""

    def __init__(self, router: Any) -> None:
        self.router = router

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Router:  # noqa: N803
        self.only_ = int(y[0]) if len(np.unique(y)) == 1 else None
        if self.only_ is None:
            self.router.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.router.predict(X) if self.only_ is None else np.full(X.shape[0], self.only_)


class _Own(BaseEstimator):  # type: ignore[misc]
    """A member that learns only from rows which a rule sends to it; from all, where there are none."""

    def __init__(self, member: Any, rule: Rule, name: str) -> None:
        self.member = member
        self.rule = rule
        self.name = name

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Own:  # noqa: N803
        rows = np.flatnonzero(np.asarray(self.rule(X)) == self.name)
        rows = rows if len(rows) else np.arange(len(y))
        weights = {} if sample_weight is None else {"sample_weight": _safe_indexing(sample_weight, rows)}
        self.member_ = clone(self.member).fit(_safe_indexing(X, rows), y[rows], **weights)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.member_.classes_)

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.member_.predict(X)

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.member_.predict_proba(X)
