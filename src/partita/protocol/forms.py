"""Forms: what a person is asked for, as plain data that the engine can check without the user's classes.

A form is a map with "type", one of

    "text", "integer", "number", "boolean", "date", "datetime"
    "choice"    "choices": the values to choose from
    "list"      "items": the form of an element
    "map"       plain data by name, of any shape
    "object"    "fields": list of maps of "name", "form", "is_required", "default" (plain) and "description"
    "any"       plain data of any shape

and "is_optional": whether null is an answer too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from partita.errors import CheckError, Problem

__all__ = ["Form", "filled"]

Form = dict[str, Any]

_BOOLEANS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


def filled(form: Form, given: Any) -> Any:
    """The answer as plain data, texts converted.

    Raises:
        CheckError: with everything that does not fit the form.
    """
    problems: list[Problem] = []
    value = _fill(form, given, "", problems)
    if problems:
        raise CheckError(problems)
    return value


def _fill(form: Form, given: Any, where: str, problems: list[Problem]) -> Any:
    if form.get("is_optional") and (given is None or (isinstance(given, str) and given.lower() in ("null", "none"))):
        return None
    try:
        if form["type"] == "object":
            return _object(form, given, where, problems)
        if form["type"] == "list":
            return _list(form, given, where, problems)
        if form["type"] == "map":
            return dict(_parsed(given, Mapping, 'give a map, such as {"name": "value"}'))
        return _SIMPLE[form["type"]](form, given)
    except ValueError as error:
        problems.append(Problem(f"{where or 'the answer'}: {error}"))
        return None


def _object(form: Form, given: Any, where: str, problems: list[Problem]) -> dict[str, Any]:
    given = _parsed(given, Mapping, 'give the fields, such as {"name": "value"}')
    fields = {field["name"]: field for field in form["fields"]}
    for name in given:
        if name not in fields:
            near = get_close_matches(str(name), fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(fields)}"
            problems.append(Problem(f"there is no field {name!r}; {hint}"))
    found: dict[str, Any] = {}
    for name, field in fields.items():
        label = f"{where}.{name}" if where else name
        if name in given:
            found[name] = _fill(field["form"], given[name], label, problems)
        elif field["is_required"]:
            problems.append(Problem(f"{label} is missing ({_told(field['form'])})"))
        elif "default" in field:
            found[name] = field["default"]
    return found


def _list(form: Form, given: Any, where: str, problems: list[Problem]) -> list[Any]:
    items = _parsed(given, list, 'give a list, such as ["a", "b"]')
    return [_fill(form["items"], item, f"{where}[{index}]", problems) for index, item in enumerate(items)]


def _parsed(given: Any, kind: type, remedy: str) -> Any:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError(f"{given!r} is not JSON; {remedy}") from None
    if not isinstance(given, kind):
        raise ValueError(f"{given!r} does not fit; {remedy}")
    return given


def _told(form: Form) -> str:
    if form["type"] == "choice":
        return f"one of {', '.join(map(str, form['choices']))}"
    return str(form["type"])


def _text(form: Form, given: Any) -> str:
    if isinstance(given, str):
        return given
    raise ValueError(f"{given!r} is not a text")


def _integer(form: Form, given: Any) -> int:
    if isinstance(given, str):
        try:
            given = int(given)
        except ValueError:
            raise ValueError(f"{given!r} is not a whole number") from None
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError(f"{given!r} is not a whole number")
    return given


def _number(form: Form, given: Any) -> float:
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            raise ValueError(f"{given!r} is not a number") from None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        raise ValueError(f"{given!r} is not a number")
    return float(given)


def _boolean(form: Form, given: Any) -> bool:
    if isinstance(given, str):
        given = _BOOLEANS.get(given.strip().lower(), given)
    if not isinstance(given, bool):
        raise ValueError(f"{given!r} is neither true nor false")
    return given


def _choice(form: Form, given: Any) -> Any:
    for choice in form["choices"]:
        if type(choice) is type(given) and choice == given:
            return choice
    for choice in form["choices"]:
        if str(choice) == str(given):
            return choice
    raise ValueError(f"{given!r} is none of {', '.join(map(str, form['choices']))}")


def _date(form: Form, given: Any) -> str:
    try:
        return date.fromisoformat(given).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{given!r} is not a date such as 2026-01-31") from None


def _datetime(form: Form, given: Any) -> str:
    try:
        return datetime.fromisoformat(given).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{given!r} is not a time such as 2026-01-31T09:30:00+01:00") from None


def _any(form: Form, given: Any) -> Any:
    if isinstance(given, str):
        try:
            return json.loads(given)
        except ValueError:
            return given
    return given


_SIMPLE = {
    "text": _text, "integer": _integer, "number": _number, "boolean": _boolean, "choice": _choice, "date": _date,
    "datetime": _datetime, "any": _any,
}  # fmt: skip
