"""Compiled compositions: used, saved, read back, and found out where they were changed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from partita.compose import Blend, Vote
from partita.compose.compiling import Compiled, compile_onnx, load_compiled
from partita.compose.compiling.runner import Drawn, Runner
from partita.errors import DamagedError

X, Y = load_breast_cancer(return_X_y=True)
NAMES = np.where(Y == 1, "good", "bad")
BLEND = Blend([make_pipeline(StandardScaler(), LogisticRegression()), GaussianNB()], keep="blend", cv=3).fit(X, NAMES)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_onnx(BLEND, X, NAMES, measure=False)


def weights_changed(data: bytes) -> bytes:
    """The graph with other weights."""
    model = onnx.load_from_string(data)
    scalars = [each for each in model.graph.initializer if not each.dims and each.data_type == onnx.TensorProto.DOUBLE]
    weights = [each for each in scalars if onnx.numpy_helper.to_array(each) in BLEND.weights_]
    weights[0].CopyFrom(onnx.numpy_helper.from_array(np.array(0.25), weights[0].name))
    changed: bytes = model.SerializeToString()
    return changed


def test_it_is_saved_as_a_file_that_any_runtime_reads(compiled: Compiled, tmp_path: Path) -> None:
    path = tmp_path / "blend.onnx"
    compiled.save(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    labels, given = session.run(["labels", "given"], {"numbers": X})
    assert np.array_equal(labels, BLEND.predict(X))
    assert given == pytest.approx(BLEND.predict_proba(X), abs=1e-5)


def test_it_is_read_back(compiled: Compiled, tmp_path: Path) -> None:
    compiled.save(tmp_path / "blend.onnx")
    again = load_compiled(tmp_path / "blend.onnx")
    assert np.array_equal(again.classes_, compiled.classes_)
    assert np.array_equal(again.predict(X), compiled.predict(X))
    assert np.array_equal(again.predict_proba(X), compiled.predict_proba(X))
    assert again.score(X, NAMES) == compiled.score(X, NAMES)
    assert again.to_bytes() == compiled.to_bytes()


def test_scikit_learn_takes_it_for_a_classifier(compiled: Compiled) -> None:
    assert is_classifier(compiled)
    expected = get_scorer("neg_log_loss")(BLEND, X, NAMES)
    assert get_scorer("neg_log_loss")(compiled, X, NAMES) == pytest.approx(expected, abs=1e-5)


def test_it_is_pickled(compiled: Compiled) -> None:
    compiled.predict(X)
    again = pickle.loads(pickle.dumps(compiled))
    assert np.array_equal(again.predict_proba(X), compiled.predict_proba(X))
    assert str(again.report) == str(compiled.report)


def test_frames_and_values_are_read_back(tmp_path: Path) -> None:
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    vote = Vote([Ridge(), DecisionTreeRegressor(max_depth=3)]).fit(frame, y)
    compile_onnx(vote, frame, measure=False).save(tmp_path / "vote.onnx")
    again = load_compiled(tmp_path / "vote.onnx")
    assert again.predict(frame[frame.columns[::-1]]) == pytest.approx(vote.predict(frame), rel=1e-5)
    assert not hasattr(again, "predict_proba") and not hasattr(again, "classes_")


def test_a_file_that_was_changed_is_found_out(compiled: Compiled, tmp_path: Path) -> None:
    path = tmp_path / "blend.onnx"
    path.write_bytes(weights_changed(compiled.to_bytes()))
    with pytest.raises(DamagedError, match="is not the one that was compared with Python"):
        load_compiled(path)
    path.write_bytes(compiled.to_bytes()[:-200])
    with pytest.raises(DamagedError, match=r"blend\.onnx"):
        load_compiled(path)


def test_a_graph_that_was_changed_does_not_pass(compiled: Compiled) -> None:
    drawn: Drawn = compiled._model.drawn
    changed = Drawn(weights_changed(drawn.model), drawn.columns, drawn.classes, drawn.has_given)
    found = Compiled(Runner(changed), None).parity(BLEND, X)
    assert not found.holds
    assert found.off > 10
    assert compiled.parity(BLEND, X).holds


def test_a_file_of_another_origin_is_refused(tmp_path: Path) -> None:
    tensor = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [tensor], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="was not saved by Compiled"):
        load_compiled(tmp_path / "other.onnx")
    with pytest.raises(FileNotFoundError):
        load_compiled(tmp_path / "none.onnx")


def test_the_report_is_two_tables() -> None:
    report = compile_onnx(BLEND, X, NAMES).report
    assert report is not None
    first, second = (table.splitlines() for table in str(report).split("\n\n"))
    assert [line.split()[0] for line in first[1:-1]] == [
        "pipeline/standardscaler", "pipeline/logisticregression", "gaussiannb",
    ]  # fmt: skip
    assert "in one graph" in first[-1]
    assert [line.split()[0] for line in second[1:]] == ["Python", "float"]
    python, graph = report.variants
    assert python.single_us is not None and graph.single_us is not None and graph.single_us > 0
    assert graph.batch_us is not None and graph.size_bytes is not None
    assert graph.score == python.score == BLEND.score(X, NAMES)


def frame_of(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_columns_that_are_neither_numbers_nor_texts_are_told() -> None:
    from partita.compose.compiling.rows import Columns

    with pytest.raises(ValueError, match="the column when is neither numbers nor texts"):
        Columns.of(frame_of(when=pd.to_datetime(["2020-01-01"])))
    found = Columns.of(frame_of(a=[1, 2], b=[1.5, None], c=["x", None], d=[True, False]))
    assert found.kinds == ("whole", "number", "text", "whole")
    assert found.may_miss == (1, 2)
    assert Columns.from_dict(found.to_dict()) == found
