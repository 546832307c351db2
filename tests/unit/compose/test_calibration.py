"""Probabilities that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.calibration import _SigmoidCalibration
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, TimeSeriesSplit, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from partita.compose import Blend, Cascade, Select, Stack, Vote, calibrated
from partita.compose.calibration import calibration_of, cross_calibrated

METHODS = ["sigmoid", "isotonic", "temperature"]


def told_and_true(classes: int = 3, count: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that hold, and what came of them."""
    draw = np.random.default_rng(seed)
    told = draw.dirichlet(np.ones(classes), count)
    return told, (told.cumsum(axis=1) < draw.random(count)[:, None]).sum(axis=1)


def test_the_known_answer_of_a_temperature() -> None:
    told, at = told_and_true()
    sharp = told**3 / (told**3).sum(axis=1, keepdims=True)
    calibration = calibration_of("temperature", sharp, at, np.ones(len(at)))
    assert calibration.curves[0] == pytest.approx(1 / 3, rel=0.05)
    assert calibration(sharp) == pytest.approx(told, abs=0.03)


def test_the_known_answer_of_a_sigmoid() -> None:
    """As scikit-learn's, on the same numbers."""
    draw = np.random.default_rng(1)
    odds = draw.normal(size=500) * 2
    at = (draw.random(500) < expit(0.5 * odds + 1)).astype(int)
    told = np.column_stack([1 - expit(odds), expit(odds)])
    ours = calibration_of("sigmoid", told, at, np.ones(500))
    theirs = _SigmoidCalibration().fit(odds, at)
    assert ours(told)[:, 1] == pytest.approx(theirs.predict(odds), abs=1e-5)
    assert ours.curves[0] == pytest.approx((0.5, 1), abs=0.3)


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_that_hold_stay_what_they_are(method: str) -> None:
    told, at = told_and_true()
    calibration = calibration_of(method, told, at, np.ones(len(at)))
    assert np.abs(calibration(told) - told).mean() < 0.03


@given(
    method=st.sampled_from(METHODS),
    classes=st.integers(2, 5),
    count=st.integers(2, 40),
    seed=st.integers(0, 1000),
    certain=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_what_comes_out_are_probabilities(method: str, classes: int, count: int, seed: int, certain: bool) -> None:
    told, at = told_and_true(classes, count, seed)
    if certain:
        told = np.eye(classes)[np.argmax(told, axis=1)]
    fold = np.arange(count) % 2
    shares = np.random.default_rng(seed).uniform(0.1, 2, count)
    crossed, (calibration,) = cross_calibrated(method, told[None], at, fold, shares)
    for found in (crossed[0], calibration(told)):
        assert found.shape == told.shape
        assert np.all((found >= 0) & (found <= 1))
        assert found.sum(axis=1) == pytest.approx(np.ones(count))


def test_a_fold_is_calibrated_by_the_others_only() -> None:
    told, at = told_and_true(2, 400)
    fold = np.repeat([0, 1], 200)
    crossed, _ = cross_calibrated("temperature", told[None], at, fold, np.ones(400))
    turned = np.where(fold == 0, 1 - at, at)  # what is true of the first fold is turned round
    again, _ = cross_calibrated("temperature", told[None], turned, fold, np.ones(400))
    assert np.array_equal(crossed[0, fold == 0], again[0, fold == 0])
    assert not np.allclose(crossed[0, fold == 1], again[0, fold == 1])


@pytest.mark.parametrize("method", METHODS)
def test_a_calibrated_member_goes_where_probabilities_are_asked_for(method: str) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    fit_x, test_x, fit_y, test_y = train_test_split(x, y, test_size=0.5, random_state=0)
    plain = GaussianNB().fit(fit_x, fit_y)
    held = calibrated(GaussianNB(), method, cv=3).fit(fit_x, fit_y)
    assert log_loss(test_y, held.predict_proba(test_x)) < log_loss(test_y, plain.predict_proba(test_x))
    iris = load_iris(return_X_y=True)
    blend = Blend([("svc", calibrated(LinearSVC(), method, cv=3)), ("bayes", GaussianNB())], cv=3).fit(*iris)
    assert blend.score(*iris) > 0.9


def test_what_cannot_be_calibrated_is_told() -> None:
    with pytest.raises(ValueError, match="only classifiers are calibrated"):
        calibrated(Ridge())
    with pytest.raises(ValueError, match="calibrate is one of sigmoid, isotonic, temperature"):
        calibrated(GaussianNB(), "platt")


# As a part of compositions

MEMBERS = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=6, random_state=0))]
BREAST = load_breast_cancer(return_X_y=True)
COMPOSITIONS = [
    Blend(MEMBERS, keep="blend"),
    Select(MEMBERS, bags=2, rounds=5),
    Stack(MEMBERS, GaussianNB()),
    Vote(MEMBERS),
    Cascade(MEMBERS),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: type(each).__name__)
def test_a_composition_is_calibrated_by_what_it_says_out_of_fold(composition: Any, method: str) -> None:
    fit_x, test_x, fit_y, test_y = train_test_split(*BREAST, test_size=0.5, random_state=1)
    plain = clone(composition).fit(fit_x, fit_y)
    held = clone(composition).set_params(calibrate=method).fit(fit_x, fit_y)
    assert log_loss(test_y, held.predict_proba(test_x)) < log_loss(test_y, plain.predict_proba(test_x)) + 0.02
    assert held.score(test_x, test_y) > 0.88
    told = held.predict_proba(test_x)
    assert np.array_equal(held.predict(test_x), held.classes_[np.argmax(told, axis=1)])


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: type(each).__name__)
def test_calibration_honours_groups_time_and_weights(composition: Any) -> None:
    x, y = BREAST
    asked = {"calibrate": "temperature"}
    grouped = clone(composition).set_params(cv=GroupKFold(4), **asked).fit(x, y, groups=np.arange(len(y)) // 10)
    assert grouped.predict_proba(x).shape == (len(y), 2)
    timed = clone(composition).set_params(cv=TimeSeriesSplit(4), **asked).fit(x, y, sample_weight=np.ones(len(y)))
    assert timed.score(x, y) > 0.85


def test_classes_that_are_three_and_called_by_texts() -> None:
    x, y = load_iris(return_X_y=True)
    labels = np.array(["c", "a", "b"])[y]
    for composition in COMPOSITIONS:
        for method in METHODS:
            held = clone(composition).set_params(calibrate=method).fit(x, labels)
            assert held.score(x, labels) > 0.9
            assert held.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(150))


@pytest.mark.parametrize(
    ("composition", "told"),
    [
        (Blend([Ridge()], calibrate="sigmoid"), "only a composition of classifiers is calibrated"),
        (Select(MEMBERS, calibrate="platt"), "calibrate is one of"),
        (Stack(MEMBERS, LinearSVC(), calibrate="sigmoid"), "the final model predicts no probabilities to calibrate"),
        (Vote(MEMBERS, how="rank", calibrate="sigmoid"), 'a vote by "soft" or "median", and this one is by "rank"'),
        (Vote([Ridge()], calibrate="sigmoid"), "only a composition of classifiers is calibrated"),
    ],
)
def test_compositions_that_cannot_be_calibrated_are_told_of(composition: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        composition.fit(*BREAST)
