"""Inputs of a flow from outside: Python values and command-line texts, converted and checked by its signature."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from partita.errors import CheckError, OptionError, PartitaError, Problem
from partita.flow.arguments import holds_refs
from partita.flow.signature import MISSING, Parameter, Signature
from partita.flow.types import is_union, plain_form, type_name
from partita.flow.values import check_value, shown
from partita.units import duration_s

__all__ = ["convert_inputs", "convert_json", "convert_plain", "convert_text", "convert_value", "duration"]


def convert_inputs(
    signature: Signature,
    args: tuple[Any, ...],
    keywords: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
    place: str = "",
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments to call the function with.

    Args:
        texts: arguments from the command line, by parameter name.
        place: "file.py:12" of the function, for messages.

    Raises:
        CheckError: with all that is wrong: unknown and missing arguments, and values that do not fit.
    """
    texts = texts or {}
    problems = [Problem(misfit, place) for misfit in signature.misfits(len(args), {**keywords, **texts})]
    converted_args = list(args)
    converted: dict[str, Any] = {}
    for index, (parameter, label, value) in enumerate(signature.pairs(args, keywords)):
        try:
            value = convert_value(value, parameter)
        except ValueError as error:
            problems.append(_problem(signature, label, parameter, str(error), place))
        if index < len(args):
            converted_args[index] = value
        else:
            converted[label] = value
    for parameter, label, text in signature.pairs((), texts):
        try:
            converted[label] = convert_text(text, parameter.annotation)
        except ValueError as error:
            problems.append(_problem(signature, label, parameter, str(error), place))
    if problems:
        raise CheckError(problems)
    return tuple(converted_args), converted


def _problem(signature: Signature, label: str, parameter: Parameter, reason: str, place: str) -> Problem:
    return Problem(
        f"{signature.name}'s input {label}: {reason}",
        place,
        f"give a value of type {type_name(plain_form(parameter.annotation))}",
    )


def convert_value(value: Any, parameter: Parameter) -> Any:
    """The value as the parameter takes it: itself if it fits, else what pydantic makes of it strictly enough.

    Raises:
        ValueError: it does not fit.
    """
    if type(value) in parameter.accepts or parameter.annotation is MISSING or holds_refs(value):
        return value
    reason = check_value(value, parameter.annotation)
    if reason is None:
        return value
    named = _from_text(parameter.annotation)
    if named is not None and isinstance(value, str):
        return _named(named, value)
    if _is_plain_data(value):
        try:
            return convert_json(json.dumps(value, allow_nan=False), parameter.annotation)
        except TypeError:
            pass  # holds what JSON cannot: then only its own type counts
    raise ValueError(reason)


def convert_plain(value: Any, annotation: Any) -> Any:
    """The value of a type that plain data stand for.

    Raises:
        ValueError: they stand for none.
    """
    return convert_json(json.dumps(value, allow_nan=False), annotation)


def _is_plain_data(value: Any) -> bool:
    return isinstance(value, (dict, list))


def convert_text(text: str, annotation: Any) -> Any:
    """The value that a command-line text stands for.

    Raises:
        ValueError: it stands for none of the type.
    """
    kind = plain_form(annotation)
    if kind is str:
        return text
    if kind in (Any, object, MISSING):
        return _json_or_text(text)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(text)
    if is_union(kind):
        return _union(text, kind)
    if get_origin(kind) is Literal:
        return _choice(text, {str(item): item for item in get_args(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choice(text, {member.name: member for member in kind} | {str(m.value): m for m in kind})
    if isinstance(kind, type) and issubclass(kind, Path):
        return kind(text)
    named = _from_text(kind)
    if named is not None:
        return _named(named, text)
    if _wants_json(kind):
        _check_json(text)
        return convert_json(text, annotation)
    return convert_json(json.dumps(text), annotation)


def _from_text(annotation: Any) -> Any:
    """What makes a value of the type out of a text that names one, if the type says so by `__from_text__`."""
    kind = plain_form(annotation)
    return getattr(kind, "__from_text__", None) if isinstance(kind, type) else None


def _named(make: Any, text: str) -> Any:
    try:
        return make(text)
    except PartitaError as error:
        raise ValueError(str(error)) from error


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number, and JSON has no other")
    return number


def _bool(text: str) -> bool:
    value = _BOOLS.get(text.strip().lower())
    if value is None:
        raise ValueError(f"{text!r} is neither true nor false")
    return value


def duration(given: str | float) -> timedelta:
    """The time that a text such as "90s" or "1h30m", one of ISO 8601, or a number of seconds stands for.

    Raises:
        ValueError: it stands for none.
    """
    try:
        return timedelta(seconds=duration_s(given))
    except OptionError:
        found: timedelta = convert_json(json.dumps(given), timedelta)
        return found
    except OverflowError:
        raise ValueError(f"{given!r} is longer than a timedelta can be, which is {timedelta.max.days:,} days") from None


def _none(text: str) -> None:
    if text.strip().lower() not in ("null", "none", ""):
        raise ValueError(f"{text!r} is not null")


_CONTAINERS = (list, dict, tuple, set, frozenset)
_BOOLS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
_SIMPLE: dict[Any, Any] = {
    int: _integer,
    float: _float,
    bool: _bool,
    bytes: lambda text: text.encode(),
    type(None): _none,
    timedelta: duration,
}


def _choice(text: str, known: dict[str, Any]) -> Any:
    if text not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return known[text]


def _union(text: str, kind: Any) -> Any:
    """The first member that takes the text, with `str` last, since it takes every text."""
    members = sorted(get_args(kind), key=lambda member: (plain_form(member) is str, plain_form(member) is float))
    if type(None) in members and text.strip().lower() in ("null", "none"):
        return None
    reasons = []
    for member in members:
        if member is type(None):
            continue
        try:
            return convert_text(text, member)
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError("; ".join(dict.fromkeys(reasons)))


def _json_or_text(text: str) -> Any:
    try:
        return _strict_json(text)
    except json.JSONDecodeError:
        return text


def _strict_json(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON: JSON has no such number; use null, or leave it out")

    def number(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise ValueError(f"{digits} is too large for a number")
        return value

    return json.loads(text, parse_constant=refuse, parse_float=number)


def _check_json(text: str) -> None:
    try:
        _strict_json(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{shown(text)} is not JSON: {error}") from None


def _wants_json(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if not isinstance(origin, type):
        return False
    return get_origin(kind) is not None or is_dataclass(origin) or issubclass(origin, _CONTAINERS)


def convert_json(text: str, annotation: Any) -> Any:
    """The value that a JSON text stands for.

    Raises:
        ValueError: it stands for none of the type.
    """
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(annotation).validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError("; ".join(_told(item) for item in error.errors(include_url=False))) from None
    except PydanticUserError:
        raise ValueError(f"a {type_name(annotation)} cannot be given as text or JSON") from None


def _told(item: Any) -> str:
    where = "".join(f"[{part!r}]" for part in item["loc"])
    return f"{where + ': ' if where else ''}{item['msg']}, got {shown(item['input'])}"
