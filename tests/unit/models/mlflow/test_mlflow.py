"""Models in MLflow's format: what is written, and read again without MLflow."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.codecs.sealed import Sealed
from partita.errors import DamagedError, ModelError, NotFoundError
from partita.flow.launching import launching
from partita.models import Model, infer_signature, model_of
from partita.models.mlflow.reading import read_model
from partita.models.mlflow.signatures import from_mlflow, to_mlflow
from partita.models.mlflow.writing import write_mlflow

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


def written(model: Model, target: Path) -> dict[str, Any]:
    """The folder of a model; gives what its file MLmodel holds."""
    files = {name: data.data if isinstance(data, Sealed) else data for name, data in model.files.items()}
    files = {name: data if isinstance(data, bytes) else pickle.dumps(data) for name, data in files.items()}
    record = {**model.about, "format": model.format, "signature": model.signature_data}
    write_mlflow(target, record, files, {"partita": {"name": "churn:1"}})
    told: dict[str, Any] = yaml.safe_load((target / "MLmodel").read_text())
    return told


@pytest.mark.parametrize(
    ("make", "flavor", "file"),
    [
        (lambda: model_of(RandomForestClassifier(3, random_state=0).fit(FRAME, Y), example=FRAME), "sklearn", "model.skops"),
        (lambda: model_of(xgboost.train({}, xgboost.DMatrix(X, Y), 2), example=X), "xgboost", "model.ubj"),
        (lambda: model_of(lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 2), example=X), "lightgbm", "model.lgb"),
    ],
)  # fmt: skip
def test_a_model_goes_there_and_back(make: Any, flavor: str, file: str, tmp_path: Path) -> None:
    model = make()
    told = written(model, tmp_path / "out")
    assert set(told["flavors"]) == {"python_function", flavor}
    assert told["flavors"]["python_function"]["loader_module"] == f"mlflow.{flavor}"
    assert told["flavors"]["python_function"]["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", file,
    }  # fmt: skip
    again = read_model(tmp_path / "out")
    rows = FRAME if flavor == "sklearn" else X
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    assert again.signature.inputs == model.signature.inputs and "imported from MLflow" in again.about["notes"][-1]
    assert again.signature.classes == model.signature.classes


def test_the_environment_is_that_of_the_model(tmp_path: Path) -> None:
    model = model_of(LogisticRegression().fit(X, Y), example=X)
    written(model, tmp_path / "out")
    needs = (tmp_path / "out" / "requirements.txt").read_text().split()
    assert f"scikit-learn=={model.about['packages']['scikit-learn']}" in needs
    conda = yaml.safe_load((tmp_path / "out" / "conda.yaml").read_text())
    assert f"python={model.about['python']}" in conda["dependencies"] and conda["dependencies"][-1]["pip"] == needs


def test_signatures_are_written_as_mlflow_writes_them() -> None:
    signature = infer_signature(pd.DataFrame({"age": [1.5], "count": [1], "town": ["a"]}), np.array([1]))
    told = to_mlflow(signature.plain())
    assert json.loads(told["inputs"]) == [
        {"type": "double", "name": "age", "required": True}, {"type": "long", "name": "count", "required": True},
        {"type": "string", "name": "town", "required": True},
    ]  # fmt: skip
    assert json.loads(told["outputs"]) == [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]
    found = from_mlflow(told)
    assert found is not None and found.inputs == signature.inputs and found.kind == "table"
    tensor = infer_signature(np.zeros((2, 3, 4), "float32"))
    assert from_mlflow(to_mlflow(tensor.plain())) == tensor
    assert from_mlflow(None) is None


def test_texts_are_written_as_an_array_of_objects_and_read_as_texts_whichever_way_mlflow_wrote_them() -> None:
    """MLflow makes a table of a column of texts, which a vectoriser cannot read."""
    signature = infer_signature(["good", "bad"], np.array([1, 0]))
    told = to_mlflow(signature.plain())
    assert json.loads(told["inputs"]) == [{"type": "tensor", "tensor-spec": {"dtype": "object", "shape": [-1]}}]
    columns = {"inputs": json.dumps([{"type": "string", "required": True}])}
    array = {"inputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}])}
    for inputs in (told, columns, array):
        found = from_mlflow(inputs)
        assert found is not None and found.inputs == signature.inputs and found.kind == "texts"


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosted_estimators_as_mlflow_saves_them_are_read_without_trust(library: str, tmp_path: Path) -> None:
    """MLflow keeps them in XGBoost's own file, and of LightGBM in a skops file, as version 3.17.2 does."""
    import skops.io

    own: dict[str, Any]
    if library == "xgboost":
        fitted: Any = xgboost.XGBClassifier(n_estimators=2).fit(FRAME, Y)
        fitted.save_model(tmp_path / "model.ubj")
        own = {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBClassifier", "model_format": "ubj"}
    else:
        fitted = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(FRAME, Y)
        skops.io.dump(fitted, tmp_path / "model.skops")
        own = {"data": "model.skops", "model_class": "lightgbm.sklearn.LGBMClassifier", "serialization_format": "skops"}
    described = {
        "flavors": {library: own},
        "mlflow_version": "3.17.2",
        "signature": to_mlflow(infer_signature(FRAME).plain()),
    }
    (tmp_path / "MLmodel").write_text(yaml.safe_dump(described))
    model = read_model(tmp_path)
    np.testing.assert_array_equal(model.predict(FRAME), fitted.predict(FRAME))
    assert model.signature.classes == (0, 1) and [one.name for one in model.signature.inputs] == ["a", "b", "c"]


def test_what_mlflow_saves_that_cannot_be_read_says_what_can(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.pt2").write_bytes(b"x")
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": {"pytorch": {"model_data": "data"}}}))
    with pytest.raises(ModelError, match=r"model\.pt2.*serialization_format='pickle'"):
        read_model(tmp_path, trust=True)
    (tmp_path / "MLmodel").write_text(
        yaml.safe_dump({"flavors": {"python_function": {"python_model": "python_model.pkl"}}})
    )
    with pytest.raises(ModelError, match=r"mlflow\.pyfunc.*model_of"):
        read_model(tmp_path, trust=True)


@pytest.fixture
def in_worker(encoder: Encoder) -> Any:
    class Codecs:
        def __init__(self) -> None:
            self.encoder = encoder

        def ask_registry(self, verb: str, fields: Mapping[str, Any]) -> Any:
            raise AssertionError(verb)

    with launching(Codecs()):  # type: ignore[arg-type]
        yield


def test_a_pickle_is_opened_only_by_who_trusts_it(tmp_path: Path, in_worker: Any) -> None:
    told = written(model_of(LogisticRegression().fit(X, Y), example=X, format="pickle"), tmp_path / "out")
    assert told["flavors"]["sklearn"]["serialization_format"] == "cloudpickle"
    with pytest.raises(ModelError, match=r"model\.pkl is a pickle.*--trust"):
        read_model(tmp_path / "out")
    assert read_model(tmp_path / "out", trust=True).predict(X).shape == (60,)


def test_types_of_others_in_a_skops_file_are_named(tmp_path: Path) -> None:
    import skops.io

    class Estimator(LogisticRegression):  # type: ignore[misc]
        pass

    Estimator.__module__, Estimator.__qualname__ = __name__, "Estimator"
    globals()["Estimator"] = Estimator
    file = tmp_path / "model.skops"
    skops.io.dump(Estimator().fit(X, Y), file)
    with pytest.raises(ModelError, match=r"holds .*Estimator, which can run code of others"):
        read_model(file)
    assert read_model(file, trust=True).predict(X).shape == (60,)


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    written(model_of(LogisticRegression().fit(X, Y), example=X), tmp_path / "out")
    described = tmp_path / "out" / "MLmodel"
    (tmp_path / "secret.skops").write_bytes(b"x")
    described.write_text(described.read_text().replace("pickled_model: model.skops", "pickled_model: ../secret.skops"))
    with pytest.raises(ModelError, match="outside of its folder"):
        read_model(tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [("[]", DamagedError, "cannot be read"), ("flavors: {keras: {}}", ModelError, "flavors keras"), ("a: [", DamagedError, "MLmodel"),
     ("flavors: {onnx: {data: gone.onnx}}", NotFoundError, "is not there")],
)  # fmt: skip
def test_what_is_no_model_is_said_to_be_none(tmp_path: Path, text: str, error: Any, told: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(error, match=told):
        read_model(tmp_path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"x")
    (tmp_path / "model.skops").write_bytes(b"x")
    with pytest.raises(ModelError, match="no file of a model"):
        read_model(tmp_path / "model.zip")
    with pytest.raises(DamagedError):
        read_model(tmp_path / "model.skops")
    with pytest.raises(NotFoundError):
        read_model(tmp_path / "gone.onnx")
    with pytest.raises(ModelError, match="holds no file MLmodel"):
        read_model(tmp_path)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ModelError, match="is not empty"):
        written(model_of(LogisticRegression().fit(X, Y), example=X), tmp_path)
