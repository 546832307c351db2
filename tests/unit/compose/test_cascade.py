"""Cascades of models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Cascade
from partita.compose.cascade import _Judged
from tests.unit.compose.by_folds import BY_FOLDS

FIT_X, TEST_X, FIT_Y, TEST_Y = train_test_split(*load_digits(return_X_y=True), test_size=0.4, random_state=0)
CHEAP = ("cheap", LogisticRegression(C=1e-3, max_iter=2000))


class Sure(SVC):  # type: ignore[misc]
    """A support vector machine whose distances count as how sure it is."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        distances = self.decision_function(X)
        raised = np.exp(distances - distances.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)


MEMBERS = [CHEAP, ("strong", Sure(gamma=0.001))]


def test_most_is_answered_cheaply_and_no_worse() -> None:
    cascade = Cascade(MEMBERS, costs=[1, 10]).fit(FIT_X, FIT_Y)
    assert cascade.accuracy_ >= cascade.alone_.max() - 0.005  # a standard error
    assert cascade.cost_ < 8
    assert cascade.cost_ == pytest.approx(1 + 10 * cascade.shares_[1])
    stages = cascade.stage_of(TEST_X)
    strong = cascade.members_[1].score(TEST_X, TEST_Y)
    assert cascade.score(TEST_X, TEST_Y) > strong - 0.01
    assert np.array_equal(cascade.predict(TEST_X)[stages == 0], cascade.members_[0].predict(TEST_X)[stages == 0])
    assert np.array_equal(cascade.predict(TEST_X)[stages == 1], cascade.members_[1].predict(TEST_X)[stages == 1])


def test_less_accuracy_costs_less_and_less_cost_is_less_accurate() -> None:
    wanted = [
        Cascade(MEMBERS, costs=[1, 10], accuracy=accuracy).fit(FIT_X, FIT_Y).cost_ for accuracy in (0.9, 0.95, 0.97)
    ]
    assert wanted == sorted(wanted)
    given = [Cascade(MEMBERS, costs=[1, 10], cost=cost).fit(FIT_X, FIT_Y) for cost in (1.0, 2.0, 4.0, 11.0)]
    assert np.all(np.diff([each.accuracy_ for each in given]) >= -1e-9)
    assert all(each.cost_ <= cost + 1e-9 for each, cost in zip(given, (1.0, 2.0, 4.0, 11.0), strict=True))
    assert given[0].shares_ == pytest.approx([1, 0])


def test_three_stages() -> None:
    members = [("tree", DecisionTreeClassifier(max_depth=4, random_state=0)), *MEMBERS]
    cascade = Cascade(members, costs=[1, 3, 30], accuracy=0.95).fit(FIT_X, FIT_Y)
    assert cascade.accuracy_ >= 0.95
    assert cascade.shares_.sum() == pytest.approx(1)
    assert cascade.cost_ < 30


@given(seed=st.integers(0, 10_000), count=st.integers(1, 30), accuracy=st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_no_threshold_is_better_than_the_one_that_is_chosen(seed: int, count: int, accuracy: float) -> None:
    draw = np.random.default_rng(seed)
    sure = np.round(draw.uniform(0.3, 1, size=(2, count)), 1)  # with ties
    right = draw.random((2, count)) < np.array([[0.6], [0.8]])
    shares = draw.uniform(0.1, 1, count)
    judged = _Judged(sure, right, np.array([1.0, 5.0]), shares / shares.sum())
    every = [(*judged.of(np.array([t]))[:2], t) for t in [0.0, *sorted(set(sure[0])), 2.0]]
    good = [row for row in every if row[0] >= accuracy - 1e-9]
    best = judged.search(accuracy, None)
    assert (best is None) == (not good)
    if best is not None:
        assert judged.of(best)[1] == pytest.approx(min(row[1] for row in good))
    within = judged.search(None, 3.0)
    assert within is not None
    assert judged.of(within)[0] == pytest.approx(max(row[0] for row in every if row[1] <= 3.0 + 1e-9))


@pytest.mark.parametrize(
    ("cascade", "told"),
    [
        (Cascade([GaussianNB()]), "two members at least"),
        (Cascade([Ridge(), Ridge()]), "made of classifiers"),
        (Cascade([RidgeClassifier(), GaussianNB()]), "predicts no probabilities"),
        (Cascade([CHEAP, GaussianNB()], costs=[1]), "costs are 2 finite numbers"),
        (Cascade([CHEAP, GaussianNB()], accuracy=0.5, cost=2), "and not both"),
        (Cascade([CHEAP, GaussianNB()], accuracy=0.9999), "an accuracy of 0.9999 is not reached"),
        (Cascade([CHEAP, GaussianNB()], cost=0.5), "a mean cost of 0.5 cannot be kept to: cheap alone costs 1"),
    ],
)
def test_what_does_not_go_together_is_told(cascade: Cascade, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        cascade.fit(FIT_X, FIT_Y)


@parametrize_with_checks(
    [Cascade([("bayes", GaussianNB()), ("line", LogisticRegression())], cv=3)],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
