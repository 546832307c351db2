"""Dataclass instances taken apart into their fields and put together again, where that gives the same object."""

from __future__ import annotations

import dataclasses
from typing import Any

from partita.errors import ValueStoreError

__all__ = ["field_names", "make_record"]

_HEAP_TYPE = 1 << 9
_names: dict[type, tuple[str, ...] | None] = {}


def field_names(value: Any) -> tuple[str, ...] | None:
    """The names of its fields; None where they are not all that it consists of."""
    kind = type(value)
    try:
        names = _names[kind]
    except KeyError:
        names = _names[kind] = _names_of_class(kind)
    if names is None or (hasattr(value, "__dict__") and not vars(value).keys() <= set(names)):
        return None
    return names if all(hasattr(value, name) for name in names) else None


def make_record(kind: Any, values: dict[str, Any]) -> Any:
    """An instance with these fields, made without `__init__`: what was stored is what comes back.

    Raises:
        ValueStoreError: the class has changed so that the fields do not make an instance.
    """
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise ValueStoreError(f"a stored value needs the dataclass {kind!r}, which is none any more; rerun its step")
    record = object.__new__(kind)
    try:
        for field in dataclasses.fields(kind):
            if field.name not in values:
                object.__setattr__(record, field.name, _default(field))
        for name, value in values.items():
            object.__setattr__(record, name, value)
    except (AttributeError, TypeError) as error:
        raise ValueStoreError(
            f"a stored value does not fit the dataclass {kind.__qualname__} as it is now: {error}; rerun the step that "
            "made it, or give new fields a default"
        ) from error
    return record


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise AttributeError(f"the field {field.name} is not stored and has no default")


def _names_of_class(kind: Any) -> tuple[str, ...] | None:
    if "__dataclass_fields__" not in vars(kind) or kind.__new__ is not object.__new__:
        return None
    if any(base is not object and not base.__flags__ & _HEAP_TYPE for base in kind.__mro__):
        return None  # holds what a built-in type holds
    for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"):
        if not _is_default(kind, name):
            return None
    return tuple(field.name for field in dataclasses.fields(kind))


def _is_default(kind: type, name: str) -> bool:
    method = getattr(kind, name, None)
    # A frozen dataclass with slots gets __getstate__ and __setstate__ from the dataclasses module.
    return method is getattr(object, name, None) or getattr(method, "__module__", "") == "dataclasses"
