"""The composition that serves best, or one model where no composition gains more than its noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from partita.compose.blend import Blend
from partita.compose.folds import aligned, fit_all, lasting, splits_of
from partita.compose.members import Composition, Members, is_of_classifiers, need_probabilities
from partita.compose.replayed import cross_fitted, fitted_members, stand_ins, with_members
from partita.compose.select import Select
from partita.compose.stack import Stack
from partita.compose.vote import Vote
from partita.compose.weighted import OutOfFold

__all__ = ["Auto"]

Array = NDArray[np.float64]

#: A composition is chosen where it gains more than so many standard errors of the gain.
_NOISE = 1.0


class Auto(Composition):
    """The composition of the members that serves best, or the best member alone.

    Members are fitted once, on all rows and on the folds. Each composition is then tried on what they predicted out of fold: what
    joins them is fitted on the other folds, and its loss is compared row by row with that of the member that was best on the
    other folds. The best composition is taken where it gains more than the standard error of its gain; else one model is kept.

    Attributes (once fitted):
        model_: what was chosen: a fitted composition, or a fitted member.
        chosen_: its name: "blend", "select", "stack", "vote", the name of one of `among`, or that of a member.
        choice_: in words, what was chosen and why.
        losses_: the out-of-fold losses by name, of members and compositions: log loss, or squared loss.
        members_, names_, classes_: as of other compositions.
    """

    def __init__(
        self, members: Members, *, among: Sequence[Any] | None = None, cv: Any = 5, n_jobs: int | None = None
    ) -> None:
        """
        Args:
            members: estimators, or pairs of a name and an estimator: all regressors, or all classifiers with `predict_proba`.
            among: compositions that may be chosen, or pairs of a name and one; what members they have does not matter. Default: a
                vote, a blend, a selection and a stack.
            cv: number of folds, or a splitter, as in scikit-learn.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.among = among
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Auto:  # noqa: N803
        """Fit the members, try the compositions, and keep what serves best.

        Raises:
            ValueError: members do not go together, a parameter is wrong, or data are too few for the folds.
        """
        members = self._checked_members()
        is_classifier = self._kind == "classifier"
        if is_classifier:
            need_probabilities(members)
        among = self._checked_among()
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        cv = lasting(self.cv)
        splits = splits_of(cv, X, y, groups, is_classifier=is_classifier)
        classes = self.classes_ if is_classifier else None
        folds = fit_all(members, X, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.names_, self.members_ = [name for name, _ in members], folds.fitted
        told = OutOfFold(folds, y, classes, rows)
        name = self._choose(told, among)
        if name in among:
            made = with_members(among[name], members)
            for parameter, value in (("cv", cv), ("n_jobs", self.n_jobs)):
                if hasattr(made, parameter):
                    setattr(made, parameter, value)
            self.model_ = fitted_members(made, folds, X, y, sample_weight=rows, groups=groups)
            if hasattr(made, "cv"):
                made.cv = self.cv
        else:
            self.model_ = self.members_[self.names_.index(name)]
        self.chosen_ = name
        return self

    def _checked_among(self) -> dict[str, Any]:
        if self.among is None:
            return {
                "vote": Vote([]), "blend": Blend([], keep="blend"), "select": Select([]), "stack": Stack([]),
            }  # fmt: skip
        found: dict[str, Any] = {}
        for each in self.among:
            name, one = each if isinstance(each, tuple) else (type(each).__name__.lower(), each)
            if not isinstance(one, Composition):
                raise ValueError(f"among is a list of compositions, or pairs of a name and one, and {one!r} is none")
            if name in found or name in dict(self._named()):
                raise ValueError(
                    f"two things to choose from are called {name!r}; give pairs of a name and a composition"
                )
            found[name] = one
        return found

    def _choose(self, told: OutOfFold, among: dict[str, Any]) -> str:
        """The name of what serves best."""
        alone = told.losses_alone()
        means = [told.mean(each) for each in alone]
        best = self.names_[int(np.argmin(means))]
        self.losses_ = dict(zip(self.names_, means, strict=True))
        if len(self.names_) == 1:
            self.choice_ = f"there is only {best}"
            return best
        single = told.best_of_others(alone)
        members = stand_ins(self.names_, told.predictions, told.classes)
        gains = {}
        for name, composition in among.items():
            losses = told.losses_of(cross_fitted(composition, told, members))
            self.losses_[name] = told.mean(losses)
            gains[name] = told.gain(single - losses)
        if not gains:
            self.choice_ = f"there is no composition to choose; {best} is the best member"
            return best
        name = min(gains, key=lambda each: self.losses_[each])
        gain, noise = gains[name]
        words = (
            f"the out-of-fold loss of {name} is {self.losses_[name]:.6g}, that of {best} alone {self.losses_[best]:.6g}"
        )
        if gain > _NOISE * noise:
            self.choice_ = f"{name}: {words}; it gains {gain:.3g}, with a standard error of {noise:.2g}"
            return name
        self.choice_ = f"{best} alone: {words}; the gain of {gain:.3g} is within its standard error of {noise:.2g}"
        return best

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        X = self._looked_at(X)  # noqa: N806
        return self.model_.predict(X)

    @available_if(is_of_classifiers)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        X = self._looked_at(X)  # noqa: N806
        return aligned(self.model_, X, self.classes_)
