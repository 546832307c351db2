"""Bags of models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_friedman1
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Bag
from partita.compose.bag import _Drawing
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)


def test_a_bag_of_one_draw_of_all_rows_is_the_member() -> None:
    bag = Bag([Ridge(0.1)], draws=1, replace=False).fit(X, Y)
    assert bag.predict(X) == pytest.approx(Ridge(0.1).fit(X, Y).predict(X))
    assert np.isnan(bag.score_)
    assert np.all(np.isnan(bag.out_of_bag_))


def test_what_is_predicted_out_of_bag_is_the_mean_of_those_that_had_not_drawn_the_row() -> None:
    bag = Bag([("line", Ridge(0.1)), ("near", KNeighborsRegressor())], draws=8).fit(X, Y)
    assert len(bag.members_) == 16
    row = 7
    out = [draw for draw in range(8) if row not in bag.rows_[draw]]
    told = [bag.members_[2 * draw + at].predict(X[[row]])[0] for draw in out for at in (0, 1)]
    assert bag.out_of_bag_[row] == pytest.approx(np.mean(told))
    assert np.mean([len(set(rows)) / len(Y) for rows in bag.rows_]) == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_trees_are_better_in_a_bag_and_the_score_out_of_bag_says_how_good() -> None:
    x, y = make_friedman1(900, noise=1.0, random_state=0)
    fit_x, test_x, fit_y, test_y = train_test_split(x, y, random_state=0)
    bag = Bag([DecisionTreeRegressor(random_state=0)], draws=40, features=0.8).fit(fit_x, fit_y)
    alone = DecisionTreeRegressor(random_state=0).fit(fit_x, fit_y).score(test_x, test_y)
    assert bag.score(test_x, test_y) > alone + 0.1
    assert bag.score_ == pytest.approx(bag.score(test_x, test_y), abs=0.07)
    assert {member.features.size for member in bag.members_} == {8}


def test_groups_are_drawn_whole() -> None:
    """A group's label is by chance: whoever has seen one of its rows knows it, and nobody else can."""
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    x, y = np.column_stack([groups, draw.normal(size=300)]), draw.integers(0, 2, 60)[groups]
    member = [DecisionTreeClassifier(random_state=0)]
    leaking = Bag(member, draws=40).fit(x, y)
    honest = Bag(member, draws=40).fit(x, y, groups=groups)
    assert leaking.score_ > 0.8
    assert abs(honest.score_ - 0.5) < 0.15
    for rows in honest.rows_:
        assert not set(groups[rows]) & set(groups[np.setdiff1d(np.arange(300), rows)])


@given(
    seed=st.integers(0, 1000),
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    share=st.floats(0.05, 1.0),
    replace=st.booleans(),
    grouped=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_no_draw_lacks_a_class(seed: int, sizes: list[int], share: float, replace: bool, grouped: bool) -> None:
    y = np.repeat(np.arange(len(sizes)), sizes)
    draw = np.random.RandomState(seed)
    groups = draw.randint(0, 6, len(y)) if grouped else None
    rows = _Drawing(y, groups, True).rows(share, replace, draw)
    assert set(y[rows]) == set(y)
    if not replace:
        assert grouped or len(set(rows)) == len(rows)
    if not grouped:
        assert list(np.bincount(y[rows])) == [max(1, round(share * size)) for size in sizes]


def test_rows_count_as_much_as_they_weigh_and_seeds_draw_the_same() -> None:
    rows = np.where(np.arange(len(Y)) < 300, 1.0, 0.0)
    one, two = (Bag([Ridge(0.1)], draws=5).fit(X, Y, sample_weight=rows) for _ in range(2))
    assert np.array_equal(one.predict(X), two.predict(X))
    assert one.predict(X) != pytest.approx(Bag([Ridge(0.1)], draws=5).fit(X, Y).predict(X))
    assert one.predict(X) != pytest.approx(
        Bag([Ridge(0.1)], draws=5, random_state=1).fit(X, Y, sample_weight=rows).predict(X)
    )


def test_it_is_calibrated_by_what_is_out_of_bag() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    fit_x, test_x, fit_y, test_y = train_test_split(x, y, test_size=0.5, random_state=1)
    plain = Bag([GaussianNB()], draws=10).fit(fit_x, fit_y)
    held = Bag([GaussianNB()], draws=10, calibrate="temperature").fit(fit_x, fit_y)
    assert log_loss(test_y, held.predict_proba(test_x)) < 0.8 * log_loss(test_y, plain.predict_proba(test_x))
    assert accuracy_score(test_y, held.predict(test_x)) == accuracy_score(test_y, plain.predict(test_x))


def test_texts_are_drawn_too() -> None:
    texts = ["good film", "fine film", "good plot", "bad film", "poor plot", "bad plot"] * 5
    y = np.array([1, 1, 1, 0, 0, 0] * 5)
    bag = Bag([make_pipeline(TfidfVectorizer(), LogisticRegression())], draws=3).fit(texts, y)
    assert list(bag.predict(["a good plot", "a bad film"])) == [1, 0]
    with pytest.raises(ValueError, match="texts have no features to draw"):
        Bag([make_pipeline(TfidfVectorizer(), LogisticRegression())], features=0.5).fit(texts, y)


@pytest.mark.parametrize(
    ("bag", "told"),
    [
        (Bag([GaussianNB()], draws=0), "draws is a whole number of 1 or more"),
        (Bag([GaussianNB()], rows=0), "rows is a share above 0 and up to 1"),
        (Bag([GaussianNB()], features=1.5), "features is a share above 0 and up to 1"),
        (Bag([RidgeClassifier()]), "predicts no probabilities; calibrate it"),
        (Bag([GaussianNB()], calibrate="platt"), "calibrate is one of sigmoid, isotonic, temperature, or None"),
        (Bag([Ridge()], calibrate="sigmoid"), "only a composition of classifiers is calibrated"),
        (
            Bag([GaussianNB()], draws=1, replace=False, calibrate="sigmoid"),
            "no row is out of bag to calibrate by",
        ),
    ],
)
def test_what_does_not_go_together_is_told(bag: Bag, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        bag.fit(*load_iris(return_X_y=True))


@parametrize_with_checks(
    [
        Bag([("line", Ridge()), ("tree", DecisionTreeRegressor(random_state=0))], draws=3),
        Bag([("line", LogisticRegression()), ("bayes", GaussianNB())], draws=3, calibrate="temperature"),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
