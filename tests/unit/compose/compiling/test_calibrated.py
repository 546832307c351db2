"""Calibrated compositions, and decisions by cost, as graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from partita.compose import Blend, Cascade, Severity, Soup, Stack, Vote

pytest.importorskip("onnxruntime")
from partita.compose.compiling import compile_onnx

X, Y = load_iris(return_X_y=True)
NOISY = X + np.random.default_rng(0).normal(scale=0.6, size=X.shape)
TWO = [
    ("line", LogisticRegression(max_iter=500)),
    ("forest", RandomForestClassifier(10, min_samples_leaf=8, random_state=0)),
]
COMPOSITIONS = [Blend(TWO, keep="blend"), Cascade(TWO), Severity(TWO, costs={(2, 1): 9}), Stack(TWO), Vote(TWO)]


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: type(each).__name__)
def test_a_calibrated_composition_is_one_graph(composition: Any, pair: bool, method: str) -> None:
    rows = Y != 0 if pair else Y >= 0
    made = type(composition)(**{**composition.get_params(deep=False), "calibrate": method}).fit(NOISY[rows], Y[rows])
    compiled = compile_onnx(made, NOISY[rows], Y[rows])
    assert "in one graph" in str(compiled.report)
    assert compiled.predict_proba(NOISY[rows]) == pytest.approx(made.predict_proba(NOISY[rows]), abs=1e-5)
    assert np.array_equal(compiled.predict(NOISY[rows]), made.predict(NOISY[rows]))


def test_decisions_by_cost_and_floors_are_those_of_the_graph() -> None:
    severity = Severity([GaussianNB()], costs={(2, 1): 30}, floors={0: 0.95}).fit(NOISY, Y)
    said = severity.predict(NOISY)
    assert np.any(said != np.argmax(severity.predict_proba(NOISY), axis=1))
    compiled = compile_onnx(severity, NOISY, Y)
    assert np.array_equal(compiled.predict(NOISY), said)


def test_a_soup_is_the_graph_of_its_one_model() -> None:
    soup = Soup([LogisticRegression(C=strength, max_iter=500) for strength in (0.1, 1.0)]).fit(NOISY, Y)
    compiled = compile_onnx(soup, NOISY, Y)
    assert "in one graph" in str(compiled.report)
    assert compiled.predict_proba(NOISY) == pytest.approx(soup.predict_proba(NOISY), abs=1e-5)
