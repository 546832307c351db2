"""Wrapping whatever predicts as a `Model`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from partita.errors import ModelError, SignatureError
from partita.models.formats.choice import format_for
from partita.models.formats.port import Predictor
from partita.models.model import Model
from partita.models.signature import Signature, infer_signature
from partita.version import VERSION

__all__ = ["model_of"]

#: So many rows of an example are kept.
_EXAMPLE_ROWS = 5
_TRIED_ROWS = 100


def model_of(
    wrapped: Any,
    *,
    example: Any = None,
    title: str = "",
    signature: Signature | None = None,
    classes: Sequence[Any] | None = None,
    build: Callable[..., Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    format: str = "",
    notes: Sequence[str] = (),
) -> Model:
    """A model of an estimator, a torch module, ONNX bytes or session, a booster, an `HttpModel`, or any object with `predict`.

    Args:
        example: rows that it takes, of which the signature is inferred by predicting for some of them, and 5 are kept.
        title: what it is, in a line; default: the class.
        signature: instead of an inferred one.
        classes: (classes,), what a module or an ONNX model tells apart, in the order of its outputs.
        build: of a torch module: the function or class that makes it anew, in a file of the project or a package.
        arguments: plain data that `build` is called with.
        format: "pickle" where a pickle is wanted though a safe format could hold it.
        notes: what people should know of it, for its card.

    Raises:
        ModelError: it is no model, or cannot be stored.
        SignatureError: it cannot predict for the example.
    """
    if isinstance(wrapped, Model):
        return wrapped
    if example is None and signature is None:
        raise ModelError("a model is to say what it takes: give some rows as example=, or a signature=")
    if format not in ("", "pickle"):
        raise ModelError(
            f'format is "pickle" or nothing, and not {format!r}: the safe formats are chosen by the object'
        )
    options = {"classes": classes, "build": build, "arguments": arguments, "format": format}
    found = format_for(wrapped)
    packed = found.pack(wrapped, options)
    predictor = found.predictor(wrapped, options)
    if signature is None:
        signature = _inferred(predictor, _head(example, _TRIED_ROWS), classes)
    about = {
        "kind": packed.kind, "python": platform.python_version(), "packages": _versions(packed.packages), "partita": VERSION,
        "notes": [*packed.notes, *map(str, notes)], **packed.about,
    }  # fmt: skip
    kept = None if example is None else _head(example, _EXAMPLE_ROWS)
    model = Model(
        " ".join((title or packed.title).split())[:200], packed.format, signature.plain(), about, packed.files, kept
    )
    model.opened_as(predictor)
    return model


def _inferred(predictor: Predictor, rows: Any, classes: Sequence[Any] | None) -> Signature:
    try:
        predictions = predictor.predict(rows)
        probabilities = predictor.predict_proba(rows) if predictor.predict_proba is not None else None
    except Exception as error:
        raise SignatureError(f"the model cannot predict for its example: {type(error).__name__}: {error}") from error
    told = classes if classes is not None else predictor.classes
    if isinstance(told, list) and told and hasattr(told[0], "__len__") and not isinstance(told[0], str):
        told = None  # of several outputs
    return infer_signature(rows, predictions, probabilities, told)


def _head(rows: Any, count: int) -> Any:
    if hasattr(rows, "head") and hasattr(rows, "columns"):
        return rows.head(count)
    if isinstance(rows, Mapping):
        return {str(name): _head(item, count) for name, item in rows.items()}
    return rows[:count]


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        told = VERSION if name == "partita" else _version(name)
        if not told and name == "xgboost":  # its wheel without CUDA is called otherwise
            name, told = "xgboost-cpu", _version("xgboost-cpu")
        if told:
            found[name] = told
    return found


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
