"""What a table has to look like, as plain data that a YAML file can hold.

    columns:                       name -> what its values are
      age: {type: integer, range: [0, 120], nulls: false}
      email: {type: text, pattern: ".+@.+", unique: true}
      label: {type: text, values: [spam, ham], nulls: 0.1}
      note: {is_optional: true}
    extra: false                   whether columns may be there that are not named; default: they may
    rows: [10, null]               at least and at most so many
    unique: [[customer, day]]      columns that together tell rows apart

A column's keys: "type" (integer, number, boolean, text, date; texts in ISO form are dates, too), "nulls" (true: any may be
missing, the default; false: none; a number: up to this share), "range" ([lowest, highest], null: open; of numbers and dates),
"values" (those that may be), "pattern" (a regular expression for the whole text), "unique", "is_optional" (the column may be
missing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from partita.errors import DefinitionError

__all__ = ["TYPES", "ColumnRule", "TableRule", "read_schema"]

TYPES = ("integer", "number", "boolean", "text", "date")
_TABLE_KEYS = ("columns", "extra", "rows", "unique")
_COLUMN_KEYS = ("type", "nulls", "range", "values", "pattern", "unique", "is_optional")


@dataclass(frozen=True)
class ColumnRule:
    """What a column's values have to be."""

    type: str  # empty: any
    most_nulls: float  # share of the rows
    low: Any  # None: open
    high: Any
    values: tuple[Any, ...]  # empty: any
    pattern: str  # empty: any
    is_unique: bool
    is_optional: bool


@dataclass(frozen=True)
class TableRule:
    """What a table has to look like."""

    columns: dict[str, ColumnRule]
    may_have_more: bool
    least_rows: int
    most_rows: int | None
    unique: tuple[tuple[str, ...], ...]


def read_schema(schema: Mapping[str, Any]) -> TableRule:
    """Read a schema.

    Raises:
        DefinitionError: with everything that is wrong with it.
    """
    problems: list[str] = []
    if not isinstance(schema, Mapping):
        raise DefinitionError(f"a schema is a map with 'columns', and not {type(schema).__name__}")
    _unknown(schema, _TABLE_KEYS, "the schema", problems)
    columns = schema.get("columns") or {}
    rules = {}
    if not isinstance(columns, Mapping):
        problems.append("columns: give a map of names")
        columns = {}
    for name, told in columns.items():
        rules[str(name)] = _column(str(name), told, problems)
    least, most = _ends(schema.get("rows"), "rows", problems)
    unique = schema.get("unique") or ()
    keys = tuple(tuple(map(str, key)) if isinstance(key, (list, tuple)) else (str(key),) for key in unique)
    strange = sorted({name for key in keys for name in key} - rules.keys()) if rules else []
    problems += [f"unique names {name!r}, which is no column of the schema" for name in strange]
    if problems:
        raise DefinitionError("the schema cannot be read: " + "; ".join(problems))
    return TableRule(rules, bool(schema.get("extra", True)), int(least or 0), None if most is None else int(most), keys)


def _column(name: str, told: Any, problems: list[str]) -> ColumnRule:
    if isinstance(told, str):
        told = {"type": told}
    told = {} if told is None else told
    if not isinstance(told, Mapping):
        problems.append(f"{name}: give a map such as {{type: integer}}")
        told = {}
    _unknown(told, _COLUMN_KEYS, name, problems)
    kind = told.get("type", "")
    if kind and kind not in TYPES:
        problems.append(f"{name}: the type {kind!r} is none of {', '.join(TYPES)}")
    nulls = told.get("nulls", True)
    if isinstance(nulls, bool):
        share = 1.0 if nulls else 0.0
    elif isinstance(nulls, (int, float)) and 0 <= nulls <= 1:
        share = float(nulls)
    else:
        problems.append(f"{name}: nulls={nulls!r} is true, false or a share from 0 to 1")
        share = 1.0
    low, high = _ends(told.get("range"), f"{name}: range", problems)
    if (low is not None or high is not None) and kind in ("text", "boolean"):
        problems.append(f"{name}: a range is of numbers and dates, and not of {kind}")
    values = told.get("values") or ()
    if not isinstance(values, (list, tuple)):
        problems.append(f"{name}: values is a list")
        values = ()
    pattern = str(told.get("pattern") or "")
    try:
        re.compile(pattern)
    except re.error as error:
        problems.append(f"{name}: the pattern {pattern!r} is no regular expression: {error}")
    return ColumnRule(
        kind,
        share,
        low,
        high,
        tuple(values),
        pattern,
        bool(told.get("unique", False)),
        bool(told.get("is_optional", False)),
    )


def _ends(told: Any, where: str, problems: list[str]) -> tuple[Any, Any]:
    if told is None:
        return None, None
    if not isinstance(told, (list, tuple)) or len(told) != 2:
        problems.append(f"{where} is [lowest, highest], with null for an end that is open")
        return None, None
    low, high = told
    try:
        if low is not None and high is not None and low > high:
            problems.append(f"{where}: {low!r} is above {high!r}")
    except TypeError:
        problems.append(f"{where}: {low!r} and {high!r} cannot be compared")
    return low, high


def _unknown(told: Mapping[str, Any], known: tuple[str, ...], where: str, problems: list[str]) -> None:
    for key in told:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            problems.append(f"{where} has no {key!r}; {hint}")
