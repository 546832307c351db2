"""The port of a codec, and which codec a value gets.

Partita's own codecs are asked first, then those of installed packages: an entry point of the group `partita.codecs`
whose name is the codec's name and whose object is the codec. What none of them takes is pickled and signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from partita.artifacts.blobs.hashing import Buffer
from partita.errors import ValueStoreError

__all__ = ["GROUP", "Codec", "codec_for", "codec_named", "installed_codec_for"]

GROUP = "partita.codecs"


class Codec(Protocol):
    """Makes bytes of one kind of value, and the value of the bytes.

    Laws:

    1. `decode` of what `encode` gave is the value as it was, down to its types; `matches` says no where it would not be.
    2. Equal values give the same bytes in every process.
    3. `decode` runs nothing that the bytes name: it neither unpickles nor imports by name.
    4. `decode` raises ValueError for bytes that `encode` did not make; it may keep the view, and never writes to it
       (large blobs are mapped into memory, where a write stays in this process).
    5. The name is a word that says the format. A changed format gets another name, for what is stored stays readable.
    """

    name: str

    def matches(self, value: Any) -> bool:
        """Whether it keeps this value exactly; quick, and without side effects."""
        ...

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The value as buffers, one after the other; views of the value's own memory where that is possible."""
        ...

    def decode(self, data: memoryview) -> Any:
        """The value of these bytes."""
        ...


#: By the package that a value's type comes from: the module whose `CODECS` take it.
_BY_PACKAGE = {
    "PIL": "pictures", "_decimal": "scalars", "builtins": "scalars", "datetime": "scalars", "decimal": "scalars",
    "fractions": "scalars", "numpy": "scalars", "onnx": "onnx_models", "pandas": "pandas_tables",
    "polars": "polars_tables", "pyarrow": "arrow_tables", "torch": "tensors", "uuid": "scalars",
}  # fmt: skip
_BY_TYPE = {
    ("collections", "OrderedDict"): "tensors", ("partita.artifacts.codecs.audio", "Audio"): "audio",
    ("partita.artifacts.codecs.shown", "Html"): "shown",
}  # fmt: skip
_BY_NAME = {
    "arrow": "arrow_tables", "audio": "audio", "html": "shown", "numpy-scalar": "scalars", "onnx": "onnx_models",
    "pandas": "pandas_tables", "picture": "pictures", "polars": "polars_tables", "safetensors": "tensors",
    "scalar": "scalars", "tensors": "tensors",
}  # fmt: skip


def codec_for(value: Any) -> Codec | None:
    """Partita's codec for the value."""
    kind = type(value)
    module = _BY_PACKAGE.get(kind.__module__.partition(".")[0]) or _BY_TYPE.get((kind.__module__, kind.__name__))
    if module is None and kind.__module__ == "onnx_ml_pb2":
        module = "onnx_models"
    if module is None:
        return None
    return next((codec for codec in _codecs(module) if codec.matches(value)), None)


def installed_codec_for(value: Any) -> Codec | None:
    """The codec that an installed package brings for the value.

    Raises:
        ValueStoreError: such a codec cannot be loaded.
    """
    return next((codec for codec in map(_installed, _installed_names()) if codec.matches(value)), None)


def codec_named(name: str) -> Codec | None:
    """The codec of this name, Partita's own or an installed one.

    Raises:
        ValueStoreError: such a codec cannot be loaded.
    """
    if name in _BY_NAME:
        return next(codec for codec in _codecs(_BY_NAME[name]) if codec.name == name)
    return _installed(name) if name in _installed_names() else None


@cache
def _codecs(module: str) -> tuple[Codec, ...]:
    return tuple(import_module(f"partita.artifacts.codecs.{module}").CODECS)


@cache
def _installed_names() -> tuple[str, ...]:
    from importlib.metadata import entry_points

    return tuple(sorted(set(entry_points(group=GROUP).names) - set(_BY_NAME)))


@cache
def _installed(name: str) -> Codec:
    from importlib.metadata import entry_points

    point = next(iter(entry_points(group=GROUP, name=name)))
    try:
        codec = point.load()
    except Exception as error:
        raise ValueStoreError(
            f"the codec {name!r} of {point.value} cannot be loaded: {type(error).__name__}: {error}; mend or remove the "
            "package that brings it"
        ) from error
    if getattr(codec, "name", None) != name:
        raise ValueStoreError(f"the codec {point.value} is installed as {name!r} and calls itself {codec.name!r}")
    return cast(Codec, codec)
