"""Blends of real models on real data."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_friedman1
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Blend
from partita.compose.weights import two_model_weight
from tests.unit.compose.by_folds import BY_FOLDS

DIABETES = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)


def test_the_weight_of_two_models_is_that_of_the_closed_form() -> None:
    x, y = DIABETES[0][:300], DIABETES[1][:300]
    members = [Ridge(0.1), KNeighborsRegressor(15)]
    blend = Blend(members, cv=KFold(5), draw=0, keep="blend").fit(x, y)
    first, second = (cross_val_predict(member, x, y, cv=KFold(5)) for member in members)
    assert blend.weights_[0] == pytest.approx(two_model_weight(y, first, second), abs=1e-9)
    assert blend.weights_[0] == pytest.approx(0.96381175, abs=1e-6)
    mixed = sum(w * m.predict(DIABETES[0][300:]) for w, m in zip(blend.weights_, blend.members_, strict=True))
    assert blend.predict(DIABETES[0][300:]) == pytest.approx(mixed, abs=1e-9)


def test_one_model_is_kept_where_blending_gains_no_more_than_noise() -> None:
    x, y = DIABETES
    blend = Blend([Ridge(0.1), KNeighborsRegressor(15)]).fit(x, y)
    assert sorted(blend.weights_) == [0, 1]
    assert blend.choice_.startswith("ridge alone is kept: ")
    assert "within its standard error" in blend.choice_


def _left(x: Any) -> Any:
    return x[:, :2]


def _right(x: Any) -> Any:
    return x[:, 2:]


def test_a_blend_is_kept_where_it_gains_more() -> None:
    """Each member sees a part of what there is to be seen."""
    x, y = make_friedman1(500, n_features=5, noise=1.0, random_state=0)
    members = [make_pipeline(FunctionTransformer(part), KNeighborsRegressor()) for part in (_left, _right)]
    blend = Blend(members).fit(x[:300], y[:300])
    assert blend.choice_.startswith("it blends: ")
    assert "it gains" in blend.choice_
    assert blend.names_ == ["pipeline", "pipeline-2"]
    alone = min(mean_squared_error(y[300:], member.predict(x[300:])) for member in blend.members_)
    assert mean_squared_error(y[300:], blend.predict(x[300:])) < 0.9 * alone


def test_classes_may_be_texts_and_probabilities_sum_to_one() -> None:
    x, y = IRIS[0], np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
    blend = Blend([LogisticRegression(max_iter=500), GaussianNB(), KNeighborsClassifier()], keep="blend").fit(x, y)
    told = blend.predict_proba(x)
    assert told.shape == (150, 3)
    assert told.sum(axis=1) == pytest.approx(np.ones(150))
    assert list(blend.classes_) == ["setosa", "versicolor", "virginica"]
    assert set(blend.predict(x)) <= set(blend.classes_)
    assert blend.score(x, y) > 0.95
    assert blend.names_ == ["logisticregression", "gaussiannb", "kneighborsclassifier"]
    assert log_loss(y, told) < log_loss(y, blend.members_[1].predict_proba(x))


def test_a_class_that_a_fold_does_not_have_counts_as_improbable_there() -> None:
    x, y = IRIS[0], IRIS[1].copy()
    y[0] = 9  # only one row of it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        blend = Blend([GaussianNB(var_smoothing=1e-3), KNeighborsClassifier()], keep="blend").fit(x, y)
    assert blend.predict_proba(x).shape == (150, 4)
    assert np.all(np.isfinite(blend.predict_proba(x)))


def test_frames_and_pipelines_stay_what_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DIABETES[0], columns=[f"c{n}" for n in range(10)])
    blend = Blend([("line", make_pipeline(StandardScaler(), Ridge())), ("near", KNeighborsRegressor())]).fit(
        frame, DIABETES[1]
    )
    assert list(blend.feature_names_in_) == list(frame.columns)
    assert blend.predict(frame).shape == (442,)
    with pytest.raises(ValueError, match="feature names should match"):
        blend.predict(frame[frame.columns[::-1]])


def test_nothing_of_a_fold_leaks_into_what_predicts_it() -> None:
    """A member that remembers its rows by heart: it would be perfect, were it judged on rows that it has seen."""

    class ByHeart(KNeighborsRegressor):  # type: ignore[misc]
        pass

    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(200, 3)), draw.normal(size=200)
    blend = Blend([("heart", ByHeart(1)), ("mean", Ridge(1e6))]).fit(x, y)
    assert blend.members_[0].score(x, y) == 1.0
    assert blend.weights_ == pytest.approx([0, 1])


def test_groups_and_time_are_honoured() -> None:
    x, y = DIABETES
    groups = np.arange(len(y)) // 20
    grouped = Blend([Ridge(), KNeighborsRegressor()], cv=GroupKFold(4)).fit(x, y, groups=groups)
    assert grouped.losses_["ridge"] > 0
    timed = Blend([Ridge(), KNeighborsRegressor()], cv=TimeSeriesSplit(4)).fit(x, y)
    assert timed.predict(x).shape == y.shape


def test_weights_of_rows_count_and_are_refused_by_members_that_take_none() -> None:
    x, y = DIABETES
    rows = np.where(np.arange(len(y)) < 200, 1.0, 0.0)
    blend = Blend([Ridge(), DecisionTreeRegressor(random_state=0)], cv=KFold(5), keep="blend").fit(
        x, y, sample_weight=rows
    )
    assert blend.losses_["ridge"] != Blend([Ridge()], cv=KFold(5)).fit(x, y).losses_["ridge"]
    with pytest.raises(ValueError, match="the member near takes no sample_weight"):
        Blend([("line", Ridge()), ("near", KNeighborsRegressor())]).fit(x, y, sample_weight=rows)


def test_parameters_of_members_are_set_by_their_names() -> None:
    blend = Blend([("line", Ridge()), ("near", KNeighborsRegressor())])
    blend.set_params(line__alpha=7.0, near=KNeighborsRegressor(3), cv=3)
    assert blend.get_params()["line__alpha"] == 7.0
    assert blend.get_params()["near"].n_neighbors == 3
    assert clone(blend).get_params()["line__alpha"] == 7.0
    assert is_regressor(blend)
    assert not hasattr(blend, "predict_proba")
    assert is_classifier(Blend([GaussianNB()]))


@pytest.mark.parametrize(
    ("blend", "told"),
    [
        (Blend([]), "needs a list of members"),
        (Blend("ridge"), "needs a list of members"),
        (Blend([Ridge(), GaussianNB()]), "all regressors, and are ridge: regressor, gaussiannb: classifier"),
        (Blend([3]), "is no estimator"),
        (Blend([("a", Ridge()), ("a", Ridge(2))]), "two members are called 'a'"),
        (Blend([("a__b", Ridge())]), "two underscores"),
        (Blend([LinearSVC(), GaussianNB()]), "predicts no probabilities; calibrate it"),
        (Blend([Ridge()], keep="best"), 'keep is "auto" or "blend"'),
        (Blend([Ridge()], draw=-1), "a number of 0 or more"),
    ],
)
def test_what_does_not_go_together_is_told(blend: Blend, told: str) -> None:
    x, y = IRIS
    with pytest.raises(ValueError, match=told):
        blend.fit(x, y)


def test_calibration_may_be_a_part_of_a_member() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    calibrated = make_pipeline(StandardScaler(), CalibratedClassifierCV(LinearSVC(), cv=3))
    blend = Blend([("svc", calibrated), ("dummy", DummyClassifier())]).fit(x, y)
    assert blend.weights_ == pytest.approx([1, 0])
    assert blend.score(x, y) > 0.95


@parametrize_with_checks(
    [
        Blend([("line", Ridge()), ("tree", DecisionTreeRegressor(random_state=0))], cv=3),
        Blend([("line", LogisticRegression()), ("bayes", GaussianNB())], cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
