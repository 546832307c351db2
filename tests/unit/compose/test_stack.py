"""Stacks of models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import KFold, PredefinedSplit, StratifiedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Blend, Stack
from partita.compose.calibration import calibration_of
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)
TWO = [("line", Ridge(0.1)), ("near", KNeighborsRegressor(15))]
IRIS = load_iris(return_X_y=True)
THREE = [("line", LogisticRegression(max_iter=500)), ("bayes", GaussianNB()), ("near", KNeighborsClassifier())]


def test_the_known_answer() -> None:
    stack = Stack(TWO, LinearRegression(), cv=KFold(5)).fit(X[:300], Y[:300])
    assert stack.final_.coef_ == pytest.approx([0.90464101, 0.23445235], abs=1e-6)
    assert stack.final_.intercept_ == pytest.approx(-19.386284, abs=1e-4)
    assert mean_squared_error(Y[300:], stack.predict(X[300:])) == pytest.approx(2685.3526, abs=1e-2)


@pytest.mark.parametrize("passthrough", [False, True])
def test_it_stacks_as_scikit_learn_does(passthrough: bool) -> None:
    folds = StratifiedKFold(5)
    final = LogisticRegression(max_iter=2000)
    ours = Stack(THREE, final, cv=folds, passthrough=passthrough).fit(*IRIS)
    theirs = StackingClassifier(THREE, final, cv=folds, passthrough=passthrough).fit(*IRIS)
    assert ours.predict_proba(IRIS[0]) == pytest.approx(theirs.predict_proba(IRIS[0]), abs=1e-9)
    final = Ridge(1.0)
    mine = Stack(TWO, final, cv=KFold(5), passthrough=passthrough).fit(X, Y)
    other = StackingRegressor(TWO, final, cv=KFold(5), passthrough=passthrough).fit(X, Y)
    assert mine.predict(X) == pytest.approx(other.predict(X))


def test_layers_stand_on_layers() -> None:
    stack = Stack(TWO, further=[[Ridge(), DecisionTreeRegressor(max_depth=2, random_state=0)]]).fit(X[:300], Y[:300])
    assert [len(layer) for layer in stack.layers_] == [2, 2]
    assert stack.inputs_of_final(X[:5]).shape == (5, 2)
    assert mean_squared_error(Y[300:], stack.predict(X[300:])) < np.var(Y)


def test_repeats_draw_folds_anew_and_take_the_mean() -> None:
    once, more = Stack(TWO, LinearRegression()), Stack(TWO, LinearRegression(), repeats=4)
    assert once.fit(X, Y).final_.coef_ != pytest.approx(more.fit(X, Y).final_.coef_)
    assert Stack(TWO, LinearRegression(), repeats=4).fit(X, Y).final_.coef_ == pytest.approx(more.final_.coef_)


def test_time_is_honoured_and_a_composition_may_be_a_member() -> None:
    stack = Stack(
        [("blend", Blend(TWO, cv=3)), ("tree", DecisionTreeRegressor(max_depth=3))], cv=TimeSeriesSplit(4)
    ).fit(X, Y)
    assert stack.predict(X).shape == Y.shape
    stack.set_params(blend__line__alpha=3.0)
    assert stack.get_params()["blend__line__alpha"] == 3.0


PAST = np.repeat(np.arange(5), 90)[:442] - 1  # in which fold a row is left out; of the first ones, in none
TIME = list(TimeSeriesSplit(4).split(X))


@pytest.mark.parametrize(
    "cv",
    [TIME, iter(TIME), [(train.tolist(), test) for train, test in TIME], PredefinedSplit(PAST)],
    ids=["pairs", "once", "lists", "predefined"],
)
def test_folds_given_by_rows_are_those_of_the_rows_that_are_left(cv: Any) -> None:
    stack = Stack(TWO, further=[[Ridge(), ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))]], cv=cv)
    assert stack.fit(X, Y).score(X, Y) > 0.3
    before = stack.cv
    assert before is cv


def test_what_calibrates_learns_from_folds_given_by_rows_as_well() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 3))
    y = (x[:, 0] + draw.normal(size=500) > 0).astype(int)
    members = [("bayes", GaussianNB()), ("near", KNeighborsClassifier())]
    stack = Stack(members, cv=list(TimeSeriesSplit(4).split(x)), calibrate="sigmoid").fit(x, y)
    assert stack.calibration_ is not None and stack.score(x, y) > 0.7
    # The first layer predicts four fifths of the rows. Of these, the final model is fitted on what is earlier than a fold.
    near = sigmoid_by_hand(members, x, y)
    assert stack.calibration_.curves[0] == pytest.approx(near, rel=1e-6)


def sigmoid_by_hand(members: Any, x: Any, y: Any) -> Any:
    """The sigmoid of a final model on its out-of-fold predictions, written out."""
    folds = list(TimeSeriesSplit(4).split(x))
    told = np.full((len(x), len(members)), np.nan)
    for train, test in folds:
        told[test] = np.column_stack(
            [clone(each).fit(x[train], y[train]).predict_proba(x[test])[:, 1] for _, each in members]
        )
    given, at = [], []
    for train, test in folds[1:]:
        train = train[~np.isnan(told[train]).any(axis=1)]
        given.append(LogisticRegression().fit(told[train], y[train]).predict_proba(told[test]))
        at.append(y[test])
    rows = np.concatenate(at)
    return calibration_of("sigmoid", np.concatenate(given), rows, np.ones(len(rows))).curves[0]


def test_folds_of_which_none_is_left_are_told_of() -> None:
    held_out = PredefinedSplit(np.where(np.arange(442) < 300, -1, 0))
    assert Stack(TWO, cv=held_out).fit(X, Y).score(X, Y) > 0.3
    with pytest.raises(
        ValueError, match="no fold of cv has rows to fit on and rows to predict among the 142 rows that"
    ):
        Stack(TWO, further=[[Ridge()]], cv=held_out).fit(X, Y)


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        (Stack(TWO, LogisticRegression()), "final is no regressor"),
        (Stack(TWO, further=[[GaussianNB()]]), "gaussiannb is no regressor"),
        (Stack(TWO, repeats=0), "a whole number of 1 or more"),
        (Stack(TWO, repeats=2, cv=KFold(3)), "drawn anew where cv is their number"),
    ],
)
def test_what_does_not_go_together_is_told(stack: Stack, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        stack.fit(X, Y)


def test_members_without_probabilities_are_told_of() -> None:
    with pytest.raises(ValueError, match="ridgeclassifier predicts no probabilities"):
        Stack([RidgeClassifier(), GaussianNB()]).fit(*IRIS)


@parametrize_with_checks(
    [
        Stack([("line", Ridge()), ("tree", DecisionTreeRegressor(random_state=0))], Ridge(), cv=3),
        Stack([("line", LogisticRegression()), ("bayes", GaussianNB())], cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
