"""The form of a type: what a person is asked for who has to answer with a value of it."""

from __future__ import annotations

import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from partita.errors import DefinitionError
from partita.flow.types import is_union, plain_form, type_name
from partita.protocol.forms import Form
from partita.values import is_plain

__all__ = ["form_of", "is_plain_type", "plain_of"]

_SIMPLE = {
    str: "text", int: "integer", float: "number", bool: "boolean", date: "date", datetime: "datetime", Any: "any",
    object: "any", dict: "any", list: "any",
}  # fmt: skip
_PLAIN = (str, int, float, bool, type(None), Any, object, dict, list)


def form_of(annotation: Any) -> Form:
    """The form for values of a type.

    Raises:
        DefinitionError: no person can be asked for it.
    """
    kind = plain_form(annotation)
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    origin, given = get_origin(kind), get_args(kind)
    if is_union(kind):
        rest = [item for item in given if item is not type(None)]
        if len(rest) == 1 and len(rest) < len(given):
            return {**form_of(rest[0]), "is_optional": True}
    elif origin is Literal:
        return {"type": "choice", "choices": list(given)}
    elif origin is list and len(given) == 1:
        return {"type": "list", "items": form_of(given[0])}
    elif origin is dict:
        return {"type": "any"}
    elif isinstance(kind, type) and issubclass(kind, Enum):
        choices = [member.value for member in kind]
        if all(isinstance(choice, (str, int)) for choice in choices):
            return {"type": "choice", "choices": choices}
    elif isinstance(kind, type) and is_dataclass(kind):
        return {"type": "object", "fields": _fields(kind)}
    raise DefinitionError(
        f"nobody can be asked for a value of type {type_name(kind)}; take a text, a number, true or false, a date, a "
        f"Literal, an Enum, a list of one of these, or a dataclass of them"
    )


def _fields(kind: Any) -> list[dict[str, Any]]:
    hints = typing.get_type_hints(kind)
    found = []
    for field in fields(kind):
        if not field.init:
            continue
        told: dict[str, Any] = {"name": field.name, "form": form_of(hints[field.name])}
        told["is_required"] = field.default is MISSING and field.default_factory is MISSING
        default = plain_of(field.default) if field.default is not MISSING else None
        if default is not None or field.default is None:
            told["default"] = default
        if field.metadata.get("description"):
            told["description"] = str(field.metadata["description"])
        found.append(told)
    return found


def plain_of(value: Any) -> Any:
    """The value as a form's answer would give it; None where it has no such shape."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_of(getattr(value, field.name)) for field in fields(value) if field.init}
    if isinstance(value, list):
        return [plain_of(item) for item in value]
    return value if is_plain(value) else None


def is_plain_type(annotation: Any) -> bool:
    """Whether plain data are values of the type as they are, so that nothing needs to be converted."""
    kind = plain_form(annotation)
    if kind in _PLAIN:
        return True
    if get_origin(kind) is Literal:
        return all(is_plain(item) for item in get_args(kind))
    if is_union(kind) or get_origin(kind) in (list, dict):
        return all(is_plain_type(item) for item in get_args(kind))
    return False
