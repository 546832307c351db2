"""Whether a value is what an annotation declares: for constants of a call, and for values as they arrive."""

from __future__ import annotations

import collections.abc as abc
import numbers
import typing
from itertools import islice
from typing import Any, ForwardRef, Literal, TypeVar, get_args, get_origin

from partita.flow.signature import MISSING
from partita.flow.types import fields_of, is_protocol, is_union, plain_form, required_keys, type_name

__all__ = ["check_value", "shown"]

#: Of a large container only so many elements are looked at: a check must not cost more than the task.
_SAMPLE = 100


def check_value(value: Any, annotation: Any) -> str | None:
    """What is wrong with the value, None: nothing that can be seen."""
    problem = _problem(value, annotation, "")
    return problem


def shown(value: Any, limit: int = 60) -> str:
    """The value as a short text."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _problem(value: Any, annotation: Any, where: str) -> str | None:
    annotation = plain_form(annotation)
    if annotation is Any or annotation is object or annotation is MISSING or isinstance(annotation, (str, ForwardRef)):
        return None
    if isinstance(annotation, TypeVar):
        return _variable(value, annotation, where)
    if isinstance(annotation, typing.NewType):
        return _problem(value, annotation.__supertype__, where)
    if is_union(annotation):
        if any(_problem(value, item, where) is None for item in get_args(annotation)):
            return None
        return _wrong(value, annotation, where)
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        fits = any(type(value) is type(item) and value == item for item in given)
        return None if fits else _wrong(value, annotation, where)
    kind = origin or annotation
    if not isinstance(kind, type):
        return None
    if typing.is_typeddict(kind):
        return _typed_dict(value, kind, where)
    if not _is_instance(value, kind):
        return _wrong(value, annotation, where)
    return _elements(value, kind, given, where) if given else None


def _wrong(value: Any, annotation: Any, where: str) -> str:
    return f"{where + ' is ' if where else ''}{shown(value)} ({type(value).__name__}), not {type_name(annotation)}"


def _variable(value: Any, variable: TypeVar, where: str) -> str | None:
    if variable.__constraints__:
        fits = any(_problem(value, item, where) is None for item in variable.__constraints__)
        return None if fits else _wrong(value, variable, where)
    return _problem(value, variable.__bound__, where) if variable.__bound__ is not None else None


def _is_instance(value: Any, kind: type) -> bool:
    if kind is float:  # as type checkers promote, and as numpy's scalars register
        return isinstance(value, numbers.Real)
    if kind is int:
        return isinstance(value, numbers.Integral)
    if kind is complex:
        return isinstance(value, numbers.Complex)
    if is_protocol(kind):
        members = [n for n in getattr(kind, "__annotations__", {}) if not n.startswith("_")]
        members += [n for n, item in vars(kind).items() if callable(item) and not n.startswith("_")]
        return all(hasattr(value, name) for name in members)
    try:
        return isinstance(value, kind)
    except TypeError:
        return True


def _typed_dict(value: Any, kind: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return _wrong(value, kind, where)
    missing = sorted(required_keys(kind) - value.keys())
    if missing:
        return f"{where or 'it'} lacks the key{'s' * (len(missing) > 1)} {', '.join(missing)} of {kind.__name__}"
    for name, annotation in fields_of(kind).items():
        if name in value:
            problem = _problem(value[name], annotation, f"{where}[{name!r}]")
            if problem:
                return problem
    return None


def _elements(value: Any, kind: type, given: tuple[Any, ...], where: str) -> str | None:
    if kind is tuple and Ellipsis not in given:
        if len(value) != len(given):
            return f"{where or 'it'} has {len(value)} elements, not {len(given)}: {shown(value)}"
        pairs = enumerate(zip(value, given, strict=True))
        return next(filter(None, (_problem(v, a, f"{where}[{i}]") for i, (v, a) in pairs)), None)
    if isinstance(value, abc.Mapping) and len(given) == 2:
        for key, item in islice(value.items(), _SAMPLE):
            problem = _problem(key, given[0], f"the key {shown(key)}") or _problem(
                item, given[1], f"{where}[{shown(key)}]"
            )
            if problem:
                return problem
        return None
    if isinstance(value, (list, tuple, set, frozenset)) and given:
        pairs_ = enumerate(islice(value, _SAMPLE))
        return next(filter(None, (_problem(v, given[0], f"{where}[{i}]") for i, v in pairs_)), None)
    return None
