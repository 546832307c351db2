"""Calibrated classifiers of scikit-learn, as members that are graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from partita.compose import Blend, Vote
from partita.compose.calibration import calibrated

pytest.importorskip("onnxruntime")
from partita.compose.compiling import compile_onnx

X, Y = load_iris(return_X_y=True)
NOISY = X + np.random.default_rng(0).normal(scale=0.6, size=X.shape)
NAMED = np.array(["setosa", "versicolor", "virginica"])[Y]
MEMBERS = {
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(10, min_samples_leaf=5, random_state=0),
    "bayes": make_pipeline(StandardScaler(), GaussianNB()),
    "machine": LinearSVC(),
    "ridge": make_pipeline(StandardScaler(), RidgeClassifier()),
    "search": GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1]}, cv=2
    ),
    "vote": Vote([LogisticRegression(), GaussianNB()]),
}


def same(model: Any, rows: Any, y: Any) -> Any:
    compiled = compile_onnx(model.fit(rows[::2], y[::2]), rows[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(rows) == pytest.approx(model.predict_proba(rows), abs=1e-5)
    assert np.array_equal(compiled.predict(rows), model.predict(rows))
    assert compiled.predict_proba(rows[:1]) == pytest.approx(model.predict_proba(rows[:1]), abs=1e-5)
    return compiled


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("name", MEMBERS)
def test_a_calibrated_member_is_part_of_the_graph(name: str, pair: bool, method: str) -> None:
    kept = Y != 0 if pair else Y >= 0
    members = [("calibrated", calibrated(MEMBERS[name], method, cv=3)), ("other", GaussianNB())]
    compiled = same(Blend(members, keep="blend", cv=3), NOISY[kept], NAMED[kept])
    assert any(each.member.startswith("calibrated/fold 1") for each in compiled.report.members)


@pytest.mark.parametrize("ensemble", [True, False])
def test_alone_and_as_one_that_was_fitted_before(ensemble: bool) -> None:
    same(CalibratedClassifierCV(MEMBERS["pipeline"], method="isotonic", cv=3, ensemble=ensemble), NOISY, NAMED)
    frozen = FrozenEstimator(MEMBERS["pipeline"].fit(NOISY[::3], NAMED[::3]))
    same(CalibratedClassifierCV(frozen, method="sigmoid"), NOISY, NAMED)


def test_ten_classes() -> None:
    rows, y = load_digits(return_X_y=True)
    same(calibrated(RandomForestClassifier(10, random_state=0), "isotonic", cv=3), rows, y)


def test_one_with_a_part_that_no_exporter_knows_stays_in_python_as_a_whole() -> None:
    from tests.unit.compose.compiling.test_compiler import Own

    kept = Y != 0
    own = ("own", calibrated(Own(), "sigmoid", cv=3))
    blend = Blend([own, ("bayes", GaussianNB())], keep="blend", cv=3).fit(NOISY[kept], Y[kept])
    compiled = compile_onnx(blend, NOISY[kept], measure=False)
    assert compiled.report is not None
    assert {each.member: each.runs_in for each in compiled.report.members} == {"own": "Python", "bayes": "ONNX"}
    assert compiled.predict_proba(NOISY[kept]) == pytest.approx(blend.predict_proba(NOISY[kept]), abs=1e-5)
