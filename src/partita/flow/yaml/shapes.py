"""Values of a file as the parameters take them: a text becomes a Path, a mapping a dataclass, promises kept in place."""

from __future__ import annotations

import json
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any, get_args, get_origin

from partita.flow.arguments import element_types, holds_refs
from partita.flow.eager import Absent
from partita.flow.inputs import convert_json, duration
from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef
from partita.flow.signature import MISSING
from partita.flow.types import fields_of, is_union, plain_form
from partita.flow.values import check_value

__all__ = ["shaped"]


def shaped(value: Any, annotation: Any) -> Any:
    """The value as the annotation declares it.

    Raises:
        ValueError: it does not fit.
    """
    if annotation is MISSING or annotation is Any or type(value) in (StepRef, Mapped, Absent):
        return value
    if not _holds_promises(value):
        return _constant(value, annotation)
    plain = plain_form(annotation)
    if is_union(plain):
        kinds = [item for item in get_args(plain) if _is_for(value, item)]
        plain = kinds[0] if len(kinds) == 1 else Any
    origin = get_origin(plain) or plain
    if isinstance(value, dict) and isinstance(origin, type) and is_dataclass(origin):
        return _object(value, origin)
    if isinstance(value, dict):
        given = get_args(plain)
        return {key: shaped(item, given[1]) if len(given) == 2 else item for key, item in value.items()}
    if isinstance(value, list):
        kinds = element_types(plain, len(value))
        items = [item if kind is None else shaped(item, kind) for item, kind in zip(value, kinds, strict=True)]
        return tuple(items) if origin is tuple else items
    return value


def _holds_promises(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_promises(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_promises(item) for item in value)
    return type(value) is Absent or holds_refs(value)


def _is_for(value: Any, kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if not isinstance(origin, type):
        return False
    return (
        (is_dataclass(origin) or issubclass(origin, dict))
        if isinstance(value, dict)
        else issubclass(origin, (list, tuple))
    )


def _constant(value: Any, annotation: Any) -> Any:
    plain = plain_form(annotation)
    reason = check_value(value, plain)
    if reason is None:
        return value
    if plain is timedelta and isinstance(value, (str, int, float)):
        return duration(value)
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        text = ""
    if text:
        try:
            return convert_json(text, plain)
        except ValueError as error:
            reason = str(error) if isinstance(value, (dict, list)) else reason
        except Exception:
            pass  # whatever a type's own validation raises
    raise ValueError(reason)


def _object(value: dict[str, Any], kind: Any) -> Any:
    named = fields_of(kind)
    unknown = [name for name in value if name not in named]
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}; it has {', '.join(named)}")
    missing = [
        field.name
        for field in fields(kind)
        if field.init
        and field.name not in value
        and field.default is NO_DEFAULT
        and field.default_factory is NO_DEFAULT
    ]
    if missing:
        raise ValueError(f"{kind.__name__} needs its field {missing[0]!r}")
    return kind(**{name: shaped(item, named[name]) for name, item in value.items()})
