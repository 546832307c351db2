"""Writing a stored model as a folder in MLflow's format. Nothing of the model is opened: its files are copied.

A torch module whose skeleton is pickled is the exception: a worker has to write it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partita.artifacts.codecs.pickling import SCRIPT_MARK
from partita.errors import ModelError
from partita.models.mlflow.signatures import to_mlflow

__all__ = ["MLFLOW_VERSION", "write_mlflow"]

#: Whose format this is.
MLFLOW_VERSION = "3.17.2"


def write_mlflow(
    target: Path, record: Mapping[str, Any], files: Mapping[str, bytes], metadata: Mapping[str, Any]
) -> list[Path]:
    """Write the folder; gives its files.

    Args:
        record: what is known of the version, with "about" of its model.
        files: the model's files, without signatures.
        metadata: goes into the file MLmodel.

    Raises:
        ModelError: MLflow has no flavor for it, or the folder holds something.
    """
    import yaml

    if target.exists() and any(target.iterdir()):
        raise ModelError(f"{target} is not empty; give a folder that is not there yet")
    flavors, written = _flavors(record, files)
    target.mkdir(parents=True, exist_ok=True)
    for name, data in written.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    python = str(record.get("python") or "")
    needs = [f"{name}=={version}" for name, version in (record.get("packages") or {}).items()]
    environment = {"env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}, "python_version": python}
    flavors["python_function"] = {**environment, **flavors["python_function"]}
    described = {
        "artifact_path": "model", "flavors": dict(sorted(flavors.items())), "metadata": dict(metadata) or None,
        "mlflow_version": MLFLOW_VERSION, "model_size_bytes": sum(map(len, written.values())), "model_uuid": uuid.uuid4().hex,
        "utc_time_created": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime()),
    }  # fmt: skip
    if record.get("signature"):
        described["signature"] = to_mlflow(record["signature"])
    texts = {
        "MLmodel": yaml.safe_dump(described, sort_keys=True),
        "conda.yaml": yaml.safe_dump({
            "channels": ["conda-forge"], "dependencies": [f"python={python}", "pip", {"pip": ["mlflow", *needs]}],
            "name": "mlflow-env",
        }, sort_keys=False),
        "python_env.yaml": yaml.safe_dump({
            "python": python, "build_dependencies": ["pip", "setuptools", "wheel"], "dependencies": ["-r requirements.txt"],
        }, sort_keys=False),
        "requirements.txt": "\n".join(["mlflow", *needs]) + "\n",
    }  # fmt: skip
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    return sorted(target / name for name in (*texts, *written))


def _flavors(record: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The flavors, and the files that they name."""
    packages, form = record.get("packages") or {}, record["format"]
    if form == "skops":
        own = {
            "pickled_model": "model.skops",
            "serialization_format": "skops",
            "skops_trusted_types": record["types"] or None,
        }
        return _sklearn("model.skops", packages, own), {"model.skops": files["model.skops"]}
    if form == "pickle":
        if SCRIPT_MARK in files["model.pickle"]:
            raise ModelError(
                "the model's class stands in a script of this project, which no other program can import; move it into a "
                "module of a package, register it again, and export that (`--form files` writes the pickle as it is)"
            )
        own = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
        return _sklearn("model.pkl", packages, own), {"model.pkl": files["model.pickle"]}
    if form == "onnx":
        own = {
            "code": None,
            "data": "model.onnx",
            "onnx_version": _onnx_version(),
            "providers": ["CPUExecutionProvider"],
        }
        return _pair("onnx", "model.onnx", own), {"model.onnx": files["model.onnx"]}
    if form == "xgboost":
        own = {
            "code": None, "data": "model.ubj", "model_class": "xgboost.core.Booster", "model_format": "ubj",
            "xgb_version": packages.get("xgboost") or packages.get("xgboost-cpu"),
        }  # fmt: skip
        return _pair("xgboost", "model.ubj", own), {"model.ubj": files["model.ubj"]}
    if form == "lightgbm":
        own = {
            "code": None, "data": "model.lgb", "model_class": "lightgbm.basic.Booster", "lgb_version": packages.get("lightgbm"),
        }  # fmt: skip
        return _pair("lightgbm", "model.lgb", own), {"model.lgb": files["model.txt"]}
    if form == "safetensors" and "data/model.pth" in files:
        own = {"code": None, "model_data": "data", "pytorch_version": packages.get("torch")}
        flavors = _pair("pytorch", "data", own)
        flavors["python_function"]["pickle_module_name"] = "mlflow.pytorch.pickle_module"
        info = b"mlflow.pytorch.pickle_module"
        return flavors, {"data/model.pth": files["data/model.pth"], "data/pickle_module_info.txt": info}
    raise ModelError(f"MLflow has no flavor for a model of the format {form}; `--form files` writes its own files")


def _sklearn(file: str, packages: Mapping[str, str], own: dict[str, Any]) -> dict[str, Any]:
    return {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": file, "predict_fn": "predict"},
        "sklearn": {"code": None, "sklearn_version": packages.get("scikit-learn"), **own},
    }


def _pair(flavor: str, data: str, own: dict[str, Any]) -> dict[str, Any]:
    return {"python_function": {"loader_module": f"mlflow.{flavor}", "data": data}, flavor: own}


def _onnx_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("onnx")
    except PackageNotFoundError:
        return "1.16.0"
