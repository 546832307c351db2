"""Validating tables against a schema, and making a schema of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.data.columns import Column, column_names, column_of, row_count
from partita.data.schemas import ColumnRule, TableRule, read_schema
from partita.errors import CheckError, DataError, DefinitionError, Problem
from partita.flow.task import task
from partita.flow.yaml.source import read_plain

__all__ = ["infer_schema", "table_problems", "validate_table"]

#: So many rows are named for each problem.
_NAMED = 5


@task(tags=("table", "schema", "validate", "quality"))
def validate_table(table: Any, schema: Any) -> Any:
    """Pass a table on that is as its schema says, and refuse any other with all that is wrong.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        schema: a map as `partita.data.schemas` tells, or the path of a YAML or JSON file of it.

    Returns:
        The table as it is.

    Raises:
        DataError: with every problem; rows are counted from 0.
        DefinitionError: the schema cannot be read.
    """
    problems = table_problems(table, schema)
    if problems:
        raise DataError([Problem(problem) for problem in problems])
    return table


def table_problems(table: Any, schema: Any) -> list[str]:
    """Everything about a table that is not as its schema says; rows are counted from 0."""
    rule = read_schema(_loaded(schema))
    names = column_names(table)
    found = list(_of_table(table, rule, names))
    for name, column_rule in rule.columns.items():
        if name in names:
            found += _of_column(column_of(table, name), column_rule)
        elif not column_rule.is_optional:
            found.append(f"the column {name!r} is missing")
    return found


def _loaded(schema: Any) -> Any:
    if not isinstance(schema, (str, Path)):
        return schema
    file = Path(schema)
    try:
        return read_plain(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"the schema {file} cannot be read: {error}") from error
    except CheckError as error:
        raise DefinitionError(f"the schema cannot be read: {error}") from error


def _of_table(table: Any, rule: TableRule, names: list[str]) -> Iterator[str]:
    rows = row_count(table)
    if rows < rule.least_rows:
        yield f"there are {rows:,} rows, and {rule.least_rows:,} are needed"
    if rule.most_rows is not None and rows > rule.most_rows:
        yield f"there are {rows:,} rows, and {rule.most_rows:,} are allowed"
    if not rule.may_have_more:
        yield from (f"the column {name!r} is not in the schema" for name in names if name not in rule.columns)
    for key in rule.unique:
        if set(key) <= set(names):
            columns = [column_of(table, name).values for name in key]
            yield from _repeated(list(zip(*columns, strict=True)), ", ".join(key))


def _of_column(column: Column, rule: ColumnRule) -> Iterator[str]:
    missing = np.flatnonzero(column.is_missing)
    if len(missing) > rule.most_nulls * len(column.values):
        allowed = f", and {rule.most_nulls:.3g} of the rows may be" if rule.most_nulls else ""
        yield f"{column.name}: {len(missing):,} missing{allowed}: {_rows(missing)}"
    if rule.type and not _has_type(column, rule.type):
        wrong = _where(column, lambda value: not _is_of(value, rule.type))
        if len(wrong):  # none is where whole numbers are kept as floats, or dates and texts of dates stand together
            yield f"{column.name}: {len(wrong):,} are not of type {rule.type}: {_rows(wrong, column)}"
            return  # what its values have to be can only be told of values of the type
    if rule.low is not None or rule.high is not None:
        yield from _out_of_range(column, rule)
    if rule.values:
        allowed_values = set(rule.values)
        wrong = _where(column, lambda value: value not in allowed_values)
        if len(wrong):
            told = ", ".join(map(str, rule.values[:10])) + (", ..." if len(rule.values) > 10 else "")
            yield f"{column.name}: {len(wrong):,} are none of {told}: {_rows(wrong, column)}"
    if rule.pattern:
        pattern = re.compile(rule.pattern)
        wrong = _where(column, lambda value: not pattern.fullmatch(str(value)))
        if len(wrong):
            yield f"{column.name}: {len(wrong):,} do not match {rule.pattern!r}: {_rows(wrong, column)}"
    if rule.is_unique:
        pairs = zip(column.values.tolist(), column.is_missing, strict=True)
        yield from _repeated([None if gone else value for value, gone in pairs], column.name, skips_none=True)


def _out_of_range(column: Column, rule: ColumnRule) -> Iterator[str]:
    is_number = column.kind in ("integer", "number")
    if not is_number and rule.type != "date" and column.kind not in ("date", "text", "empty"):
        yield f"{column.name}: a range is of numbers and dates, and its values are of type {column.kind}"
        return
    as_number: Callable[[Any], Any] = float if is_number else _moment
    for name, told in (("below", rule.low), ("above", rule.high)):
        if told is not None:
            wrong = _beyond(column, name, as_number(told), as_number)
            if len(wrong):
                yield f"{column.name}: {len(wrong):,} are {name} {told}: {_rows(wrong, column)}"


def _beyond(column: Column, name: str, end: Any, as_number: Callable[[Any], Any]) -> NDArray[np.int64]:
    if column.values.dtype.kind in "iuf":  # all at once; missing ones are beyond nothing
        is_out = column.values < end if name == "below" else column.values > end
        return np.flatnonzero(is_out & ~column.is_missing)
    if name == "below":
        return _where(column, lambda value: as_number(value) < end)
    return _where(column, lambda value: as_number(value) > end)


def _where(column: Column, is_wrong: Callable[[Any], bool]) -> NDArray[np.int64]:
    present = np.flatnonzero(~column.is_missing)
    if column.values.dtype.kind == "M":
        items = column.values[present].astype("datetime64[us]").tolist()
    else:
        items = column.values[present].tolist()
    found: NDArray[np.int64] = present[np.array([bool(is_wrong(item)) for item in items], dtype=bool)]
    return found


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    moment: datetime = value
    return moment.replace(tzinfo=None)


def _has_type(column: Column, kind: str) -> bool:
    if column.kind in ("empty", kind) or (kind == "number" and column.kind == "integer"):
        return True
    return kind == "date" and column.kind == "text" and not len(_where(column, lambda value: not _is_of(value, kind)))


def _is_of(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    if kind == "date":
        if isinstance(value, str):
            try:
                datetime.fromisoformat(value)
            except ValueError:
                return False
            return True
        return isinstance(value, date)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return kind == "number" or float(value).is_integer()


def _repeated(items: list[Any], name: str, *, skips_none: bool = False) -> Iterator[str]:
    first: dict[Any, int] = {}
    again = []
    for row, item in enumerate(items):
        if skips_none and item is None:
            continue
        if item in first:
            again.append((row, first[item]))
        else:
            first[item] = row
    if again:
        told = ", ".join(f"row {row} as row {before}" for row, before in again[:_NAMED])
        yield f"{name}: {len(again):,} are not unique: {told}{', ...' if len(again) > _NAMED else ''}"


def _rows(rows: NDArray[np.int64], column: Column | None = None) -> str:
    told = [f"row {row}" + (f" ({_short(column.values[row])})" if column is not None else "") for row in rows[:_NAMED]]
    return ", ".join(told) + (", ..." if len(rows) > _NAMED else "")


def _short(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 40 else text[:39] + "…"


@task(tags=("table", "schema", "quality"))
def infer_schema(table: Any, *, most_values: int = 20) -> dict[str, Any]:
    """Make a schema of a table that is good, to be looked at and loosened.

    It has the types, whether values are missing, the ranges of numbers and dates, the values of texts of which there are few, and
    says "unique" of whole numbers and texts that all differ.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        most_values: a text with more different values gets no list of them.
    """
    columns: dict[str, Any] = {}
    for name in column_names(table):
        columns[name] = _inferred(column_of(table, name), most_values)
    return {"columns": columns, "extra": False, "rows": [1, None]}


def _inferred(column: Column, most_values: int) -> dict[str, Any]:
    told: dict[str, Any] = {"type": column.kind} if column.kind not in ("any", "empty") else {}
    told["nulls"] = bool(column.is_missing.any())
    present = column.present
    if column.kind in ("integer", "number"):
        ends = [float(present.min()), float(present.max())]
        told["range"] = [int(end) for end in ends] if column.kind == "integer" else ends
    elif column.kind == "date":
        moments = present.astype("datetime64[us]").tolist() if present.dtype.kind == "M" else present.tolist()
        told["range"] = [min(moments).isoformat(), max(moments).isoformat()]
    if column.kind in ("integer", "text"):
        different = set(present.tolist())
        if len(different) == len(present) > 1:
            told["unique"] = True
        elif column.kind == "text" and len(different) <= most_values:
            told["values"] = sorted(different)
    return told
