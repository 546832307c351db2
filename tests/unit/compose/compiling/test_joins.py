"""Bags and what was distilled, as graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from partita.compose import Bag, Distil, Stack, Vote

pytest.importorskip("onnxruntime")
from partita.compose.compiling import compile_onnx

CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
NAMED = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
TREE = ("tree", DecisionTreeClassifier(max_depth=3))
LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression()))


def same_classes(composition: Any, rows: Any, y: Any) -> Any:
    """It is one graph and says what Python does, of many rows and of one."""
    compiled = compile_onnx(composition.fit(rows[::2], y[::2]), rows[1::2], y[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert np.array_equal(compiled.classes_, composition.classes_)
    assert compiled.predict_proba(rows) == pytest.approx(composition.predict_proba(rows), abs=1e-5)
    assert np.array_equal(compiled.predict(rows), composition.predict(rows))
    assert compiled.predict_proba(rows[:1]) == pytest.approx(composition.predict_proba(rows[:1]), abs=1e-5)
    assert compiled.predict(rows[:1]) == composition.predict(rows[:1])
    return compiled


def same_values(composition: Any, rows: Any, y: Any) -> Any:
    compiled = compile_onnx(composition.fit(rows[::2], y[::2]), rows[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict(rows) == pytest.approx(composition.predict(rows), rel=1e-5)
    assert compiled.predict(rows[:1]).shape == composition.predict(rows[:1]).shape
    return compiled


@pytest.mark.parametrize("method", [None, "sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("features", [1.0, 0.5])
def test_a_bag_is_the_mean_of_its_draws(features: float, method: str | None) -> None:
    compiled = same_classes(Bag([TREE, LINE], draws=3, features=features, calibrate=method), IRIS[0], NAMED)
    names = [each.member for each in compiled.report.members if "standardscaler" not in each.member]
    assert names == [f"{name} {draw}{step}" for draw in (1, 2, 3) for name, step in (("tree", ""), ("line", "/logisticregression"))]  # fmt: skip


def test_draws_that_lack_a_class() -> None:
    rows, y = IRIS
    few = np.concatenate([np.flatnonzero(y != 2)[::2], np.flatnonzero(y == 2)[:2]])
    bag = Bag([("bayes", GaussianNB(var_smoothing=1e-3))], draws=8, rows=0.2, stratify=False).fit(rows[few], NAMED[few])
    assert {len(member.classes_) for member in bag.members_} == {2, 3}
    compiled = compile_onnx(bag, rows, measure=False)
    assert compiled.predict_proba(rows) == pytest.approx(bag.predict_proba(rows), abs=1e-5)
    assert np.array_equal(compiled.predict(rows), bag.predict(rows))


@pytest.mark.parametrize("outputs", [1, 2])
def test_bags_of_values(outputs: int) -> None:
    rows, y = DIABETES
    targets = y if outputs == 1 else np.column_stack([y, -2 * y])
    same_values(
        Bag([("tree", DecisionTreeRegressor(max_depth=4)), ("line", Ridge())], draws=3, features=0.4), rows, targets
    )


def test_drawn_columns_of_frames_with_texts() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": draw.integers(18, 90, 200), "town": draw.choice(["Graz", "Linz"], 200), "income": draw.normal(size=200)}
    )
    y = (frame["income"] > 0).to_numpy() ^ (frame["town"] == "Graz").to_numpy()
    inner = make_column_transformer(
        (OneHotEncoder(), lambda rows: [name for name in rows.columns if name == "town"]), remainder="passthrough"
    )
    bag = Bag([make_pipeline(inner, DecisionTreeClassifier(max_depth=4))], draws=4, features=0.67).fit(frame, y)
    compiled = compile_onnx(bag, frame, measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(frame) == pytest.approx(bag.predict_proba(frame), abs=1e-5)
    turned = frame[["income", "town", "age"]]
    assert compiled.predict_proba(turned) == pytest.approx(bag.predict_proba(frame), abs=1e-5)


def test_a_bag_on_what_others_have_predicted() -> None:
    stack = Stack([LINE, TREE, ("bayes", GaussianNB())], Bag([TREE], draws=3, features=0.5), cv=3, passthrough=True)
    same_classes(stack, IRIS[0], NAMED)


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize(
    "student", [LogisticRegression(max_iter=500), LinearRegression(), DecisionTreeRegressor(max_depth=4)]
)
def test_a_student_alone_is_the_graph(student: Any, pair: bool) -> None:
    rows = IRIS[1] != 0 if pair else IRIS[1] >= 0
    teacher = RandomForestClassifier(10, min_samples_leaf=3, random_state=0)
    compiled = same_classes(Distil(teacher, student, cv=3), IRIS[0][rows], NAMED[rows])
    assert [each.member for each in compiled.report.members] == ["student"]


def test_a_student_that_is_shown_no_row_of_a_class() -> None:
    """The teacher is sure that there are two classes."""
    rows, y = IRIS
    distil = Distil(LogisticRegression(max_iter=500), LogisticRegression(max_iter=500), cv=3).fit(rows, NAMED)
    shown = y != 1
    distil._pupil.student = LogisticRegression().fit(rows[shown], y[shown])
    compiled = compile_onnx(distil, rows, measure=False)
    assert compiled.predict_proba(rows) == pytest.approx(distil.predict_proba(rows), abs=1e-5)
    assert set(compiled.predict(rows)) == {"setosa", "virginica"}


def test_students_of_values() -> None:
    teacher = Vote([Ridge(), DecisionTreeRegressor(max_depth=6, random_state=0)])
    same_values(Distil(teacher, DecisionTreeRegressor(max_depth=3), cv=3), *DIABETES)


def test_a_bag_of_which_one_member_stays_in_python() -> None:
    from tests.unit.compose.compiling.test_compiler import Own

    bag = Bag([("own", Own()), LINE], draws=2).fit(*CANCER)
    compiled = compile_onnx(bag, CANCER[0], measure=False)
    assert not compiled.is_one_graph and compiled.report is not None
    assert {each.member: each.runs_in for each in compiled.report.members if each.member.startswith("own")} == {
        "own 1": "Python", "own 2": "Python",
    }  # fmt: skip
    assert "ONNX" in {each.runs_in for each in compiled.report.members}
    assert compiled.predict_proba(CANCER[0]) == pytest.approx(bag.predict_proba(CANCER[0]), abs=1e-5)
