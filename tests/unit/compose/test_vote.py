"""Votes of models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import mean_squared_error
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Vote

X, Y = load_iris(return_X_y=True)


class Says(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts what it was told to."""

    def __init__(self, probabilities: tuple[float, ...] = (0.5, 0.5)) -> None:
        self.probabilities = probabilities

    def fit(self, X: Any, y: Any) -> Says:  # noqa: N803
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return np.tile(self.probabilities, (len(X), 1))

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def test_the_known_answer_where_a_majority_is_unsure_and_one_is_sure() -> None:
    members = [Says((0.45, 0.55)), Says((0.45, 0.55)), Says((0.9, 0.1))]
    rows, labels = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    assert set(Vote(members, how="hard").fit(rows, labels).predict(rows)) == {1}
    assert set(Vote(members, how="soft").fit(rows, labels).predict(rows)) == {0}
    assert set(Vote(members, how="median").fit(rows, labels).predict(rows)) == {1}


@pytest.mark.parametrize("how", ["hard", "soft"])
def test_it_votes_as_scikit_learn_does(how: str) -> None:
    members = [("line", LogisticRegression(max_iter=500)), ("bayes", GaussianNB()), ("near", KNeighborsClassifier())]
    ours = Vote(members, how=how, weights=[2, 1, 1]).fit(X, Y)
    theirs = VotingClassifier(members, voting=how, weights=[2, 1, 1]).fit(X, Y)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    if how == "soft":
        assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X))
    else:
        assert not hasattr(ours, "predict_proba")


def test_the_known_answer_of_two_regressors() -> None:
    x, y = load_diabetes(return_X_y=True)
    members = [("line", Ridge(0.1)), ("near", KNeighborsRegressor(15))]
    vote = Vote(members, weights=[0.7, 0.3]).fit(x[:300], y[:300])
    assert mean_squared_error(y[300:], vote.predict(x[300:])) == pytest.approx(2644.7209, abs=1e-3)
    theirs = VotingRegressor(members, weights=[0.7, 0.3]).fit(x[:300], y[:300])
    assert vote.predict(x) == pytest.approx(theirs.predict(x))


def test_members_that_predict_no_probabilities_vote_hard() -> None:
    vote = Vote([RidgeClassifier(), GaussianNB(), KNeighborsClassifier()]).fit(X, Y)
    assert not hasattr(vote, "predict_proba")
    assert vote.score(X, Y) > 0.9


def test_ranks_do_not_care_how_sure_a_member_is() -> None:
    """Two say the same, one of them by numbers that are much smaller; a third says the opposite with certainty."""

    class Sorts(Says):
        def predict_proba(self, X: Any) -> Any:  # noqa: N803
            low, high = self.probabilities
            given = low + (high - low) * X[:, 0]
            return np.column_stack([1 - given, given])

    rows = np.linspace(0, 1, 11)[:, None]
    labels = (rows[:, 0] > 0.5).astype(int)
    members = [Sorts((0.001, 0.002)), Sorts((0.4, 0.41)), Sorts((1.0, 0.0))]
    ranked = Vote(members, how="rank").fit(rows, labels).predict_proba(rows)[:, 1]
    soft = Vote(members, how="soft").fit(rows, labels).predict_proba(rows)[:, 1]
    assert np.all(np.diff(ranked) > 0)
    assert np.all(np.diff(soft) < 0)


@pytest.mark.parametrize(
    ("vote", "told"),
    [
        (Vote([GaussianNB()], how="mean"), "how is one of hard, soft, median, rank for classifiers"),
        (Vote([RidgeClassifier()], how="soft"), "predicts no probabilities"),
        (Vote([GaussianNB()], weights=[1, 2]), "weights of 1 members"),
        (Vote([GaussianNB(), GaussianNB()], weights=[0, 0]), "not all 0"),
        (Vote([GaussianNB(), GaussianNB()], how="median", weights=[1, 2]), "a median takes no weights"),
    ],
)
def test_what_does_not_go_together_is_told(vote: Vote, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        vote.fit(X, Y)


@parametrize_with_checks(
    [
        Vote([("line", Ridge()), ("near", Ridge(10.0))]),
        Vote([("line", LogisticRegression()), ("bayes", GaussianNB())]),
        Vote([("tree", DecisionTreeClassifier(random_state=0)), ("bayes", GaussianNB())], how="hard"),
    ]
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
