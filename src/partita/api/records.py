"""Records (typed maps) as JSON Schema, for the OpenAPI document."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

__all__ = ["page_of", "record_schemas", "schema_of"]

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    None: {"type": "null"},
    type(None): {"type": "null"},
    Any: {},
}


_PLACE = "#/components/schemas/"

#: The records that some schema refers to, with their schemas, by name. What a name stands for never changes.
_known: dict[str, tuple[Any, dict[str, Any]]] = {}


def record_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of all records that a schema refers to, by name: the components of the document."""
    return {name: schema for name, (_, schema) in sorted(_known.items())}


def _learn(kind: Any) -> None:
    name = kind.__name__
    if name in _known:
        if _known[name][0] is not kind:
            raise TypeError(f"two records are called {name}; the document can have one")
        return
    schema: dict[str, Any] = {"type": "object", "description": (kind.__doc__ or "").strip().partition("\n")[0]}
    _known[name] = (kind, schema)  # before what it holds: a record may hold others of its kind
    hints = get_type_hints(kind, include_extras=True)
    schema["properties"] = {field: schema_of(_without_mark(hint)) for field, hint in hints.items()}
    # Of annotations that are texts, Python itself does not see which are marked.
    marks = {field: get_origin(hint) for field, hint in hints.items()}
    required = [
        field
        for field, mark in marks.items()
        if mark is Required or (mark is not NotRequired and field in kind.__required_keys__)
    ]
    if required:
        schema["required"] = sorted(required)


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type. Maps may hold more than their record says: a newer server adds to it."""
    if isinstance(kind, dict):
        return kind  # a schema already
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if is_typeddict(kind):
        _learn(kind)
        return {"$ref": _PLACE + kind.__name__}
    origin, given = get_origin(kind), get_args(kind)
    if origin in (list, Sequence, set, frozenset):
        return {"type": "array", "items": schema_of(given[0]) if given else {}}
    if origin is tuple:
        return {"type": "array"}
    if origin is Literal:
        return {"enum": list(given)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": schema_of(given[1])}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [schema_of(item) for item in given]}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [str(item) for item in kind]}
    if kind in (dict, list):
        return {"type": "object" if kind is dict else "array"}
    raise TypeError(f"{kind!r} has no schema; give a record or a plain type")


def _without_mark(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint


def page_of(kind: Any) -> dict[str, Any]:
    """A page of a list of records."""
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": schema_of(kind)},
            "next": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "The cursor of the next page."},
        },
        "required": ["items", "next"],
    }
