"""Reading a model of MLflow's format, or a file of a model: in a worker, since some of these run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partita.errors import DamagedError, ModelError, NotFoundError
from partita.models.formats.estimators import read_skops, untrusted_types
from partita.models.making import model_of
from partita.models.mlflow.signatures import from_mlflow
from partita.models.model import Model
from partita.models.signature import Field, Signature

__all__ = ["read_model"]

#: Distributions whose own types a skops file may hold: what these say is what they do, whoever wrote the file.
_KNOWN = frozenset({"sklearn", "partita", "numpy", "scipy", "lightgbm", "xgboost"})
_PICKLES = (".pkl", ".pickle", ".joblib", ".pth", ".pt")
#: Estimators of XGBoost that its own files hold, which say nothing but parameters and trees.
_XGBOOST = frozenset({"XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"})


def read_model(source: Path, *, trust: bool = False) -> Model:
    """The model of a folder in MLflow's format, or of a file: .onnx, .skops, .ubj, .txt (LightGBM) or, with `trust`, a pickle.

    Args:
        trust: open what can run code: only for what you know the origin of.

    Raises:
        ModelError: it can run code and is not trusted, or is nothing that is known here.
        DamagedError: it is not what its name says.
    """
    if source.is_dir():
        return _folder(source, trust)
    if not source.is_file():
        raise NotFoundError(f"there is no {source}")
    return _model(_opened(source, source.suffix, trust), None, f"imported from {source.name}")


def _folder(source: Path, trust: bool) -> Model:
    import yaml

    described = source / "MLmodel"
    if not described.is_file():
        raise ModelError(f"{source} holds no file MLmodel: it is no model in MLflow's format")
    try:
        told = yaml.safe_load(described.read_text(encoding="utf-8"))
        flavors = told["flavors"]
        signature = from_mlflow(told.get("signature"))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, LookupError) as error:
        raise DamagedError(f"{described} cannot be read: {error}") from error
    note = f"imported from MLflow {told.get('mlflow_version', '')}".strip()
    if "onnx" in flavors:
        return _model(_opened(_inside(source, flavors["onnx"]["data"]), ".onnx", trust), signature, note)
    if "sklearn" in flavors:
        own = flavors["sklearn"]
        is_skops = own.get("serialization_format") == "skops"
        wrapped = _opened(_inside(source, own["pickled_model"]), ".skops" if is_skops else ".pkl", trust)
        return _model(wrapped, signature, note)
    if "xgboost" in flavors:
        own = flavors["xgboost"]
        name = str(own.get("model_class", "")).rpartition(".")[2]
        file = _inside(source, own["data"])
        if name in _XGBOOST:
            return _model(_fitted_xgboost(file, name), signature, note)
        return _model(_opened(file, ".ubj", trust), signature, note)
    if "lightgbm" in flavors:
        own = flavors["lightgbm"]
        file = _inside(source, own["data"])
        is_booster = str(own.get("model_class", "")).endswith("Booster")
        return _model(_opened(file, ".txt" if is_booster else file.suffix, trust), signature, note)
    if "pytorch" in flavors:
        folder = flavors["pytorch"]["model_data"]
        if (source / folder / "model.pt2").exists():
            raise ModelError(
                f"{source} holds an exported program of PyTorch (model.pt2), which cannot be stored as a module; save it with "
                "mlflow.pytorch.save_model(..., serialization_format='pickle') or as ONNX"
            )
        return _model(_opened(_inside(source, f"{folder}/model.pth"), ".pth", trust), signature, note)
    raise ModelError(
        f"{source} has the flavors {', '.join(sorted(flavors))}, of which none can be read here; a `PythonModel` of MLflow is "
        "loaded in a task by mlflow.pyfunc and wrapped by model_of(example=)"
    )


def _inside(folder: Path, name: str) -> Path:
    place = (folder / name).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ModelError(f"the file MLmodel names {name!r}, which lies outside of its folder")
    if not place.is_file():
        raise NotFoundError(f"the file MLmodel names {name!r}, which is not there")
    return place


def _opened(file: Path, kind: str, trust: bool) -> Any:
    if kind == ".onnx":
        return file.read_bytes()
    if kind == ".skops":
        data = file.read_bytes()
        unknown = [name for name in untrusted_types(data) if not _is_known_type(name)]
        if unknown and not trust:
            raise ModelError(
                f"{file.name} holds {', '.join(unknown[:6])}, which can run code of others: --trust opens it, if you "
                "know where it comes from"
            )
        return read_skops(data, untrusted_types(data))
    if kind in (".ubj", ".xgb"):
        import xgboost

        return xgboost.Booster(model_file=bytearray(file.read_bytes()))
    if kind in (".txt", ".lgb"):
        import lightgbm

        return lightgbm.Booster(model_str=file.read_text(encoding="utf-8"))
    if kind in _PICKLES:
        if not trust:
            raise ModelError(
                f"{file.name} is a pickle, and opening it runs whatever its maker wrote: --trust opens it, if you know where it "
                "comes from"
            )
        return _unpickled(file, kind)
    raise ModelError(f"{file.name} is no file of a model that is known here: .onnx, .skops, .ubj, .txt, .pkl, .joblib")


def _fitted_xgboost(file: Path, name: str) -> Any:
    import xgboost

    estimator = getattr(xgboost, name)()
    estimator.load_model(bytearray(file.read_bytes()))
    return estimator


def _unpickled(file: Path, kind: str) -> Any:
    if kind in (".pth", ".pt"):
        import torch

        return torch.load(file, map_location="cpu", weights_only=False)
    if kind == ".joblib":
        import joblib

        return joblib.load(file)
    from partita.artifacts.codecs.pickling import unpickle
    from partita.models.access import encoder

    return unpickle(file.read_bytes(), encoder().references)


def _is_known_type(name: str) -> bool:
    """Whether it is a class that a known distribution itself defines under this name."""
    from importlib import import_module

    module, _, own = name.rpartition(".")
    if module.partition(".")[0] not in _KNOWN:
        return name == "collections.OrderedDict"
    try:
        found = getattr(import_module(module), own)
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and str(getattr(found, "__module__", "")).partition(".")[0] in _KNOWN


def _model(wrapped: Any, signature: Signature | None, note: str) -> Model:
    found = signature or _told_signature(wrapped)
    if found is None:
        raise ModelError(
            "nothing says what the model takes: it has no signature; wrap it in a task with model_of(example=)"
        )
    if found.classes is None and hasattr(wrapped, "classes_"):
        classes = [one.item() if hasattr(one, "item") else one for one in wrapped.classes_]
        found = Signature(found.kind, found.inputs, found.outputs, tuple(classes), hasattr(wrapped, "predict_proba"))
    return model_of(wrapped, signature=found, notes=[note])


def _told_signature(wrapped: Any) -> Signature | None:
    """What the object says itself of its inputs."""
    names = getattr(wrapped, "feature_names_in_", None)
    if names is not None:
        return Signature("table", tuple(Field(str(name), "float64", (None,)) for name in names))
    count = getattr(wrapped, "n_features_in_", None)
    if count is None and hasattr(wrapped, "num_features"):  # xgboost
        count = wrapped.num_features()
    if count is None and hasattr(wrapped, "num_feature"):  # lightgbm
        count = wrapped.num_feature()
    if count is not None:
        return Signature("tensor", (Field("", "float64", (None, int(count))),))
    return _onnx_signature(wrapped) if isinstance(wrapped, bytes) else None


def _onnx_signature(data: bytes) -> Signature:
    from partita.models.formats.onnx_files import onnx_inputs

    fields = tuple(Field(name, kind, (None, *shape[1:])) for name, kind, shape in onnx_inputs(data))
    if len(fields) == 1:
        return Signature("tensor", (fields[0]._replace(name=""),))
    return Signature("tensors", fields)
