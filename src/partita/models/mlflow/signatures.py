"""Signatures as MLflow writes them: JSON of columns or tensors."""

from __future__ import annotations

import json
from typing import Any

from partita.models.signature import Field, Signature

__all__ = ["from_mlflow", "to_mlflow"]

#: MLflow's types of columns, and what they are here.
_TYPES = {
    "boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64", "string": "str",
    "binary": "object", "datetime": "datetime64[ns]",
}  # fmt: skip
_NAMES = {
    "bool": "boolean", "int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer",
    "int64": "long", "uint32": "long", "float32": "float", "float16": "float", "float64": "double", "str": "string",
    "category": "string", "object": "string",
}  # fmt: skip


def to_mlflow(signature: dict[str, Any]) -> dict[str, Any]:
    """What stands under "signature" in an MLmodel file."""
    found = Signature.of(signature)
    # Texts are no columns: MLflow would make a table of one column of them, over whose name a vectoriser stumbles.
    as_columns = found.kind == "table"
    return {
        "inputs": json.dumps([_column(one) if as_columns else _tensor(one) for one in found.inputs]),
        "outputs": json.dumps([_tensor(one) for one in found.outputs]) if found.outputs else None,
        "params": None,
    }


def from_mlflow(told: Any) -> Signature | None:
    """The signature of an MLmodel file; None: it has none that says its inputs."""
    if not isinstance(told, dict) or not told.get("inputs"):
        return None
    inputs = json.loads(told["inputs"])
    outputs = json.loads(told["outputs"]) if told.get("outputs") else []
    fields = tuple(_field(item) for item in inputs)
    if len(fields) == 1 and not fields[0].name and fields[0].type in ("str", "object") and fields[0].shape == (None,):
        kind, fields = "texts", (fields[0]._replace(type="str"),)
    elif any(item.get("type") == "tensor" for item in inputs):
        kind = "tensor" if len(fields) == 1 and not fields[0].name else "tensors"
    else:
        kind = "table"
        fields = tuple(one._replace(name=one.name or str(number)) for number, one in enumerate(fields))
    return Signature(kind, fields, tuple(_field(item) for item in outputs))


def _column(one: Field) -> dict[str, Any]:
    told: dict[str, Any] = {"type": _NAMES.get(one.type, "datetime" if one.type.startswith("datetime") else "string")}
    return {**told, "name": one.name, "required": True} if one.name else {**told, "required": True}


def _tensor(one: Field) -> dict[str, Any]:
    dtype = {"str": "object", "category": "object"}.get(one.type, one.type)
    spec = {"dtype": dtype, "shape": [-1 if size is None else size for size in one.shape]}
    return {"type": "tensor", "tensor-spec": spec, **({"name": one.name} if one.name else {})}


def _field(item: dict[str, Any]) -> Field:
    name = str(item.get("name", ""))
    spec = item.get("tensor-spec")
    if spec is not None:
        shape = tuple(None if size == -1 else int(size) for size in spec["shape"])
        return Field(name, str(spec["dtype"]), (None, *shape[1:]))
    return Field(name, _TYPES.get(str(item.get("type")), "object"), (None,))
