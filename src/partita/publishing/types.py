"""Types as plain data, so that a form can be made for what a flow takes without its code."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from partita.flow.forms import plain_of
from partita.flow.signature import MISSING
from partita.flow.types import fields_of, is_union, plain_form, required_keys, type_name
from partita.protocol.publications import ParameterView, TypeView
from partita.values import is_plain

__all__ = ["default_of", "type_view"]

_SIMPLE = {
    str: "text", int: "integer", float: "number", bool: "boolean", type(None): "null", date: "date", datetime: "datetime",
    timedelta: "duration", Any: "any", object: "any",
}  # fmt: skip
_LISTS = (list, tuple, set, frozenset)
#: Records in records are told so deep.
_DEPTH = 8


def type_view(annotation: Any) -> TypeView:
    """The type as plain data."""
    return _view(annotation, ())


def _view(annotation: Any, outer: tuple[Any, ...]) -> TypeView:
    if annotation is MISSING:
        return TypeView(type="Any", kind="any")
    kind = plain_form(annotation)
    name = type_name(kind)
    try:
        simple = _SIMPLE.get(kind)
    except TypeError:  # unhashable
        simple = None
    if simple is not None:
        return TypeView(type=name, kind=simple)
    if kind in outer or len(outer) >= _DEPTH:
        return TypeView(type=name, kind="other" if not is_dataclass(kind) else "record")
    origin, given = get_origin(kind), get_args(kind)
    if is_union(kind):
        return _union(name, given, outer)
    if origin is Literal:
        return TypeView(type=name, kind="choice", choices=[item for item in given if is_plain(item)])
    if origin in _LISTS or kind in _LISTS:
        items = [item for item in given if item is not Ellipsis]
        if origin is tuple and Ellipsis not in given and len(items) != 1:
            options = [_view(item, outer) for item in items]
            return TypeView(type=name, kind="list", items=TypeView(type="", kind="union", options=options))
        return TypeView(
            type=name, kind="list", items=_view(items[0], outer) if items else TypeView(type="Any", kind="any")
        )
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping) and len(given) == 2:
        return TypeView(type=name, kind="map", items=_view(given[1], outer))
    return _class(kind, name, outer)


def _union(name: str, given: tuple[Any, ...], outer: tuple[Any, ...]) -> TypeView:
    rest = [item for item in given if item is not type(None)]
    is_optional = len(rest) < len(given)
    if len(rest) == 1:
        found = _view(rest[0], outer)
        found["type"], found["is_optional"] = name, is_optional
        return found
    found = TypeView(type=name, kind="union", options=[_view(item, outer) for item in rest])
    if is_optional:
        found["is_optional"] = True
    return found


def _class(kind: Any, name: str, outer: tuple[Any, ...]) -> TypeView:
    if not isinstance(kind, type):
        return TypeView(type=name, kind="other")
    if issubclass(kind, Enum):
        return TypeView(type=name, kind="choice", choices=[member.name for member in kind])
    if issubclass(kind, Path):
        return TypeView(type=name, kind="path")
    if is_dataclass(kind):
        return TypeView(type=name, kind="record", fields=_fields(kind, (*outer, kind)))
    if typing.is_typeddict(kind):
        required = required_keys(kind)
        return TypeView(
            type=name, kind="record",
            fields=[
                ParameterView(name=key, type=_view(hint, (*outer, kind)), is_required=key in required, has_default=False)
                for key, hint in fields_of(kind).items()
            ],
        )  # fmt: skip
    if issubclass(kind, dict):
        return TypeView(type=name, kind="map", items=TypeView(type="Any", kind="any"))
    if hasattr(kind, "model_fields"):  # of pydantic
        return TypeView(type=name, kind="record", fields=_model_fields(kind, (*outer, kind)))
    return TypeView(type=name, kind="other")


def _fields(kind: Any, outer: tuple[Any, ...]) -> list[ParameterView]:
    hints = fields_of(kind)
    found: list[ParameterView] = []
    for item in fields(kind):
        if not item.init:
            continue
        is_required = item.default is NO_DEFAULT and item.default_factory is NO_DEFAULT
        told = ParameterView(
            name=item.name, type=_view(hints.get(item.name, Any), outer), is_required=is_required,
            has_default=item.default is not NO_DEFAULT,
        )  # fmt: skip
        if item.default is not NO_DEFAULT:
            told["default"], told["default_text"] = default_of(item.default)
        if item.metadata.get("description"):
            told["description"] = str(item.metadata["description"])
        found.append(told)
    return found


def _model_fields(kind: Any, outer: tuple[Any, ...]) -> list[ParameterView]:
    found: list[ParameterView] = []
    for name, item in kind.model_fields.items():
        is_required = bool(item.is_required())
        told = ParameterView(name=name, type=_view(item.annotation, outer), is_required=is_required, has_default=False)
        if not is_required and item.default_factory is None:
            told["has_default"] = True
            told["default"], told["default_text"] = default_of(item.default)
        if item.description:
            told["description"] = str(item.description)
        found.append(told)
    return found


def default_of(value: Any) -> tuple[Any, str]:
    """A default as plain data (None where it has no such form), and as it is written on the command line."""
    if isinstance(value, Enum):
        return value.name, value.name
    if isinstance(value, Path):
        return str(value), str(value)
    if isinstance(value, timedelta):
        return value.total_seconds(), f"{value.total_seconds():g}s"
    plain = plain_of(list(value) if isinstance(value, (tuple, set, frozenset)) else value)
    if isinstance(plain, str):
        return plain, plain
    if plain is None and value is not None:
        return None, repr(value)[:200]
    try:
        return plain, json.dumps(plain, ensure_ascii=False)
    except (TypeError, ValueError):
        return None, repr(value)[:200]
