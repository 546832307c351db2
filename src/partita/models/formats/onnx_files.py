"""ONNX models: the bytes of an .onnx file, run by ONNX Runtime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import MissingExtraError, ModelError
from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT", "ONNX_FILE", "onnx_inputs"]

ONNX_FILE = "model.onnx"
#: The types of ONNX Runtime's tensors.
_TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
    "tensor(string)": "object",
}  # fmt: skip
#: What outputs of probabilities are called by the tools that write them.
_PROBABILITIES = ("probabilities", "output_probability", "probability")


class OnnxFiles:
    """Satisfies `Format`."""

    names = ("onnx",)

    def matches(self, wrapped: Any) -> bool:
        """Whether it is a ModelProto, a session, or the bytes of a file."""
        if isinstance(wrapped, (bytes, bytearray)):
            return True
        if isinstance(wrapped, Path):
            return wrapped.suffix == ".onnx"
        return type(wrapped).__name__ == "ModelProto" or _is_session(wrapped)

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts."""
        return _predictor(_session(_bytes(wrapped)), options.get("classes"))

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """The file."""
        data = _bytes(wrapped)
        session = _session(data)
        told = ", ".join(f"{one.name} {one.type}" for one in session.get_inputs()[:4])
        classes = options.get("classes")
        about = {} if classes is None else {"classes": [_item(one) for one in classes]}
        return Packed("onnx", "onnx", f"ONNX ({told})", {ONNX_FILE: data}, ("onnxruntime", "numpy"), about)

    def open(self, model: Model) -> Predictor:
        """A session."""
        return _predictor(_session(model.files[ONNX_FILE]), model.about.get("classes"))


def onnx_inputs(data: bytes) -> list[tuple[str, str, tuple[int | None, ...]]]:
    """Name, type and shape of each input."""
    return [
        (one.name, _TYPES.get(one.type, "object"), tuple(size if isinstance(size, int) else None for size in one.shape))
        for one in _session(data).get_inputs()
    ]


def _is_session(wrapped: Any) -> bool:
    runtime = sys.modules.get("onnxruntime")
    return runtime is not None and isinstance(wrapped, runtime.InferenceSession)


def _bytes(wrapped: Any) -> bytes:
    if isinstance(wrapped, (bytes, bytearray)):
        return bytes(wrapped)
    if isinstance(wrapped, Path):
        return wrapped.read_bytes()
    if _is_session(wrapped):
        data = getattr(wrapped, "_model_bytes", None)
        path = getattr(wrapped, "_model_path", None)
        if not data and not path:
            raise ModelError("the ONNX session does not tell what it was made of; give the bytes of its file")
        return bytes(data) if data else Path(str(path)).read_bytes()
    made: bytes = wrapped.SerializeToString(deterministic=True)
    return made


def _session(data: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(f"an ONNX model needs onnxruntime ({error}): pip install 'partita[models]'") from error
    try:
        return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"these are no bytes of an ONNX model that can be run: {str(error)[:300]}") from error


def _predictor(session: Any, classes: Any) -> Predictor:
    import numpy

    inputs = session.get_inputs()
    outputs = [one.name for one in session.get_outputs()]
    proba = next((name for name in outputs if name in _PROBABILITIES), None)
    if classes is None and proba is not None:
        classes = _zipped_classes(session, proba)

    def fed(rows: Any) -> dict[str, Any]:
        if isinstance(rows, dict):
            return {one.name: _typed(rows[one.name], one.type) for one in inputs}
        if hasattr(rows, "columns") and len(inputs) > 1:
            return {one.name: _typed(rows[one.name].to_numpy().reshape(-1, 1), one.type) for one in inputs}
        if len(inputs) > 1:
            raise ModelError(f"the ONNX model takes {', '.join(one.name for one in inputs)}; give a dict of these")
        found = rows.to_numpy() if hasattr(rows, "to_numpy") else numpy.asarray(rows)
        if found.ndim == 1 and len(inputs[0].shape) == 2:
            found = found.reshape(-1, 1)
        return {inputs[0].name: _typed(found, inputs[0].type)}

    def predict(rows: Any) -> Any:
        if proba is None and len(outputs) > 1:
            return dict(zip(outputs, session.run(None, fed(rows)), strict=True))
        found = session.run([next(name for name in outputs if name != proba)], fed(rows))[0]
        return found[:, 0] if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1 else found

    def predict_proba(rows: Any) -> Any:
        found = session.run([proba], fed(rows))[0]
        if isinstance(found, list):  # a map of classes for each row
            return numpy.asarray([[row[one] for one in found[0]] for row in found])
        return found

    return Predictor(session, predict, predict_proba if proba is not None else None, classes)


def _zipped_classes(session: Any, name: str) -> Any:
    """The classes that lie in the file's own notes, where its writer left them."""
    told = session.get_modelmeta().custom_metadata_map.get("classes")
    import json

    try:
        return json.loads(told) if told else None
    except ValueError:
        return None


def _typed(rows: Any, kind: str) -> Any:
    import numpy

    found = numpy.asarray(rows)
    wanted = _TYPES.get(kind)
    return found if wanted is None or str(found.dtype) == wanted else found.astype(wanted)


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


FORMAT = OnnxFiles()
