"""Quantised and pruned graphs, and modules of PyTorch, which these are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from partita.compose import Blend, Cascade, Vote
from partita.compose.compiling import ParityError, compile_onnx


class Layers(BaseEstimator):  # type: ignore[misc]
    """Layers of neurons, whose module is called as skorch calls it."""

    def __init__(self, loss: Any = torch.nn.functional.cross_entropy, outputs: int = 10) -> None:
        self.loss = loss
        self.outputs = outputs

    def _fit(self, rows: Any, truth: torch.Tensor) -> Any:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.module_ = torch.nn.Sequential(
            torch.nn.Linear(rows.shape[1], 48),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(48, self.outputs),
        )
        steps = torch.optim.Adam(self.module_.parameters(), 0.01)
        for _ in range(60):
            steps.zero_grad()
            self.loss(self.module_(torch.tensor(rows, dtype=torch.float32)), truth).backward()
            steps.step()
        return self

    def _told(self, rows: Any) -> torch.Tensor:
        self.module_.eval()
        with torch.no_grad():
            told: torch.Tensor = self.module_(torch.tensor(np.asarray(rows), dtype=torch.float32))
        return told


class Classes(ClassifierMixin, Layers):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        self.classes_, at = np.unique(y, return_inverse=True)
        truth = torch.tensor(at)
        return self._fit(X, truth if self.outputs > 1 else truth[:, None].float())

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        told = self._told(X)
        if self.outputs > 1:
            return torch.softmax(told, 1).numpy()
        return torch.hstack([torch.sigmoid(-told), torch.sigmoid(told)]).numpy()

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Values(RegressorMixin, Layers):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        return self._fit(X, torch.tensor(y, dtype=torch.float32)[:, None])

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self._told(X).numpy()[:, 0]


ROWS, LABELS = load_digits(return_X_y=True)
ROWS = ROWS / 16
LINE = ("line", LogisticRegression(max_iter=300))
DIGITS = Blend([("layers", Classes()), LINE], keep="blend", cv=2).fit(ROWS[::2], LABELS[::2])


@pytest.mark.parametrize("is_translated", [True, False])
def test_a_module_is_exported_by_either_exporter(is_translated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from partita.compose.compiling import torch_modules

    if not is_translated:  # as where onnxscript is not installed
        monkeypatch.setattr(torch_modules, "find_spec", lambda name: None)
    compiled = compile_onnx(DIGITS, ROWS[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.report is not None and "softmax" in compiled.report.members[0].why
    assert compiled.predict_proba(ROWS) == pytest.approx(DIGITS.predict_proba(ROWS), abs=1e-5)
    assert compiled.predict(ROWS[:1]) == DIGITS.predict(ROWS[:1])


def test_modules_of_one_output_and_of_values() -> None:
    rows, y = load_breast_cancer(return_X_y=True)
    rows = StandardScaler().fit_transform(rows)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    vote = Vote([("layers", Classes(loss, 1)), LINE]).fit(rows, y)
    compiled = compile_onnx(vote, rows, measure=False)
    assert compiled.report is not None and "sigmoid" in compiled.report.members[0].why
    assert compiled.predict_proba(rows) == pytest.approx(vote.predict_proba(rows), abs=1e-5)
    rows, y = load_diabetes(return_X_y=True)
    values = make_pipeline(StandardScaler(), Values(torch.nn.functional.mse_loss, 1)).fit(rows, y)
    compiled = compile_onnx(values, rows, measure=False)
    assert compiled.is_one_graph
    assert compiled.predict(rows) == pytest.approx(values.predict(rows), rel=1e-4)


def test_eight_bits_are_smaller_and_nearly_as_good() -> None:
    compiled = compile_onnx(DIGITS, ROWS[1::2], LABELS[1::2], quantise="int8", loss=0.02)
    assert compiled.report is not None
    python, graph, small = compiled.report.variants
    assert [each.name for each in (python, graph, small)] == ["Python", "float", "int8"]
    assert small.size_bytes is not None and graph.size_bytes is not None
    assert small.size_bytes < 0.8 * graph.size_bytes
    assert small.single_us is not None and small.error is not None and small.error > 1e-4
    assert small.score >= graph.score - 0.02
    assert compiled.score(ROWS[1::2], LABELS[1::2]) == small.score
    model = onnx.load_from_string(compiled.to_bytes())
    assert "MatMulInteger" in {node.op_type for node in model.graph.node}


def test_the_costly_member_of_a_cascade_is_quantised_too() -> None:
    cascade = Cascade([LINE, ("layers", Classes())], cv=2, cost=5).fit(ROWS[::2], LABELS[::2])
    compiled = compile_onnx(cascade, ROWS[1::2], LABELS[1::2], quantise="int8", loss=0.02, measure=False)
    branches = [
        attribute.g
        for node in onnx.load_from_string(compiled.to_bytes()).graph.node
        for attribute in node.attribute
        if node.op_type == "If"
    ]
    assert "MatMulInteger" in {node.op_type for branch in branches for node in branch.node}
    assert compiled.score(ROWS[1::2], LABELS[1::2]) > 0.9


def test_pruned_weights_are_zero() -> None:
    compiled = compile_onnx(DIGITS, ROWS[1::2], LABELS[1::2], prune=0.3, loss=0.05, measure=False)
    model = onnx.load_from_string(compiled.to_bytes())
    matrices = [onnx.numpy_helper.to_array(each) for each in model.graph.initializer if len(each.dims) == 2]
    assert [round(float((each == 0).mean()), 2) for each in matrices if each.size > 100] == [0.3, 0.3]
    assert compiled.report is not None
    graph, small = compiled.report.variants[1:]
    assert small.name == "pruned"
    assert small.packed_bytes is not None and graph.packed_bytes is not None
    assert small.packed_bytes < graph.packed_bytes
    both = compile_onnx(DIGITS, ROWS[1::2], LABELS[1::2], prune=0.3, quantise="int8", loss=0.05, measure=False)
    assert both.report is not None and both.report.variants[-1].name == "pruned and int8"


def test_what_loses_too_much_is_not_used() -> None:
    with pytest.raises(
        ParityError, match=r"the pruned graph scores 0\.\d+, and 0\.\d+ was before: more is lost than 0.01"
    ):
        compile_onnx(DIGITS, ROWS[1::2], LABELS[1::2], prune=0.95, measure=False)
