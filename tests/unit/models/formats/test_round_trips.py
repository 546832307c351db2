"""Every kind of model, stored and read again: what it predicts, in which format, and that equal ones are equal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from partita.artifacts.codecs.encoder import Encoder
from partita.compose.blend import Blend
from partita.compose.stack import Stack
from partita.errors import DamagedError, ModelError, SignatureError
from partita.models import HttpModel, Model, model_of
from partita.protocol.models import model_digest, model_text, stored_model
from partita.values import blobs_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "town": np.where(X[:, 2] > 0, "oslo", "rome")})
TEXTS = ["red apple", "green pear", "red cherry", "green grass"] * 5


class Odd(ClassifierMixin, BaseEstimator):
    """A user's own estimator."""

    def fit(self, X: Any, y: Any) -> Odd:  # noqa: N803
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


class Rule:
    """Any object with `predict`."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0] > self.limit


class Tied(torch.nn.Module):
    """A module with tied weights, a buffer that is not kept in its state, and a plain attribute."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = torch.nn.Linear(size, size), torch.nn.Linear(size, size)
        self.second.weight = self.first.weight
        self.register_buffer("scale", torch.full((1,), 3.0), persistent=False)
        self.norm = torch.nn.BatchNorm1d(size)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.norm(self.second(self.first(rows)) * self.scale)


def _frame_pipeline() -> Any:
    columns = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("t", OneHotEncoder(), ["town"])])
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)


def _onnx_bytes() -> bytes:
    from skl2onnx import to_onnx

    fitted = LogisticRegression().fit(X.astype("float32"), Y)
    data: bytes = to_onnx(fitted, X[:1].astype("float32"), options={"zipmap": False}).SerializeToString()
    return data


def _of_trees(kind: str) -> Any:
    members = [("line", LogisticRegression()), ("trees", RandomForestClassifier(5, random_state=0))]
    return Blend(members, keep="blend").fit(X, Y) if kind == "blend" else Stack(members).fit(X, Y)


SMALL = X.astype("float32")
CASES: dict[str, tuple[Callable[[], Any], Any, str, dict[str, Any]]] = {
    "line": (lambda: LogisticRegression().fit(X, Y), X, "skops", {}),
    "regressor": (lambda: Ridge().fit(X, X[:, 0]), X, "skops", {}),
    "trees": (lambda: RandomForestClassifier(5, random_state=0).fit(X, Y), X, "skops", {}),
    "boosted": (lambda: HistGradientBoostingClassifier(max_iter=5).fit(X, Y), X, "skops", {}),
    "frame": (_frame_pipeline, FRAME, "skops", {}),
    "texts": (lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, ["r", "g"] * 10), TEXTS, "skops", {}),
    "blend": (lambda: _of_trees("blend"), X, "skops", {}),
    "stack": (lambda: _of_trees("stack"), X, "skops", {}),
    "wrapped xgboost": (lambda: xgboost.XGBClassifier(n_estimators=3).fit(X, Y), X, "skops", {}),
    "wrapped lightgbm": (lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y), X, "skops", {}),
    "xgboost": (lambda: xgboost.train({}, xgboost.DMatrix(X, Y), 3), X, "xgboost", {}),
    "lightgbm": (lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 3), X, "lightgbm", {}),
    "onnx": (_onnx_bytes, SMALL, "onnx", {"classes": [0, 1]}),
    "module": (lambda: Tied().eval(), SMALL, "safetensors", {}),
    "classifying module": (lambda: torch.nn.Linear(4, 2), SMALL, "safetensors", {"classes": ["no", "yes"]}),
    "built module": (lambda: Tied(4).eval(), SMALL, "safetensors", {"build": Tied, "arguments": {"size": 4}}),
    "own estimator": (lambda: Odd().fit(X, Y), X, "skops", {}),
    "object": (lambda: Rule(0.1), X, "pickle", {}),
    "asked for as a pickle": (lambda: LogisticRegression().fit(X, Y), X, "pickle", {"format": "pickle"}),
}  # fmt: skip


@pytest.fixture(params=list(CASES), scope="module")
def case(request: pytest.FixtureRequest) -> tuple[Any, Any, str, dict[str, Any]]:
    make, example, form, options = CASES[request.param]
    return make(), example, form, options


def test_a_model_predicts_as_before_when_it_is_read_again(case: Any, encoder: Encoder) -> None:
    wrapped, example, form, options = case
    model = model_of(wrapped, example=example, **options)
    node = encoder.encode(model, Model)
    again = encoder.decode(node)
    assert isinstance(again, Model) and again.format == form and again.title == model.title
    np.testing.assert_array_equal(again.predict(example), model.predict(example))
    assert hasattr(again, "predict_proba") == hasattr(model, "predict_proba") == model.signature.has_probabilities
    if model.signature.has_probabilities:
        given = again.predict_proba(example)
        np.testing.assert_array_equal(given, model.predict_proba(example))
        assert given.shape == (len(example), len(again.signature.classes or ()))
    assert again.signature == model.signature and again.about == model.about
    assert model_text(node).startswith(f"Model {model.title}")


def test_equal_models_are_equal_when_they_are_stored(case: Any, encoder: Encoder) -> None:
    wrapped, example, _, options = case
    nodes = [encoder.encode(model_of(wrapped, example=example, **options), Model) for _ in range(2)]
    digests = {model_digest(node) for node in [*nodes, encoder.encode(encoder.decode(nodes[0]), Model)]}
    assert len(digests) == 1


def test_a_file_that_was_changed_is_refused(case: Any, encoder: Encoder) -> None:
    wrapped, example, _, options = case
    model = model_of(wrapped, example=example, **options)
    for name, data in list(model.files.items()):
        if isinstance(data, bytes) and len(data) < 5000:
            model.files[name] = data + b" " * 5000  # so that it lies in a blob
    node = encoder.encode(model, Model)
    held = blobs_of((stored_model(node) or {})["files"])
    if not held:
        sealed = (stored_model(node) or {})["files"]
        data = sealed[2][0][2]
        sealed[2][0][2] = data[:-1] + bytes([data[-1] ^ 1])
    for digest, _size in held[:1]:
        path = encoder.blobs.path(digest)
        data = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedError):
        encoder.decode(node)


def test_another_workspace_opens_no_file_that_could_run_code(tmp_path: Any, encoder: Encoder) -> None:
    node = encoder.encode(model_of(LogisticRegression().fit(X, Y), example=X), Model)
    other = Encoder(encoder.blobs, b"x" * 32)
    with pytest.raises(DamagedError, match="not signed with this workspace's key"):
        other.decode(node)
    safe = encoder.encode(model_of(xgboost.train({}, xgboost.DMatrix(X, Y), 2), example=X), Model)
    assert other.decode(safe).predict(X).shape == (len(X),)


def test_what_is_done_to_an_estimator_afterwards_does_not_reach_the_files(encoder: Encoder) -> None:
    fitted = LogisticRegression().fit(X, Y)
    model = model_of(fitted, example=X)
    before = model.predict(X).copy()
    fitted.coef_[:] = -fitted.coef_
    np.testing.assert_array_equal(encoder.decode(encoder.encode(model, Model)).predict(X), before)


def test_a_module_stays_tied_and_is_in_the_mode_that_it_was(encoder: Encoder) -> None:
    module = Tied().train()
    model = model_of(module, example=SMALL)
    assert module.training
    again = encoder.decode(encoder.encode(model, Model)).wrapped
    assert again.first.weight is again.second.weight and not again.training
    assert torch.equal(again.scale, module.scale) and torch.equal(again.norm.running_mean, module.norm.running_mean)
    assert again.first.weight.requires_grad


def test_a_builder_that_builds_something_else_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match="same arguments"):
        model_of(Tied(4), example=SMALL, build=Tied, arguments={"size": 5})


def test_a_module_of_a_builder_is_stored_without_a_pickle(encoder: Encoder) -> None:
    model = model_of(Tied(4), example=SMALL, build=Tied, arguments={"size": 4})
    assert list(model.files) == ["model.safetensors"] and not model.about["notes"]


def test_a_session_and_the_bytes_of_its_file_are_the_same_model() -> None:
    data = _onnx_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert model_of(session, example=SMALL).files == model_of(data, example=SMALL).files


def test_bytes_that_are_no_onnx_model_are_refused() -> None:
    with pytest.raises(ModelError, match="no bytes of an ONNX model"):
        model_of(b"nonsense", example=X)


def test_what_does_not_predict_is_no_model() -> None:
    with pytest.raises(ModelError, match="dict is no model"):
        model_of({}, example=X)
    with pytest.raises(ModelError, match="give some rows as example="):
        model_of(Rule(1.0))
    with pytest.raises(SignatureError, match="cannot predict for its example"):
        model_of(LogisticRegression(), example=X)
    with pytest.raises(ModelError, match="the safe formats are chosen"):
        model_of(Rule(1.0), example=X, format="zip")


def test_rows_that_do_not_fit_give_no_number() -> None:
    model = model_of(_frame_pipeline(), example=FRAME)
    with pytest.raises(SignatureError, match=r"the column b .* is missing"):
        model.predict(FRAME.drop(columns="b"))
    np.testing.assert_array_equal(model.predict(FRAME[["town", "b", "a"]]), model.predict(FRAME))


def test_a_model_says_what_it_is_and_what_it_needs() -> None:
    model = model_of(RandomForestClassifier(3).fit(X, Y), example=X, notes=["of a test"])
    assert model.kind == "sklearn" and model.title == "RandomForestClassifier"
    assert {"scikit-learn", "numpy", "skops"} <= set(model.about["packages"]) and model.about["notes"] == ["of a test"]
    assert len(model.example) == 5 and list(model.classes_) == [0, 1]
    assert model_of(_frame_pipeline(), example=FRAME).title == "ColumnTransformer > LogisticRegression"
    assert model_of(_of_trees("blend"), example=X).title == "Blend of line, trees"
    assert model_of(model, example=X) is model


def test_a_pickle_says_why_it_is_one() -> None:
    class Local(Odd):
        pass

    model = model_of(Local().fit(X, Y), example=X)
    assert model.format == "pickle" and "skops cannot hold it" in model.about["notes"][0]


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        import json

        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["rows"]
        told = {"predictions": [row[0] * 2 for row in rows], "p": {"all": [[0.25, 0.75] for _ in rows]}}
        status = 500 if self.headers.get("X-Fail") else 200
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_elsewhere_is_a_model(url: str, encoder: Encoder) -> None:
    model = model_of(
        HttpModel(url, probabilities="p.all", classes=("no", "yes"), headers={"X-Key": "secret"}), example=X
    )
    again = encoder.decode(encoder.encode(model, Model))
    np.testing.assert_array_equal(again.predict(X), X[:, 0] * 2)
    assert again.predict_proba(X).shape == (len(X), 2) and again.signature.classes == ("no", "yes")
    assert (
        not any(b"secret" in data for data in model.files.values())
        and "headers are not stored" in model.about["notes"][0]
    )


def test_a_model_elsewhere_that_fails_says_so(url: str) -> None:
    with pytest.raises(ModelError, match="answers 500"):
        HttpModel(url, headers={"X-Fail": "1"}).predict(X)
    with pytest.raises(ModelError, match="answers without 'scores'"):
        HttpModel(url, predictions="scores").predict(X)
    with pytest.raises(ModelError, match="gives no answer"):
        HttpModel("http://127.0.0.1:9/", timeout_s=1).predict(X)
    with pytest.raises(ModelError, match="no address"):
        HttpModel("file:///etc/passwd").predict(X)
