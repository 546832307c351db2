"""PyTorch's tensors, alone and in dicts, in the safetensors format, read where they lie.

The format (https://github.com/huggingface/safetensors) is a length of 8 bytes, a JSON header, then the tensors' bytes.
It is written here as views of the tensors' own memory: the library's functions copy everything twice.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer

__all__ = ["CODECS"]

_TYPES = {
    "BF16": "bfloat16", "BOOL": "bool", "C64": "complex64", "F16": "float16", "F32": "float32", "F64": "float64",
    "I16": "int16", "I32": "int32", "I64": "int64", "I8": "int8", "U8": "uint8",
}  # fmt: skip
#: Under which the notes of a module's layers lie in a header's metadata.
_STATE = "state_dict"
_NAMES = {name: code for code, name in _TYPES.items()}


class Tensors:
    """One tensor, under the name "tensor"."""

    name = "safetensors"

    def matches(self, value: Any) -> bool:
        """Whether it is dense, on the CPU, and no leaf of a computation with gradients."""
        torch = sys.modules.get("torch")
        return (
            torch is not None
            and type(value) is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu"
            and not value.requires_grad and not value.is_conj() and not value.is_neg()
            and str(value.dtype).removeprefix("torch.") in _NAMES
        )  # fmt: skip

    def encode(self, value: Any) -> Sequence[Buffer]:
        """Header and bytes."""
        return _encode({"tensor": value})

    def decode(self, data: memoryview) -> Any:
        """The tensor; it shares the view's memory."""
        return _decode(data)["tensor"]


class TensorDicts:
    """An OrderedDict of tensors by name, which is what `state_dict()` gives."""

    name = "tensors"

    def matches(self, value: Any) -> bool:
        """Whether all are tensors of their own memory under text names."""
        return "torch" in sys.modules and bool(value) and _is_state(value)

    def encode(self, value: Any) -> Sequence[Buffer]:
        """Header and bytes."""
        metadata = getattr(value, "_metadata", None)
        return _encode(value, {} if metadata is None else {_STATE: json.dumps(metadata)})

    def decode(self, data: memoryview) -> Any:
        """The dict."""
        found = OrderedDict(_decode(data))
        state = _header(data)[0].get("__metadata__", {}).get(_STATE)
        if state is not None:
            found._metadata = OrderedDict(json.loads(state))  # type: ignore[attr-defined]
        return found


def _is_metadata(metadata: Any) -> bool:
    """Whether it is what `state_dict()` notes of a module's layers, such as {"": {"version": 1}}, or there is none."""
    if metadata is None:
        return True
    return type(metadata) is OrderedDict and all(
        type(name) is str
        and type(notes) is dict
        and all(type(key) is str and type(note) in (bool, int, str) for key, note in notes.items())
        for name, notes in metadata.items()
    )


def _is_state(value: Any) -> bool:
    if type(value) is not OrderedDict or not all(type(name) is str and name != "__metadata__" for name in value):
        return False
    if not vars(value).keys() <= {"_metadata"} or not _is_metadata(getattr(value, "_metadata", None)):
        return False
    tensors = list(value.values())
    torch = sys.modules["torch"]
    if not all(type(tensor) is torch.Tensor and CODECS[0].matches(tensor) for tensor in tensors):
        return False
    memory = [tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()]
    return len(set(memory)) == len(memory)  # tied weights stay tied in a pickle


def _encode(tensors: Any, metadata: dict[str, str] | None = None) -> Sequence[Buffer]:
    import torch

    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    header |= dict.fromkeys(tensors)  # in the order of the dict
    parts: list[Buffer] = []
    start = 0
    # The widest elements first, so that all lie aligned: the format admits no gaps.
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        flat = tensor.detach().contiguous().reshape(-1)
        body = memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")
        code = _NAMES[str(tensor.dtype).removeprefix("torch.")]
        header[name] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [start, start + body.nbytes]}
        start += body.nbytes
        parts.append(body)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)  # so that what follows lies aligned
    return [len(head).to_bytes(8, "little") + head, *parts]


def _header(data: memoryview) -> tuple[dict[str, Any], memoryview]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(bytes(data[8 : 8 + length])), data[8 + length :]


def _decode(data: memoryview) -> dict[str, Any]:
    import torch

    header, body = _header(data)
    header.pop("__metadata__", None)
    if body.readonly:
        body = memoryview(bytearray(body))
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = getattr(torch, _TYPES[entry["dtype"]])
        if end > len(body):
            raise ValueError(f"the tensor {name} ends at byte {end} of {len(body)}")
        flat = torch.frombuffer(body[start:end], dtype=dtype) if end > start else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


CODECS = (Tensors(), TensorDicts())
