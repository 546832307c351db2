"""Ensembles that are picked one by one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_squared_error, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import scale
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Blend, Select
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)


def test_picks_come_near_to_the_best_weights() -> None:
    x, y = make_friedman1(400, noise=1.0, random_state=1)
    members = [Ridge(), KNeighborsRegressor(), DecisionTreeRegressor(max_depth=6, random_state=0)]
    picked = Select(members, bags=1, rounds=60).fit(x, y)
    blend = Blend(members, keep="blend", draw=0).fit(x, y)
    assert picked.weights_ == pytest.approx(blend.weights_, abs=0.03)
    assert picked.weights_.sum() == pytest.approx(1)


def test_a_member_that_only_harms_is_not_picked() -> None:
    select = Select(
        [("line", Ridge(0.1)), ("nothing", Ridge(1e9)), ("tree", DecisionTreeRegressor(random_state=0))], bags=1
    )
    assert dict(zip(select.fit(X, Y).names_, select.weights_, strict=True))["nothing"] < 0.1


def test_it_serves_any_measure() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    members = [LogisticRegression(max_iter=200), GaussianNB(), DecisionTreeClassifier(max_depth=2)]

    def area(truth: Any, given: Any) -> float:
        return float(roc_auc_score(truth, given[:, 1]))

    select = Select(members, measure=area).fit(scale(x), y)
    alone = [Select([member], measure=area, bags=1).fit(scale(x), y).score_ for member in members]
    assert select.score_ >= max(alone) - 0.002
    assert select.predict_proba(scale(x)).shape == (569, 2)


def test_the_same_seed_picks_the_same() -> None:
    members = [Ridge(), KNeighborsRegressor(), DecisionTreeRegressor(random_state=0)]
    one, two = (Select(members, random_state=3).fit(X, Y) for _ in range(2))
    assert np.array_equal(one.weights_, two.weights_)
    assert mean_squared_error(Y, one.predict(X)) < np.var(Y)


@pytest.mark.parametrize(
    ("select", "told"),
    [
        (Select([Ridge()], rounds=0), "rounds is a whole number of 1 or more"),
        (Select([Ridge()], bags=1.5), "bags is a whole number of 1 or more"),
        (Select([Ridge()], part=0), "a number above 0 and up to 1"),
        (Select([Ridge(), GaussianNB()]), "classifiers, or all regressors"),
    ],
)
def test_what_does_not_go_together_is_told(select: Select, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        select.fit(X, Y)


@parametrize_with_checks(
    [
        Select([("line", Ridge()), ("tree", DecisionTreeRegressor(random_state=0))], cv=3, bags=2),
        Select([("line", LogisticRegression()), ("bayes", GaussianNB())], cv=3, bags=2),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
