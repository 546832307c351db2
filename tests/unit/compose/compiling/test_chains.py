"""Chains as graphs: whatever a link gives on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from partita.compose import Blend, Chain

pytest.importorskip("onnxruntime")
from partita.compose.compiling import compile_onnx

IRIS = load_iris(return_X_y=True)
NAMED = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression()))
TREE = ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))
BAYES = ("bayes", GaussianNB(var_smoothing=1e-3))
FOREST = ("forest", RandomForestClassifier(8, min_samples_leaf=4, random_state=0))
CHAINS = [
    Chain([LINE, TREE], cv=3),
    Chain([BAYES, FOREST, LINE], cv=3, append=True),
    Chain([BAYES, LINE], cv=3, append=["bayes"], calibrate="isotonic"),
    Chain([("scaled", StandardScaler()), ("parts", PCA(2)), LINE], append=["parts"], calibrate="sigmoid"),
    Chain([("scaled", StandardScaler()), BAYES], gives={"scaled": "held_out_transform"}),
    Chain([("near", KMeans(3, n_init=1, random_state=0)), LINE], gives={"near": "transform"}),
    Chain([("machine", LinearSVC()), LINE], gives={"machine": "decision_function"}, append=True),
    Chain([("machine", SVC()), TREE], gives={"machine": "decision_function"}),
    Chain([("boosted", GradientBoostingClassifier(n_estimators=3, random_state=0)), LINE], gives={"boosted": "decision_function"}),
    Chain([("blend", Blend([LINE, BAYES], keep="blend", cv=3)), TREE], cv=3, append=True),
    Chain([LINE, ("ridge", RidgeClassifier())], cv=3),
    Chain([LINE]),
]  # fmt: skip


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(name for name, _ in chain.members))
def test_a_chain_is_one_graph(chain: Chain, pair: bool) -> None:
    kept = IRIS[1] != 1 if pair else IRIS[1] >= 0
    rows, y = IRIS[0][kept], NAMED[kept]
    chain.fit(rows[::2], y[::2])
    compiled = compile_onnx(chain, rows[1::2], y[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert np.array_equal(compiled.predict(rows), chain.predict(rows))
    assert compiled.predict(rows[:1]) == chain.predict(rows[:1])
    assert hasattr(compiled, "predict_proba") == hasattr(chain, "predict_proba")
    if hasattr(chain, "predict_proba"):
        assert compiled.predict_proba(rows) == pytest.approx(chain.predict_proba(rows), abs=1e-5)
        assert compiled.predict_proba(rows[:1]) == pytest.approx(chain.predict_proba(rows[:1]), abs=1e-5)
    assert [each.member.split("/")[0] for each in compiled.report.members][-1] == chain.members[-1][0]  # type: ignore[union-attr]


def test_labels_that_are_numbers_are_given_on() -> None:
    rows, y = IRIS
    chain = Chain([TREE, LINE], gives={"tree": "predict"}, append=True, cv=3).fit(rows, y * 10)
    compiled = compile_onnx(chain, rows, measure=False)
    assert compiled.is_one_graph
    assert compiled.predict_proba(rows) == pytest.approx(chain.predict_proba(rows), abs=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_chains_of_values(outputs: int) -> None:
    rows, y = load_diabetes(return_X_y=True)
    targets = y if outputs == 1 else np.column_stack([y, -y])
    chain = Chain([("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))], append=True, cv=3).fit(
        rows, targets
    )
    compiled = compile_onnx(chain, rows, measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict(rows) == pytest.approx(chain.predict(rows), rel=1e-5)
    assert compiled.predict(rows[:1]).shape == chain.predict(rows[:1]).shape


def test_a_class_that_only_the_first_rows_have() -> None:
    """Folds in time: the last link learns from rows that some fold has left out, and knows fewer classes."""
    rows, y = IRIS[0], NAMED
    chain = Chain([LINE, BAYES], cv=TimeSeriesSplit(2), append=True).fit(
        rows, np.where(np.arange(150) < 20, "early", y)
    )
    assert len(chain.links_[-1].classes_) < len(chain.classes_)
    compiled = compile_onnx(chain, rows, measure=False)
    assert compiled.predict_proba(rows) == pytest.approx(chain.predict_proba(rows), abs=1e-5)
    assert np.array_equal(compiled.predict(rows), chain.predict(rows))


def test_what_is_given_stands_beside_columns_of_a_frame() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"age": draw.integers(18, 90, 200), "town": draw.choice(["Graz", "Linz"], 200), "income": draw.normal(size=200)})  # fmt: skip
    y = np.where((frame["income"] > 0) ^ (frame["town"] == "Graz"), "yes", "no")
    first = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"])), LogisticRegression())
    second = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town"]), (StandardScaler(), ["town odds_0", "income"])),
        DecisionTreeClassifier(max_depth=4),
    )
    chain = Chain([("town odds", first), ("last", second)], append=True, cv=3).fit(frame, y)
    compiled = compile_onnx(chain, frame, measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(frame) == pytest.approx(chain.predict_proba(frame), abs=1e-5)
    turned = frame[["income", "town", "age"]]
    assert np.array_equal(compiled.predict(turned), chain.predict(frame))


def test_links_that_stay_in_python_are_joined_with_graphs() -> None:
    from tests.unit.compose.compiling.test_compiler import Own

    rows, y = load_breast_cancer(return_X_y=True)
    machine = ("machine", make_pipeline(StandardScaler(), LinearSVC()))
    chain = Chain([machine, ("own", Own()), LINE], gives={"machine": "decision_function"}, append=True, cv=3).fit(
        rows, y
    )
    compiled = compile_onnx(chain, rows, measure=False)
    assert not compiled.is_one_graph and compiled.report is not None
    told = {each.member.split("/")[0]: each.runs_in for each in compiled.report.members}
    assert told == {"machine": "ONNX", "own": "Python", "line": "ONNX"}
    assert compiled.predict_proba(rows) == pytest.approx(chain.predict_proba(rows), abs=1e-5)
