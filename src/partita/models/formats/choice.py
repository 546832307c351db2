"""Which format a model gets."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from partita.errors import ModelError
from partita.models.formats.port import Format

__all__ = ["format_for", "format_named"]

#: In the order in which they are asked.
_MODULES = ("remote", "onnx_files", "torch_modules", "boosters", "estimators", "objects")


@cache
def _formats() -> tuple[Format, ...]:
    return tuple(import_module(f"partita.models.formats.{name}").FORMAT for name in _MODULES)


def format_for(wrapped: Any) -> Format:
    """The format of an object.

    Raises:
        ModelError: it is nothing that predicts.
    """
    found = next((one for one in _formats() if one.matches(wrapped)), None)
    if found is None:
        raise ModelError(
            f"{type(wrapped).__name__} is no model: give an estimator, a torch module, ONNX bytes, a booster, or any object with "
            "`predict`"
        )
    return found


def format_named(name: str) -> Format:
    """The format of this name.

    Raises:
        ModelError: it is not known here.
    """
    found = next((one for one in _formats() if name in one.names), None)
    if found is None:
        raise ModelError(f"a model has the format {name!r}, which this Partita does not know; upgrade it")
    return found
