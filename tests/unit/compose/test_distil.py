"""Students of large models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Blend, Distil
from partita.compose.distil import _Pupil
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIGITS = tuple(each[np.random.default_rng(0).permutation(1797)[:700]] for each in load_digits(return_X_y=True))


def test_the_known_answer_of_rows_shown_once_for_each_class() -> None:
    """A constant student can only say how probable classes are on the whole: the mean of what the teacher says."""
    draw = np.random.default_rng(0)
    wanted = draw.dirichlet(np.ones(3), 50)
    rows = draw.normal(size=(50, 2))
    pupil = _Pupil(DecisionTreeClassifier(max_depth=1, min_samples_leaf=10_000), "classes", 0.0).fit(rows, wanted)
    assert pupil.predict(rows[:1])[0] == pytest.approx(wanted.mean(axis=0))
    doubled = np.where(np.arange(50) < 25, 2.0, 1.0)
    pupil.fit(rows, wanted, doubled)
    assert pupil.predict(rows[:1])[0] == pytest.approx(np.average(wanted, axis=0, weights=doubled))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_known_answer_of_log_odds(classes: int) -> None:
    """A linear student of a linear teacher is the teacher."""
    x, y = IRIS[0][IRIS[1] < classes] - 3, IRIS[1][IRIS[1] < classes]
    teacher = LogisticRegression(C=0.05, max_iter=2000).fit(x, y)
    pupil = _Pupil(LinearRegression(), "odds", 0.0).fit(x, teacher.predict_proba(x))
    assert pupil.predict(x) == pytest.approx(teacher.predict_proba(x), abs=1e-6)


@pytest.mark.parametrize(
    "student", [LogisticRegression(max_iter=1000), DecisionTreeRegressor(max_depth=12, random_state=0)]
)
def test_a_student_comes_near_to_its_teacher_and_says_how_near(student: Any) -> None:
    x, y = DIGITS[0] / 16, DIGITS[1]
    teacher = Blend(
        [("forest", RandomForestClassifier(60, random_state=0)), ("line", LogisticRegression())], cv=3, keep="blend"
    )
    distil = Distil(teacher, student, cv=3).fit(x[:500], y[:500])
    assert 0.5 < distil.agreement_ <= 1
    assert distil.scores_["teacher"] > 0.9
    assert distil.scores_["student"] == pytest.approx(distil.score(x[500:], y[500:]), abs=0.12)
    assert np.mean(distil.predict(x[500:]) == distil.teacher_.predict(x[500:])) == pytest.approx(
        distil.agreement_, abs=0.12
    )
    assert distil.distance_ > 0
    assert distil.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(len(x)))


@given(seed=st.integers(0, 99), classes=st.integers(2, 4), outputs=st.integers(1, 3), as_odds=st.booleans())
@settings(max_examples=15, deadline=None)
def test_classes_and_outputs_of_any_number_are_taught(seed: int, classes: int, outputs: int, as_odds: bool) -> None:
    draw = np.random.default_rng(seed)
    x, labels = draw.normal(size=(40, 3)), np.arange(40) % classes
    student = LinearRegression() if as_odds else GaussianNB()
    distil = Distil(GaussianNB(), student, cv=2).fit(x, labels)
    assert distil.predict_proba(x).shape == (40, classes)
    assert distil.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(40))
    values = draw.normal(size=(40, outputs)).squeeze()
    assert Distil(Ridge(), LinearRegression(), cv=2).fit(x, values).predict(x).shape == values.shape


def test_further_rows_teach_more() -> None:
    x, y = DIGITS[0] / 16, DIGITS[1]
    teacher = RandomForestClassifier(60, random_state=0)
    student = DecisionTreeClassifier(max_depth=9, random_state=0)
    few = Distil(teacher, student, cv=3).fit(x[:150], y[:150])
    more = Distil(teacher, student, cv=3).fit(x[:150], y[:150], further=x[150:500])
    told = few.teacher_.predict(x[500:])
    assert np.array_equal(told, more.teacher_.predict(x[500:]))
    assert np.mean(more.predict(x[500:]) == told) > np.mean(few.predict(x[500:]) == told) + 0.03
    assert few.scores_ == more.scores_  # which are measured without them
    scattered = Distil(teacher, student, cv=3).fit(
        sparse.csr_matrix(x[:150]), y[:150], further=sparse.csr_matrix(x[150:500])
    )
    assert scattered.predict(sparse.csr_matrix(x[500:])).shape == (200,)


def test_a_teacher_is_not_asked_about_rows_that_it_knows_by_heart() -> None:
    """Labels by chance: a nearest neighbour is certain of each row that it has seen, and wrong about others."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(400, 3)), draw.integers(0, 2, 400)
    distil = Distil(KNeighborsClassifier(1), DecisionTreeClassifier(random_state=0), cv=4).fit(x, y)
    assert abs(distil.scores_["teacher"] - 0.5) < 0.1
    assert np.mean(distil.student_.predict(x) == y) < 0.65  # it did not learn the labels through its teacher


def test_regressors_frames_weights_and_time() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"c{number}" for number in range(10)])
    forest = RandomForestRegressor(30, random_state=0)
    distil = Distil(forest, Ridge(0.01), cv=3).fit(
        frame[:300], Y[:300], sample_weight=np.ones(300), further=frame[300:]
    )
    assert distil.agreement_ > 0.5
    assert distil.distance_ < Y.std()
    assert distil.student_.score(frame, Y) == distil.score(frame, Y)
    timed = Distil(forest, Ridge(0.01), cv=TimeSeriesSplit(3)).fit(X, Y)
    assert timed.predict(X).shape == Y.shape
    true = Distil(forest, LinearRegression(), truth=1.0, cv=3).fit(X, Y)
    assert true.predict(X) == pytest.approx(LinearRegression().fit(X, Y).predict(X))


def test_folds_given_by_rows_are_those_of_the_rows_that_are_left() -> None:
    pairs = list(TimeSeriesSplit(4).split(X))
    taught = [
        Distil(RandomForestRegressor(20, random_state=0), Ridge(0.01), cv=cv).fit(X, Y) for cv in (pairs, iter(pairs))
    ]
    assert taught[0].scores_ == taught[1].scores_ and taught[0].scores_["student"] > 0.3


def test_temperature_makes_what_is_improbable_count_more() -> None:
    student = LogisticRegression(max_iter=1000)
    plain, warm = (Distil(GaussianNB(), student, temperature=t, cv=3).fit(*IRIS) for t in (1.0, 5.0))
    assert warm.predict_proba(IRIS[0]).max(axis=1).mean() < plain.predict_proba(IRIS[0]).max(axis=1).mean() - 0.05
    hard = Distil(GaussianNB(), student, truth=1.0, cv=3).fit(*IRIS)
    assert hard.predict_proba(IRIS[0]) == pytest.approx(student.fit(*IRIS).predict_proba(IRIS[0]), abs=1e-2)
    assert log_loss(IRIS[1], hard.predict_proba(IRIS[0])) < 0.2


def test_parameters_are_set_by_names() -> None:
    distil = Distil(Ridge(), Ridge())
    distil.set_params(teacher__alpha=3.0, student=LinearRegression())
    assert clone(distil).teacher.alpha == 3.0
    assert isinstance(distil.get_params()["student"], LinearRegression)


@pytest.mark.parametrize(
    ("distil", "told"),
    [
        (Distil(Ridge(), LogisticRegression()), "teaches regressors, and the student is none"),
        (Distil(RidgeClassifier(), LogisticRegression()), "the member teacher predicts no probabilities"),
        (
            Distil(GaussianNB(), RidgeClassifier()),
            "the member student predicts no probabilities; let it be a regressor",
        ),
        (Distil(GaussianNB(), KNeighborsClassifier()), "the student takes no sample_weight"),
        (Distil(3, Ridge()), "the teacher is to be a classifier or a regressor, and is 3"),
        (Distil(GaussianNB(), GaussianNB(), temperature=0), "temperature is a number above 0"),
        (Distil(GaussianNB(), GaussianNB(), truth=2), "truth is a number from 0 to 1"),
    ],
)
def test_what_does_not_go_together_is_told(distil: Distil, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        distil.fit(*IRIS)


@parametrize_with_checks(
    [
        Distil(DecisionTreeRegressor(max_depth=4, random_state=0), Ridge(), cv=3),
        Distil(GaussianNB(), LogisticRegression(), cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
