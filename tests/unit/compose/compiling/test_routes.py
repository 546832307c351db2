"""Routes as graphs: each row asks one member, and what is out of scope none."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from partita.compose import Blend, Route, Vote

pytest.importorskip("onnxruntime")
from partita.compose.compiling import Compiled, compile_onnx
from tests.unit.compose.compiling.test_compiler import events, shapes_of_trees

DIGITS_X, DIGITS_Y = load_digits(n_class=7, return_X_y=True)
X, Y = DIGITS_X / 16, np.where(DIGITS_Y < 5, np.char.add("d", DIGITS_Y.astype(str)), "other")
KNOWN = Y != "other"
DIABETES = load_diabetes(return_X_y=True)
LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression(C=0.01)))
FOREST = ("forest", RandomForestClassifier(10, random_state=0))
BAYES = ("bayes", GaussianNB(var_smoothing=1e-2))
ROUTER = DecisionTreeClassifier(max_depth=3, random_state=0)


def compiled_of(route: Route, rows: Any, y: Any) -> Compiled:
    compiled = compile_onnx(route.fit(rows[::2], y[::2]), rows[1::2], y[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    expected = route.predict_proba(rows) if hasattr(route, "predict_proba") else route.predict(rows)
    given = compiled.predict_proba(rows) if hasattr(route, "predict_proba") else compiled.predict(rows)
    assert given == pytest.approx(expected, rel=1e-5, abs=1e-5, nan_ok=True)
    assert np.array_equal(compiled.predict(rows[:9]) == "other", route.predict(rows[:9]) == "other")
    for at in range(6):
        one = route.predict(rows[at : at + 1])
        assert compiled.predict(rows[at : at + 1]).shape == one.shape
    if hasattr(route, "classes_"):
        assert np.array_equal(compiled.predict(rows), route.predict(rows))
    return compiled


@pytest.mark.parametrize("by", [None, ROUTER, make_pipeline(StandardScaler(), LogisticRegression())], ids=str)
@pytest.mark.parametrize("method", [None, "isotonic", "temperature"])
def test_a_router_is_part_of_the_graph(by: Any, method: str | None) -> None:
    route = Route([LINE, FOREST, BAYES], by, cv=3, calibrate=method)
    compiled = compiled_of(route, X[KNOWN], Y[KNOWN])
    assert len(set(route.route_of(X[KNOWN]))) > 1
    assert compiled.report is not None
    assert any(each.member.startswith("router") for each in compiled.report.members)


def test_a_member_runs_on_its_own_rows_only(tmp_path: Path) -> None:
    members = [("small", DecisionTreeClassifier(max_depth=4, random_state=0)), ("large", FOREST[1])]
    route = Route(members, make_pipeline(StandardScaler(), LogisticRegression()), cv=3)
    compiled = compiled_of(route, X[KNOWN], Y[KNOWN])
    told = route.route_of(X[KNOWN])
    small, large = X[KNOWN][told == "small"], X[KNOWN][told == "large"]
    assert len(small) > 3 and len(large) > 10
    assert shapes_of_trees(events(compiled, small[:3], tmp_path)) == [[3, 64]]
    assert shapes_of_trees(events(compiled, np.concatenate([large[:7], small[:2]]), tmp_path)) == [[2, 64], [7, 64]]
    assert shapes_of_trees(events(compiled, large[:1], tmp_path)) == [[1, 64]]


@pytest.mark.parametrize(
    "scope",
    [
        "confidence",
        IsolationForest(n_estimators=20, random_state=0),
        make_pipeline(StandardScaler(), OneClassSVM(nu=0.1)),
        LogisticRegression(),
        RandomForestClassifier(10, random_state=0),
    ],
    ids=["confidence", "isolation", "machine", "line", "forest"],
)
@pytest.mark.parametrize("method", [None, "sigmoid"])
def test_what_is_out_of_scope_is_told_in_the_graph(scope: Any, method: str | None) -> None:
    route = Route([LINE, FOREST], ROUTER, out_of_scope=scope, outside="other", keep=0.8, cv=3, calibrate=method)
    compiled = compiled_of(route, X, Y)
    said = compiled.predict(X)
    assert 0.02 < np.mean(said == "other") < 0.9
    assert np.all(compiled.predict_proba(X)[said == "other"].max(axis=1) == 1.0)


def test_one_member_needs_no_router() -> None:
    compiled = compiled_of(Route([FOREST], out_of_scope="confidence", outside="other", cv=3), X, Y)
    assert compiled.report is not None
    assert [each.member for each in compiled.report.members] == ["forest"]
    best = Route([("line", LogisticRegression()), ("nothing", GaussianNB(var_smoothing=1e9))], cv=3).fit(X, Y)
    best.router_.only_ = 0
    compiled = compile_onnx(best, X, measure=False)
    assert compiled.is_one_graph and {each.member for each in compiled.report.members} == {"line"}  # type: ignore[union-attr]


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("outside", [None, -1.0])
@pytest.mark.parametrize("scope", [None, IsolationForest(n_estimators=20, random_state=0)], ids=["all", "forest"])
def test_routes_of_values(scope: Any, outside: float | None, outputs: int) -> None:
    rows, y = DIABETES
    targets = y if outputs == 1 else np.column_stack([y, -y])
    members = [("line", Ridge(0.1)), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]
    route = Route(members, ROUTER, out_of_scope=scope, outside=outside, cv=3)
    compiled = compiled_of(route, rows, targets)
    assert len(set(route.route_of(rows))) == 2
    if scope is not None:
        nobody = np.isnan(route.predict(rows)) if outside is None else route.predict(rows) == -1.0
        assert 0 < nobody.mean() < 0.5
        found = compiled.predict(rows)
        assert np.array_equal(np.isnan(found) if outside is None else found == -1.0, nobody)


def test_a_member_that_has_never_seen_a_class() -> None:
    route = Route([LINE, BAYES], ROUTER, cv=3).fit(X[KNOWN], Y[KNOWN])
    few = np.flatnonzero(KNOWN & (Y != "d3"))
    route.members_[0] = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(X[few], Y[few])
    compiled = compile_onnx(route, X, measure=False)
    assert compiled.predict_proba(X) == pytest.approx(route.predict_proba(X), abs=1e-5)
    assert np.array_equal(compiled.predict(X), route.predict(X))


def by_first(rows: Any) -> Any:
    return np.where(rows[:, 0] > 0, "right", "left")


@pytest.mark.parametrize("own", [False, True])
def test_a_written_rule_stays_in_python_and_its_members_do_not(own: bool) -> None:
    rows, y = DIABETES
    members = [("left", LinearRegression()), ("right", DecisionTreeRegressor(max_depth=3))]
    route = Route(members, by_first, own=own, cv=3).fit(rows, y)
    compiled = compile_onnx(route, rows, measure=False)
    assert not compiled.is_one_graph and compiled.report is not None
    assert [each.runs_in for each in compiled.report.members] == ["ONNX", "ONNX"]
    assert "in Python: the rule by_first is a function of Python" in str(compiled.report)
    assert compiled.predict(rows) == pytest.approx(route.predict(rows), rel=1e-5)
    with pytest.raises(ValueError, match="the rule by_first"):
        compile_onnx(route, rows, hybrid=False)


def test_a_detector_that_is_written_down_wrongly_stays_in_python() -> None:
    """The known answer: distances in the converter's graph of a local outlier factor are not those of scikit-learn."""
    scope = LocalOutlierFactor(novelty=True)
    route = Route([LINE, FOREST], ROUTER, out_of_scope=scope, outside="other", keep=0.9, cv=3).fit(X[::2], Y[::2])
    compiled = compile_onnx(route, X[1::2], measure=False)
    assert not compiled.is_one_graph and compiled.report is not None
    line = next(each for each in compiled.report.members if each.member == "scope")
    assert line.runs_in == "Python" and line.parity is not None and line.parity.off
    assert "score_samples of LocalOutlierFactor stays in Python" in compiled.report.joined
    assert np.array_equal(compiled.predict(X), route.predict(X))
    again = pickle.loads(pickle.dumps(compiled))
    assert np.array_equal(again.predict(X), route.predict(X))


@pytest.mark.parametrize(
    "scope", [LogisticRegression(), IsolationForest(n_estimators=10, random_state=0)], ids=["classifier", "forest"]
)
def test_a_member_in_python_and_a_detector_in_a_graph(scope: Any) -> None:
    from tests.unit.compose.compiling.test_compiler import Own

    route = Route([("own", Own()), LINE], ROUTER, out_of_scope=scope, outside=2, cv=3)
    y = np.where(DIGITS_Y < 3, DIGITS_Y % 2, 2)
    route.fit(X, y)
    compiled = compile_onnx(route, X, measure=False)
    assert compiled.report is not None
    assert {each.member: each.runs_in for each in compiled.report.members}["scope"] == "ONNX"
    assert compiled.predict_proba(X) == pytest.approx(route.predict_proba(X), abs=1e-5)


def test_routes_in_compositions_and_compositions_in_routes() -> None:
    route = Route([("blend", Blend([LINE, BAYES], keep="blend", cv=3)), FOREST], ROUTER, cv=3)
    vote = Vote([("route", route), LINE]).fit(X[KNOWN], Y[KNOWN])
    compiled = compile_onnx(vote, X[KNOWN], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(X) == pytest.approx(vote.predict_proba(X), abs=1e-5)
