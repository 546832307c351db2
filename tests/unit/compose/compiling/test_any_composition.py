"""Whatever the rows, labels and compositions: a graph says what Python does, or there is none."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from partita.compose import Bag, Blend, Cascade, Chain, Distil, Route, Severity
from partita.compose.calibration import Calibration

pytest.importorskip("onnxruntime")
from partita.compose.compiling import ParityError, compile_onnx
from partita.compose.compiling.calibrated import calibrated
from partita.compose.compiling.graph import Graph
from partita.compose.compiling.rows import NUMBERS, Columns
from partita.compose.compiling.runner import GIVEN, opened

LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression()))
TREE = ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))
BAYES = ("bayes", GaussianNB(var_smoothing=1e-2))
FOREST = ("forest", RandomForestClassifier(4, min_samples_leaf=2, random_state=0))
LABELS: dict[str, Any] = {
    "texts": np.array(["ä", "b b", "", "d"], dtype=object),
    "numbers": np.array([-3, 0, 7, 11]),
    "fractions": np.array([-1.0, 0.0, 2.0, 5.0]),
    "truth": np.array([False, True]),
}
METHODS = st.sampled_from([None, "sigmoid", "isotonic", "temperature"])


def composition(kind: str, method: str | None, label: Any, seed: int) -> Any:
    """One of a kind; `label` is what rows out of scope are said to be."""
    scope = {
        "confidence": "confidence",
        "forest": IsolationForest(n_estimators=5, random_state=seed),
        "line": LogisticRegression(),
    }
    folds: dict[str, Any] = {"cv": 2, "calibrate": method}
    if kind.startswith("scope of "):
        found = scope[kind.removeprefix("scope of ")]
        return Route([LINE, TREE], TREE[1], out_of_scope=found, outside=label, keep=0.7, **folds)
    return {
        "bag": lambda: Bag([TREE], draws=3, features=0.6, rows=0.7, calibrate=method, random_state=seed),
        "bag without strata": lambda: Bag(
            [TREE, BAYES], draws=3, rows=0.3, stratify=False, calibrate=method, random_state=seed
        ),
        "blend": lambda: Blend([LINE, FOREST], keep="blend", **folds),
        "cascade": lambda: Cascade([LINE, FOREST], cost=5, **folds),
        "chain": lambda: Chain([BAYES, LINE], append=bool(seed % 2), **folds),
        "distil": lambda: Distil(FOREST[1], [LogisticRegression(), Ridge()][seed % 2], cv=2),
        "route": lambda: Route([LINE, TREE, BAYES], FOREST[1], **folds),
        "severity": lambda: Severity([LINE, BAYES], costs=None, **folds),
    }[kind]()


KINDS = ["bag", "bag without strata", "blend", "cascade", "chain", "distil", "route", "severity"]
SCOPES = ["scope of confidence", "scope of forest", "scope of line"]


def share_at_thresholds(model: Any, rows: Any) -> float:
    """Of the rows those that another member answers where thresholds are a millionth part lower or higher."""
    sides = []
    for way in (-2e-6, 2e-6):
        moved = copy.copy(model)
        for name in ("threshold_", "thresholds_"):
            if hasattr(model, name):
                setattr(moved, name, getattr(model, name) + way)
        sides.append(moved.predict_proba(rows))
    return float(np.mean(np.any(sides[0] != sides[1], axis=1)))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(KINDS + SCOPES),
    method=METHODS,
    labels=st.sampled_from(sorted(LABELS)),
    classes=st.integers(2, 4),
    columns=st.integers(1, 6),
    count=st.integers(24, 60),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    digits=st.sampled_from([0, 1, 12]),
    seed=st.integers(0, 9),
)
def test_any_composition_of_classifiers(
    kind: str,
    method: str | None,
    labels: str,
    classes: int,
    columns: int,
    count: int,
    scale: float,
    digits: int,
    seed: int,
) -> None:
    draw = np.random.default_rng(seed)
    names = LABELS[labels][:classes]
    if kind in SCOPES and len(names) < 3:
        names = LABELS["texts"][:3]  # what is left in scope has two classes
    at = np.arange(count) % len(names)
    rows = (
        np.round(draw.normal(size=(count, columns)) + at[:, None], digits) * scale
    )  # rounded rows come twice, and are ties
    y = names[at] if names.dtype != object else names[at].astype(str)
    model = composition(kind, method, y[len(names) - 1], seed).fit(rows, y)
    try:
        compiled = compile_onnx(model, rows, y, measure=False)
    except ParityError:  # it is told, and only where rounding decides for many rows
        assert share_at_thresholds(model, rows) > 0.01
        return
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.report is not None and compiled.report.parity.holds
    assert np.array_equal(compiled.classes_, model.classes_)
    assert compiled.predict(rows).dtype == model.predict(rows).dtype
    assert set(compiled.predict(rows).tolist()) <= set(model.classes_.tolist())
    given = compiled.predict_proba(rows)
    assert given.shape == (count, len(model.classes_))
    assert given.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-5)
    far = np.abs(given - model.predict_proba(rows)).max(axis=1) > 1e-5
    assert far.sum() == compiled.report.parity.border
    for row in range(3):  # alone it is answered as among others
        assert compiled.predict_proba(rows[row : row + 1])[0] == pytest.approx(given[row], abs=1e-6)
        assert compiled.predict(rows[row : row + 1])[0] == compiled.predict(rows)[row]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(["bag", "chain", "distil", "route", "route with a scope"]),
    outputs=st.integers(1, 3),
    columns=st.integers(1, 6),
    count=st.integers(24, 60),
    seed=st.integers(0, 9),
)
def test_any_composition_of_regressors(kind: str, outputs: int, columns: int, count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(count, columns))
    y = 10 * np.sin(rows.sum(axis=1))[:, None] * np.arange(1, outputs + 1)
    members = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]
    model = {
        "bag": lambda: Bag(members, draws=2, features=0.6, random_state=seed),
        "chain": lambda: Chain(members, append=bool(seed % 2), cv=2),
        "distil": lambda: Distil(members[1][1], Ridge(), cv=2),
        "route": lambda: Route(members, TREE[1], cv=2),
        "route with a scope": lambda: Route(
            members,
            out_of_scope=IsolationForest(n_estimators=5, random_state=0),
            outside=-99.0 if seed % 2 else None,
            cv=2,
        ),
    }[kind]().fit(rows, y[:, 0] if outputs == 1 else y)
    compiled = compile_onnx(model, rows, measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.report is not None and compiled.report.parity.border == 0
    assert compiled.predict(rows) == pytest.approx(model.predict(rows), rel=1e-5, abs=1e-5, nan_ok=True)
    assert compiled.predict(rows[:1]).shape == model.predict(rows[:1]).shape


CURVES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40).map(
    lambda pairs: (np.unique([x for x, _ in pairs]), np.sort([y for _, y in pairs]))
).filter(lambda curve: np.all(np.diff(curve[0]) > 1e-12)).map(lambda curve: (curve[0], curve[1][: len(curve[0])]))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    curves=st.lists(CURVES, min_size=1, max_size=5).filter(lambda each: len(each) != 2),
    given_=st.data(),
)
def test_any_isotonic_curves(curves: list[Any], given_: Any) -> None:
    """The graph's pieces are those of NumPy, at the ends of pieces and beyond them, too."""
    classes = max(2, len(curves))
    ends = [float(x) for inputs, _ in curves for x in inputs]
    numbers = st.one_of(st.floats(0, 1), st.sampled_from(ends))
    rows = given_.draw(arrays.arrays(np.float64, (given_.draw(st.integers(1, 9)), classes), elements=numbers))
    calibration = Calibration("isotonic", tuple(curves))
    graph, columns = Graph(21), Columns(("number",) * classes)
    made = graph.finish(columns, {GIVEN: (calibrated(graph, NUMBERS, calibration), "double", 2)})
    found = opened(made.SerializeToString()).run(None, {NUMBERS: rows})[0]
    assert found == pytest.approx(calibration(rows), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_where_all_calibrated_probabilities_are_none(method: str) -> None:
    """All classes are as probable then."""
    nothing = (np.array([0.5, 0.6]), np.array([0.0, 1.0])) if method == "isotonic" else (1e9, -1e9)
    calibration = Calibration(method, (nothing,) * 3)
    graph = Graph(21)
    made = graph.finish(Columns(("number",) * 3), {GIVEN: (calibrated(graph, NUMBERS, calibration), "double", 2)})
    rows = np.array([[0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    found = opened(made.SerializeToString()).run(None, {NUMBERS: rows})[0]
    with np.errstate(all="ignore"):
        expected = calibration(rows)
    assert found == pytest.approx(expected)
    assert expected[0] == pytest.approx(np.full(3, 1 / 3))
