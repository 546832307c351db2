"""Python values as YAML writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from partita.flow.mapped import Constant
from partita.flow.values import shown
from partita.flow.yaml.convert.draft import literal

__all__ = ["CannotWrite", "written_constant"]


class CannotWrite(ValueError):
    """The value has no form in YAML."""


def written_constant(value: Any) -> Any:
    """The value as texts, numbers, lists and mappings, from which the parameter's type makes it again.

    Raises:
        CannotWrite: it has no such form.
    """
    if value is None or (isinstance(value, (bool, int, float)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return written_constant(value.value)
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, PurePath):
        return literal(str(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Constant):
        return written_constant(value.value)
    if isinstance(value, (list, tuple)):
        return [written_constant(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: written_constant(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: written_constant(getattr(value, field.name)) for field in fields(value)}
    raise CannotWrite(shown(value))
