"""Routes to members, and what is out of their scope."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import TimeSeriesSplit, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Route
from partita.compose.scope import scope_threshold
from tests.unit.compose.by_folds import BY_FOLDS

IRIS = load_iris(return_X_y=True)
DRAW = np.random.default_rng(0)
BENT_X = DRAW.uniform(-3, 3, size=(600, 2))
BENT_Y = np.where(BENT_X[:, 0] > 0, 5 * BENT_X[:, 1], -5 * BENT_X[:, 1]) + DRAW.normal(scale=0.1, size=600)


def by_side(rows: Any) -> Any:
    return np.where(rows[:, 0] > 0, "right", "left")


def test_a_rule_sends_each_row_to_one_member() -> None:
    lines = [("left", LinearRegression()), ("right", LinearRegression())]
    route = Route(lines, by_side, own=True).fit(BENT_X, BENT_Y)
    assert route.members_[0].coef_[1] == pytest.approx(-5, abs=0.05)
    assert route.members_[1].coef_[1] == pytest.approx(5, abs=0.05)
    assert route.losses_["route"] == pytest.approx(0.01, rel=0.3)
    assert route.losses_["left"] > 10
    side = BENT_X[:, 0] > 0
    assert list(route.route_of(BENT_X[:5])) == list(by_side(BENT_X[:5]))
    assert np.array_equal(route.predict(BENT_X)[side], route.members_[1].predict(BENT_X[side]))
    shared = Route(lines, by_side).fit(BENT_X, BENT_Y)
    assert shared.members_[0].coef_ == pytest.approx(shared.members_[1].coef_)


class Side(LinearRegression):  # type: ignore[misc]
    """Knows only one side, whatever it is shown."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.right = right

    def fit(self, X: Any, y: Any) -> Side:  # noqa: N803
        rows = (X[:, 0] > 0) == self.right
        super().fit(X[rows], y[rows])
        return self


def test_a_router_learns_who_is_right_where() -> None:
    members = [("left", Side(False)), ("right", Side(True))]
    route = Route(members, DecisionTreeClassifier(max_depth=3, random_state=0)).fit(BENT_X, BENT_Y)
    told = route.route_of(BENT_X)
    apart = np.abs(BENT_X).min(axis=1) > 0.3
    assert np.mean((told == by_side(BENT_X))[apart]) > 0.98
    assert route.losses_["route"] < 0.1 * min(route.losses_["left"], route.losses_["right"])
    usual = Route(members).fit(BENT_X, BENT_Y)
    assert usual.losses_["route"] < 0.1 * min(usual.losses_["left"], usual.losses_["right"])


def test_a_router_of_classifiers_and_one_that_is_always_right() -> None:
    route = Route([("bayes", GaussianNB()), ("nothing", GaussianNB(var_smoothing=1e6))]).fit(*IRIS)
    assert set(route.route_of(IRIS[0])) <= {"bayes", "nothing"}
    assert route.losses_["route"] < route.losses_["nothing"]
    assert route.score(*IRIS) > 0.9
    assert Route([GaussianNB()]).fit(*IRIS).predict_proba(IRIS[0]).shape == (150, 3)


DIGITS_X, DIGITS_Y = load_digits(return_X_y=True)
TEXTS = np.where(DIGITS_Y < 6, np.char.add("d", DIGITS_Y.astype(str)), "other")
FIT_X, TEST_X, FIT_Y, TEST_Y = train_test_split(DIGITS_X / 16, TEXTS, test_size=0.5, random_state=0, stratify=TEXTS)
KNOWN = FIT_Y != "other"


@pytest.mark.parametrize(
    "scope",
    ["confidence", IsolationForest(random_state=0), LocalOutlierFactor(novelty=True)],
    ids=lambda scope: str(scope)[:8],
)
def test_what_is_in_scope_is_kept_as_asked_for(scope: Any) -> None:
    route = Route([LogisticRegression()], out_of_scope=scope, outside="other", keep=0.9).fit(FIT_X[KNOWN], FIT_Y[KNOWN])
    assert route.kept_ == pytest.approx(0.9, abs=0.005)
    assert np.isnan(route.found_)
    known = TEST_Y != "other"
    assert route.in_scope(TEST_X[known]).mean() == pytest.approx(0.9, abs=0.06)
    assert route.in_scope(TEST_X[~known]).mean() < 0.8
    said = route.predict(TEST_X)
    assert np.array_equal(said == "other", ~route.in_scope(TEST_X))
    assert list(route.classes_) == ["d0", "d1", "d2", "d3", "d4", "d5", "other"]
    told = route.predict_proba(TEST_X)
    assert np.array_equal(route.classes_[told.argmax(axis=1)], said)
    assert told.sum(axis=1) == pytest.approx(np.ones(len(told)))


@pytest.mark.parametrize("scope", ["confidence", LogisticRegression()], ids=["confidence", "classifier"])
def test_rows_that_are_labelled_outside_say_where_scope_ends(scope: Any) -> None:
    route = Route([LogisticRegression()], out_of_scope=scope, outside="other").fit(FIT_X, FIT_Y)
    known = TEST_Y != "other"
    assert set(route.members_[0].classes_) == {"d0", "d1", "d2", "d3", "d4", "d5"}
    is_in = route.in_scope(TEST_X)
    assert is_in[known].mean() + (~is_in)[~known].mean() > 1.6
    assert is_in[known].mean() == pytest.approx(route.kept_, abs=0.07)
    assert (~is_in)[~known].mean() == pytest.approx(route.found_, abs=0.07)
    assert accuracy_score(TEST_Y, route.predict(TEST_X)) > 0.75


def test_an_accuracy_in_scope_is_reached_or_it_is_told_what_is() -> None:
    asked = {"out_of_scope": "confidence", "outside": "other"}
    route = Route([LogisticRegression()], accuracy=0.9, calibrate="temperature", **asked).fit(FIT_X, FIT_Y)
    assert route.accuracy_ >= 0.9
    assert route.found_ > 0.5
    stricter = Route([LogisticRegression()], accuracy=0.95, **asked).fit(FIT_X, FIT_Y)
    assert stricter.found_ <= route.found_ + 0.02
    with pytest.raises(ValueError, match="an accuracy of 1 in scope is not reached: out of fold"):
        Route([GaussianNB()], accuracy=1.0, **asked).fit(FIT_X, FIT_Y)


@given(seed=st.integers(0, 5000), count=st.integers(2, 40), keep=st.floats(0.01, 1))
@settings(max_examples=100, deadline=None)
def test_no_threshold_is_better(seed: int, count: int, keep: float) -> None:
    draw = np.random.default_rng(seed)
    scores, inside = draw.integers(0, 8, count) / 8, draw.random(count) < 0.6
    inside[0], inside[1] = True, False
    shares = np.ones(count)
    candidates = [-np.inf, *np.unique(scores), np.inf]

    def worth(threshold: float) -> tuple[float, float]:
        kept = scores >= threshold
        return float(kept[inside].mean()), float((~kept)[~inside].mean())

    found = scope_threshold(scores, inside, shares, keep=keep)
    assert worth(found)[0] >= keep - 1e-9
    assert all(worth(each)[0] < keep for each in candidates if each > found)
    best = scope_threshold(scores, inside, shares)
    assert sum(worth(best)) == pytest.approx(max(sum(worth(each)) for each in candidates))


def test_regressors_answer_nothing_out_of_scope() -> None:
    route = Route([LinearRegression()], out_of_scope=IsolationForest(random_state=0)).fit(BENT_X, BENT_Y)
    told = route.predict(np.array([[0.1, 0.1], [50.0, 50.0]]))
    assert np.isfinite(told[0]) and np.isnan(told[1])
    assert Route([LinearRegression()], out_of_scope=IsolationForest(random_state=0), outside=-1.0).fit(
        BENT_X, BENT_Y
    ).predict([[50.0, 50.0]]) == pytest.approx([-1])


def test_weights_and_time_are_honoured() -> None:
    weights = np.where(BENT_X[:, 1] > 0, 1.0, 2.0)
    timed = Route([LinearRegression(), Ridge(100.0)], cv=TimeSeriesSplit(4)).fit(BENT_X, BENT_Y, sample_weight=weights)
    assert timed.predict(BENT_X).shape == BENT_Y.shape


def broken(rows: Any) -> Any:
    return ["left"]


def unknown(rows: Any) -> Any:
    return ["nobody"] * len(rows)


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (Route([GaussianNB()], by=3), "by is a function of rows, or a classifier"),
        (Route([("left", GaussianNB())], by=broken), "a rule gives 150 names"),
        (Route([("left", GaussianNB())], by=unknown), "the rule named 'nobody', and members are left"),
        (Route([GaussianNB()], own=True), "rows are a member's own where a rule says so"),
        (Route([RidgeClassifier()]), "predicts no probabilities"),
        (Route([Ridge()], out_of_scope="confidence"), "only classifiers say how sure they are"),
        (Route([GaussianNB()], out_of_scope="doubt", outside=9), 'out_of_scope is "confidence", an outlier detector'),
        (Route([GaussianNB()], out_of_scope="confidence"), "say what is predicted for rows that are out of scope"),
        (Route([GaussianNB()], out_of_scope="confidence", outside="no"), "outside is a label as the others are"),
        (Route([GaussianNB()], outside=2), "rows are labelled 2; say how such are told"),
        (Route([GaussianNB()], out_of_scope=GaussianNB(), outside=9), "with the label 9, and there are none"),
        (Route([GaussianNB()], out_of_scope="confidence", outside=9, keep=0.9, accuracy=0.9), "and not both"),
        (Route([GaussianNB()], out_of_scope="confidence", outside=9, keep=95), "keep is a share from 0 to 1"),
    ],
)
def test_what_does_not_go_together_is_told(route: Route, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        route.fit(*IRIS)


@parametrize_with_checks(
    [
        Route([("line", Ridge()), ("flat", Ridge(1e6))], DecisionTreeClassifier(max_depth=2, random_state=0), cv=3),
        Route(
            [("line", LogisticRegression()), ("bayes", GaussianNB())],
            DecisionTreeClassifier(max_depth=2, random_state=0),
            cv=3,
        ),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
