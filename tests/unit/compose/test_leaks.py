"""Leaks that are planted, and found: no composition profits from what its members could not know later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from partita.compose import Bag, Blend, Cascade, Chain, Distil, Route, Select, Severity, Soup, Stack, Vote

DRAW = np.random.default_rng(0)
#: Patients with ten rows each, and a label by chance: who has seen a row of a patient knows the label of all.
PATIENTS = np.repeat(np.arange(80), 10)
ROWS = np.column_stack([PATIENTS, DRAW.normal(size=800)])
LABELS = DRAW.permutation(np.repeat([0, 1], 40))[PATIENTS]


class ByHeart(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Knows the label of each patient that it has seen, and nothing of others."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ByHeart:  # noqa: N803
        self.classes_ = np.unique(y)
        self.known_ = {patient: y[X[:, 0] == patient].mean() for patient in np.unique(X[:, 0])}
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        told = np.clip([self.known_.get(patient, 0.5) for patient in X[:, 0]], 0.01, 0.99)
        return np.column_stack([1 - told, told])

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class Guesses(ByHeart):
    """The same, and as sure of patients that it guesses at."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        told = np.array([self.known_.get(patient, (7 * patient // 3) % 2) for patient in X[:, 0]])
        return np.clip(np.column_stack([1 - told, told]), 0.01, 0.99)


HEART, PLAIN = ("heart", ByHeart()), ("plain", GaussianNB())
TWO = [HEART, PLAIN]


def accuracy_of_final(stack: Any) -> float:
    """How much the final model believes the member that knows by heart: nothing is 0.5."""
    return float(1 / (1 + np.exp(-abs(np.ravel(stack.final_.coef_)[0]))))


#: What each says of itself, as an accuracy or in place of one: 0.5 is chance, 1 is as if it knew all.
FIGURES: dict[str, tuple[Any, Callable[[Any], float]]] = {
    "blend": (Blend(TWO, keep="blend"), lambda each: float(np.exp(-each.losses_["blend"]))),
    "select": (Select(TWO, bags=1), lambda each: float(np.exp(each.score_))),
    "stack": (Stack(TWO, LogisticRegression()), accuracy_of_final),
    "cascade": (Cascade(TWO), lambda each: each.accuracy_),
    "vote": (
        Vote([Guesses()], calibrate="temperature"),
        lambda each: float(np.median(each.predict_proba(ROWS).max(axis=1))),
    ),
    "bag": (Bag([HEART], draws=12), lambda each: each.score_),
    "route": (Route(TWO, DecisionTreeClassifier(max_depth=2)), lambda each: float(np.exp(-each.losses_["route"]))),
    "confidence": (
        Route([HEART], out_of_scope="confidence", outside=9, keep=0.99),
        lambda each: each.accuracy_,
    ),
    "chain": (
        Chain([HEART, ("line", LogisticRegression())]),
        lambda each: float(1 / (1 + np.exp(-abs(each.links_[1].coef_[0, 0])))),
    ),
    "severity": (Severity(TWO), lambda each: 1 - each.cost_),
    "distil": (Distil(ByHeart(), DecisionTreeClassifier(max_depth=8)), lambda each: each.scores_["teacher"]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_who_knows_patients_by_heart_profits_where_folds_split_them_and_only_there(name: str) -> None:
    composition, figure = FIGURES[name]
    split, whole = clone(composition), clone(composition)
    if name != "bag":  # its draws are no folds
        split.set_params(cv=StratifiedKFold(5, shuffle=True, random_state=0))
        whole.set_params(cv=GroupKFold(5))
    assert figure(split.fit(ROWS, LABELS)) > 0.8  # the leak is real: this is what is wrongly said without groups
    assert figure(whole.fit(ROWS, LABELS, groups=PATIENTS)) < 0.65


#: More features than rows, none of which has to do with the label: those that seem to, were chosen by looking at it.
NOISE = DRAW.normal(size=(120, 1500))
COIN = np.repeat([0, 1], 60)
CHOOSE = SelectKBest(k=10)
CHOICES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], float]]] = {
    "blend": (lambda member: Blend([member, DecisionTreeClassifier(max_depth=1)], keep="blend"), lambda each: float(np.exp(-each.losses_["blend"]))),
    "select": (lambda member: Select([member]), lambda each: float(np.exp(each.score_))),
    "cascade": (lambda member: Cascade([member, clone(member)], accuracy=0.0), lambda each: each.alone_[0]),
    "bag": (lambda member: Bag([member]), lambda each: each.score_),
    "route": (lambda member: Route([member]), lambda each: float(np.exp(-each.losses_["route"]))),
    "severity": (lambda member: Severity([member]), lambda each: 1 - each.cost_),
    "distil": (lambda member: Distil(member, DecisionTreeClassifier(max_depth=2)), lambda each: each.scores_["teacher"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_features_that_are_chosen_outside_are_believed_and_inside_a_member_they_are_not(name: str) -> None:
    build, figure = CHOICES[name]
    leaking = build(GaussianNB()).fit(CHOOSE.fit_transform(NOISE, COIN), COIN)
    honest = build(make_pipeline(CHOOSE, GaussianNB())).fit(NOISE, COIN)
    assert figure(leaking) > 0.62
    assert figure(honest) < 0.57


def test_members_that_are_chosen_by_what_they_learned_by_heart_are_not_believed() -> None:
    """A tree without an end is perfect on its own rows: no weight, no vote, no route may come of that."""
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(400, 5)), np.repeat([0, 1], 200)
    x[:, 0] += y
    members = [("deep", DecisionTreeClassifier(random_state=0)), ("bayes", GaussianNB())]
    blend = Blend(members).fit(x, y)
    assert blend.members_[0].score(x, y) == 1.0
    assert blend.weights_[0] < 0.2
    assert Cascade(members, costs=[1, 1]).fit(x, y).accuracy_ < 0.8
    assert Severity(members).fit(x, y).cost_ > 0.2
    assert Chain([members[0], ("line", LogisticRegression())], append=True).fit(x, y).score(x, y) < 0.95


# Time


class Witness(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Remembers what was fitted on which times, and what was then predicted."""

    seen: ClassVar[list[tuple[float, float, float, int]]] = []

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any) -> Witness:  # noqa: N803
        self.last_, self.count_ = float(X[:, 0].max()), len(X)
        self.line_ = LinearRegression().fit(X, y)
        self.coef_, self.intercept_ = self.line_.coef_, self.line_.intercept_ + self.shift
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        self.seen.append((self.last_, float(X[:, 0].min()), float(X[:, 0].max()), self.count_))
        return self.line_.predict(X) + self.shift


class Sayer(ClassifierMixin, Witness):  # type: ignore[misc]
    """The same of classes."""

    def fit(self, X: Any, y: Any) -> Sayer:  # noqa: N803
        self.classes_ = np.unique(y)
        super().fit(X, y)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        told = np.clip(Witness.predict(self, X), 0.05, 0.95)
        return np.column_stack([1 - told, told])

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


VALUES = [("one", Witness()), ("two", Witness(0.5))]
CLASSES = [("one", Sayer()), ("two", Sayer(0.1))]
TIMED: dict[str, Any] = {
    "blend": Blend(VALUES),
    "blend of classes": Blend(CLASSES, calibrate="sigmoid"),
    "select": Select(VALUES),
    "stack": Stack(VALUES, further=[[("next", Ridge())]]),
    "cascade": Cascade(CLASSES, calibrate="sigmoid"),
    "vote": Vote(CLASSES, calibrate="sigmoid"),
    "route": Route(VALUES, DecisionTreeClassifier(max_depth=2)),
    "route in scope": Route(CLASSES, out_of_scope="confidence", outside=9),
    "chain": Chain([("first", Witness()), ("line", Ridge())]),
    "severity": Severity(CLASSES),
    "distil": Distil(Witness(), Ridge()),
}


@pytest.mark.parametrize("name", TIMED)
def test_what_comes_later_is_predicted_by_what_came_before_only(name: str) -> None:
    times = np.arange(240.0)
    y = (DRAW.random(240) < 0.5).astype(int) if "class" in str(TIMED[name]._kind) else DRAW.normal(size=240)
    Witness.seen.clear()
    clone(TIMED[name]).set_params(cv=TimeSeriesSplit(5)).fit(np.column_stack([times, times % 7]), y)
    folds = [(last, first) for last, first, _, count in Witness.seen if count < 240]
    assert len(folds) >= 5
    assert all(first > last for last, first in folds)


def test_linear_soups_are_judged_by_what_came_later() -> None:
    """A line through what came first is wrong of what comes later, and a soup says so."""
    times = np.arange(240.0)
    x, y = np.column_stack([times, times % 7]), np.where(times < 120, times, 240 - times)
    ordered = Soup([("a", Ridge(1.0)), ("b", Ridge(100.0))], cv=TimeSeriesSplit(5)).fit(x, y)
    mixed = Soup([("a", Ridge(1.0)), ("b", Ridge(100.0))], cv=KFold(5, shuffle=True, random_state=0)).fit(x, y)
    assert ordered.scores_["soup"] < 2 * mixed.scores_["soup"] < -1000
