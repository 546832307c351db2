"""Choosing between compositions and single models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_diabetes, load_iris, make_friedman1
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Auto, Blend, Cascade, Select, Stack, Vote
from tests.unit.compose.by_folds import BY_FOLDS

DIABETES = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)
TWO = [("line", Ridge(0.1)), ("near", KNeighborsRegressor(15))]


def halves(draw: np.random.Generator, rows: int = 400) -> tuple[Any, Any]:
    x = draw.normal(size=(rows, 6))
    return x, x[:, :3].sum(axis=1) + x[:, 3:].sum(axis=1) + draw.normal(scale=0.1, size=rows)


class Sees(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A line on some columns; counts how often it is fitted."""

    fits = 0

    def __init__(self, first: int = 0, last: int = 3) -> None:
        self.first, self.last = first, last

    def fit(self, X: Any, y: Any) -> Sees:  # noqa: N803
        Sees.fits += 1
        self.line_ = Ridge().fit(X[:, self.first : self.last], y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.line_.predict(X[:, self.first : self.last])


def test_one_model_is_kept_where_nothing_gains_more_than_noise() -> None:
    auto = Auto(TWO).fit(*DIABETES)
    assert auto.chosen_ == "line"
    assert (
        auto.choice_.startswith("line alone: the out-of-fold loss of ") and "within its standard error" in auto.choice_
    )
    assert set(auto.losses_) == {"line", "near", "vote", "blend", "select", "stack"}
    np.testing.assert_array_equal(auto.predict(DIABETES[0]), Ridge(0.1).fit(*DIABETES).predict(DIABETES[0]))


def test_a_composition_is_chosen_where_it_gains_more_and_no_member_is_fitted_for_it_again() -> None:
    x, y = halves(np.random.default_rng(0))
    Sees.fits = 0
    auto = Auto([("left", Sees(0, 3)), ("right", Sees(3, 6))], cv=4).fit(x, y)
    assert Sees.fits == 2 * (4 + 1)
    assert auto.chosen_ == "stack", "the sum of both is what is right, and only a stack adds"
    assert auto.choice_.startswith("stack: ") and "it gains" in auto.choice_
    assert auto.losses_["stack"] < 0.1 < auto.losses_["blend"] < auto.losses_["left"]
    alone = Stack([("left", Sees(0, 3)), ("right", Sees(3, 6))], cv=4).fit(x, y)
    np.testing.assert_allclose(auto.predict(x), alone.predict(x))


def test_what_is_chosen_among_is_given() -> None:
    x, y = make_friedman1(400, random_state=0, noise=1.0)
    members = [
        ("line", Ridge()),
        ("near", KNeighborsRegressor()),
        ("tree", DecisionTreeRegressor(max_depth=6, random_state=0)),
    ]
    auto = Auto(members, among=[("two layers", Stack([], further=[[Ridge()]])), Vote([], how="median")]).fit(x, y)
    assert set(auto.losses_) == {"line", "near", "tree", "two layers", "vote"}
    assert auto.chosen_ == "two layers"
    assert isinstance(auto.model_, Stack) and len(auto.model_.layers_) == 2
    cascade = Auto([("bayes", GaussianNB()), ("line", LogisticRegression(max_iter=500))], among=[Cascade([])]).fit(
        *IRIS
    )
    assert set(cascade.losses_) == {"bayes", "line", "cascade"}


@pytest.mark.parametrize("cv", [5, KFold(4), TimeSeriesSplit(4)], ids=["number", "splitter", "time"])
@pytest.mark.parametrize("further", [[KNeighborsRegressor(30), DecisionTreeRegressor(max_depth=2, random_state=0)], []])
def test_a_stack_that_is_chosen_is_the_one_that_is_fitted_alone(cv: Any, further: list[Any]) -> None:
    x, y = make_friedman1(400, random_state=0, noise=1.0)
    members = [
        KNeighborsRegressor(5),
        DecisionTreeRegressor(max_depth=4, random_state=0),
    ]  # called as those of the next layer
    layers = [further] if further else []
    final = Blend([Ridge(), LinearRegression()], keep="blend", cv=3)  # asks for members, too
    auto = Auto(members, among=[("stack", Stack([], final, further=layers))], cv=cv).fit(x[:300], y[:300])
    alone = Stack(members, final, further=layers, cv=cv).fit(x[:300], y[:300])
    assert auto.chosen_ == "stack" and len(auto.model_.layers_) == 1 + len(layers)
    assert all(one is not other for one in auto.model_.layers_[0] for other in auto.model_.layers_[-1]) or not layers
    np.testing.assert_allclose(auto.predict(x[300:]), alone.predict(x[300:]))


def test_a_stack_that_is_chosen_honours_groups_and_folds_that_are_given_once() -> None:
    x, y = make_friedman1(300, random_state=0, noise=1.0)
    groups = np.arange(300) // 6
    members = [("near", KNeighborsRegressor(5)), ("tree", DecisionTreeRegressor(max_depth=4, random_state=0))]
    among = [("stack", Stack([], further=[[Ridge(10.0)]]))]
    by_groups = Auto(members, among=among, cv=GroupKFold(4)).fit(x, y, groups=groups)
    alone = Stack(members, further=[[Ridge(10.0)]], cv=GroupKFold(4)).fit(x, y, groups=groups)
    assert by_groups.chosen_ == "stack"
    np.testing.assert_allclose(by_groups.predict(x), alone.predict(x))
    once = Auto(members, among=among, cv=KFold(4).split(x)).fit(x, y)
    np.testing.assert_allclose(
        once.predict(x), Stack(members, further=[[Ridge(10.0)]], cv=KFold(4)).fit(x, y).predict(x)
    )


def test_losses_of_compositions_are_those_of_rows_that_nothing_was_fitted_on() -> None:
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(60, 3)), draw.normal(size=60)
    many = [(f"tree {number}", DecisionTreeRegressor(random_state=number, max_features=1)) for number in range(12)]
    auto = Auto(many, among=[Select([], rounds=40, bags=1), Stack([], final=Ridge(1e-6))]).fit(x, y)
    blend = Blend(many, keep="blend").fit(x, y)
    assert auto.losses_["stack"] > np.var(y), "there is nothing to be learned, and what fits noise is found out"
    assert auto.losses_["select"] > 0.95 * blend.losses_["blend"]


def test_groups_time_and_weights_of_rows() -> None:
    x, y = DIABETES[0][:200], DIABETES[1][:200]
    groups = np.arange(200) // 5
    members = [("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))]
    auto = Auto(members, cv=GroupKFold(4)).fit(x, y, np.ones(200), groups=groups)
    assert auto.predict(x).shape == (200,)
    assert Auto(members, cv=TimeSeriesSplit(3)).fit(x, y).predict(x).shape == (200,)


def test_strings_as_labels() -> None:
    x, y = IRIS
    named = np.array(["a", "b", "c"])[y]
    auto = Auto([("bayes", GaussianNB()), ("line", LogisticRegression(max_iter=500))]).fit(x, named)
    assert set(auto.predict(x)) <= {"a", "b", "c"}
    assert auto.predict_proba(x).shape == (150, 3)
    assert auto.score(x, named) > 0.95


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match="among is a list of compositions"):
        Auto(TWO, among=[Ridge()]).fit(*DIABETES)
    with pytest.raises(ValueError, match="two things to choose from are called 'vote'"):
        Auto(TWO, among=[Vote([]), Vote([], how="median")]).fit(*DIABETES)
    with pytest.raises(ValueError, match="passthrough looks at inputs"):
        Auto(TWO, among=[Stack([], passthrough=True)]).fit(*DIABETES)
    with pytest.raises(ValueError, match="predicts no probabilities"):
        Auto([LinearSVC(), GaussianNB()]).fit(*IRIS)
    assert not hasattr(Auto(TWO).fit(*DIABETES), "predict_proba")
    assert "there is only line" in Auto(TWO[:1]).fit(*DIABETES).choice_


@parametrize_with_checks(
    [
        Auto([("line", LogisticRegression(max_iter=300)), ("bayes", GaussianNB())], cv=3),
        Auto([("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))], cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)  # type: ignore[untyped-decorator]
def test_it_is_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
