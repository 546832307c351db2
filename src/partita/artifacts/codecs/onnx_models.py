"""ONNX models in the form that ONNX defines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer

__all__ = ["CODECS"]


class OnnxModels:
    """A ModelProto, as in an .onnx file."""

    name = "onnx"

    def matches(self, value: Any) -> bool:
        """Whether it is a whole model."""
        return type(value).__name__ == "ModelProto"

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The .onnx file."""
        return (value.SerializeToString(deterministic=True),)

    def decode(self, data: memoryview) -> Any:
        """The model."""
        import onnx
        from google.protobuf.message import DecodeError

        model = onnx.ModelProto()
        try:
            model.ParseFromString(bytes(data))
        except DecodeError as error:
            raise ValueError(str(error)) from error
        return model


CODECS = (OnnxModels(),)
