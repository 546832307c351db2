"""Detectors weighed by what their misses cost."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Severity
from partita.compose.severity import _Judged
from tests.unit.compose.by_folds import BY_FOLDS
from tests.unit.compose.test_vote import Says

X, Y = make_classification(1200, 12, n_informative=5, weights=[0.85], flip_y=0.05, class_sep=0.8, random_state=3)
FIT_X, TEST_X, FIT_Y, TEST_Y = train_test_split(X, Y, test_size=0.4, stratify=Y, random_state=0)
MEMBERS = [("line", LogisticRegression()), ("bayes", GaussianNB()), ("near", KNeighborsClassifier(15))]
MISSES = np.array([[0.0, 1.0], [20.0, 0.0]])


def mean_cost(truth: Any, said: Any, costs: Any) -> float:
    return float(np.mean(np.asarray(costs)[truth, said]))


def test_the_known_answer_of_one_member_is_bayes_rule() -> None:
    """A miss costs 4, a false alarm 1: from a probability of 1/5 on, an alarm costs less."""
    rows, labels = np.zeros((10, 1)), np.repeat([0, 1], 5)
    for probability, said in ((0.19, 0), (0.21, 1)):
        member = Severity([Says((1 - probability, probability))], costs=[[0, 1], [4, 0]], cv=2).fit(rows, labels)
        assert set(member.predict(rows)) == {said}
        assert member.expected_costs(rows)[0] == pytest.approx([4 * probability, 1 - probability])
        assert member.cost_ == pytest.approx(0.5 * (4, 1)[said])


def test_decisions_cost_less_than_those_of_the_most_probable_class() -> None:
    plain = Severity(MEMBERS).fit(FIT_X, FIT_Y)
    costly = Severity(MEMBERS, costs=MISSES).fit(FIT_X, FIT_Y)
    assert mean_cost(TEST_Y, costly.predict(TEST_X), MISSES) < 0.7 * mean_cost(TEST_Y, plain.predict(TEST_X), MISSES)
    assert costly.cost_ == costly.costs_["severity"]
    assert set(costly.costs_) == {"line", "bayes", "near", "severity"}
    assert costly.cost_ <= min(costly.costs_.values()) * 1.05
    assert costly.cost_ == pytest.approx(mean_cost(TEST_Y, costly.predict(TEST_X), MISSES), rel=0.4)
    assert costly.predict_proba(TEST_X).sum(axis=1) == pytest.approx(np.ones(len(TEST_X)))


def test_costs_may_be_said_by_pairs_of_labels() -> None:
    labels = np.array(["well", "ill"])[FIT_Y]
    by_pairs = Severity(MEMBERS, costs={("ill", "well"): 20}).fit(FIT_X, labels)
    assert list(by_pairs.classes_) == ["ill", "well"]
    assert by_pairs.matrix_.tolist() == [[0, 20], [1, 0]]
    by_matrix = Severity(MEMBERS, costs=[[0, 20], [1, 0]]).fit(FIT_X, labels)
    assert np.array_equal(by_pairs.predict(TEST_X), by_matrix.predict(TEST_X))


@pytest.mark.parametrize("floor", [0.8, 0.95])
def test_a_floor_is_kept(floor: float) -> None:
    free = Severity(MEMBERS).fit(FIT_X, FIT_Y)
    held = Severity(MEMBERS, floors={1: floor}).fit(FIT_X, FIT_Y)
    assert free.recalls_[1] < floor <= held.recalls_[1] + 1e-9
    assert held.factors_[1] > held.factors_[0] == 1
    found = recall_score(TEST_Y, held.predict(TEST_X))
    assert found > recall_score(TEST_Y, free.predict(TEST_X))
    assert found == pytest.approx(floor, abs=0.12)


def test_floors_of_several_classes() -> None:
    x, y = load_iris(return_X_y=True)
    noisy = x + np.random.default_rng(0).normal(scale=0.5, size=x.shape)
    held = Severity([GaussianNB(), LogisticRegression()], floors={1: 0.8, 2: 0.8}).fit(noisy, y)
    assert min(held.recalls_[1], held.recalls_[2]) >= 0.8 - 1e-9
    with pytest.raises(ValueError, match="the floors cannot be kept together: out of fold"):
        Severity([GaussianNB(), LogisticRegression()], floors={1: 1.0, 2: 1.0}).fit(noisy, y)


@given(
    seed=st.integers(0, 10_000), count=st.integers(2, 40), classes=st.integers(2, 4), floor=st.sampled_from([0, 0.6])
)
@settings(max_examples=60, deadline=None)
def test_no_weights_of_two_members_are_better(seed: int, count: int, classes: int, floor: float) -> None:
    draw = np.random.default_rng(seed)
    predictions = draw.dirichlet(np.ones(classes), size=(2, count))
    at = draw.integers(0, classes, count)
    costs = draw.integers(1, 9, (classes, classes)) * (1.0 - np.eye(classes))
    floors = np.zeros(classes)
    floors[0] = floor
    judged = _Judged(predictions, at, draw.uniform(0.1, 1, count), costs, floors)
    worths = judged.worths(np.array([[part, 1 - part] for part in np.linspace(0, 1, 101)]))
    assert judged.worths(judged.best_weights()[None])[0] <= min(worths)
    assert min(worths)[0] == 0  # one floor can always be kept


def test_calibration_helps_a_member_that_is_too_sure() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    costs = [[0, 30], [1, 0]]
    plain = Severity([GaussianNB()], costs=costs).fit(x, y)
    held = Severity([GaussianNB()], costs=costs, calibrate="temperature").fit(x, y)
    assert held.cost_ < plain.cost_


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        (Severity([Ridge()]), "the members are to be classifiers"),
        (Severity([GaussianNB()], costs=[[0, 1]]), r"costs of 2 classes are \(2, 2\) finite numbers"),
        (Severity([GaussianNB()], costs=[[1, 0], [1, 0]]), "saying 1 where 0 is true costs less than the truth"),
        (Severity([GaussianNB()], costs={("a", "b"): 1}), r"costs are by \(truth, said\) of the classes 0, 1"),
        (Severity([GaussianNB()], floors={7: 0.5}), "there is no 7"),
        (Severity([GaussianNB()], floors={1: 95}), "a floor is a share from 0 to 1"),
        (Severity([GaussianNB()], calibrate="x"), "calibrate is one of"),
    ],
)
def test_what_does_not_go_together_is_told(severity: Severity, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        severity.fit(FIT_X, FIT_Y)


@parametrize_with_checks(
    [
        Severity([("line", LogisticRegression()), ("bayes", GaussianNB())], cv=3),
        Severity([("line", LogisticRegression()), ("bayes", GaussianNB())], cv=3, calibrate="sigmoid"),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
