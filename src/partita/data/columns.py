"""Tables of pandas, Polars and Arrow and lists of dicts, read and made by columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Column",
    "column_names",
    "column_of",
    "row_count",
    "rows_of",
    "stacked",
    "table_kind",
    "taken",
    "with_columns",
]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    values: NDArray[Any]  # (rows,): of NumPy's types for numbers, truth values and times; otherwise objects
    is_missing: NDArray[np.bool_]  # (rows,)
    kind: str  # "integer", "number", "boolean", "text", "date", "any", or "empty" where all are missing

    @property
    def present(self) -> NDArray[Any]:
        """The values that are there."""
        found: NDArray[Any] = self.values[~self.is_missing]
        return found


def table_kind(table: Any) -> str:
    """ "pandas", "polars", "arrow" or "rows".

    Raises:
        TypeError: it is no table.
    """
    package = type(table).__module__.partition(".")[0]
    if package in ("pandas", "polars") and hasattr(table, "columns"):
        return package
    if package == "pyarrow" and hasattr(table, "column_names"):
        return "arrow"
    if isinstance(table, (list, tuple)) and all(isinstance(row, Mapping) for row in table):
        return "rows"
    raise TypeError(f"a table is a DataFrame, an Arrow Table or a list of dicts, and not {type(table).__name__}")


def row_count(table: Any) -> int:
    """How many rows a table has."""
    return int(table.num_rows) if table_kind(table) == "arrow" else len(table)


def column_names(table: Any) -> list[str]:
    """The names of its columns, in order."""
    kind = table_kind(table)
    if kind == "rows":
        return list(dict.fromkeys(str(name) for row in table for name in row))
    return [str(name) for name in (table.column_names if kind == "arrow" else table.columns)]


def column_of(table: Any, name: str) -> Column:
    """One column.

    Raises:
        ValueError: there is none of that name.
    """
    kind, names = table_kind(table), column_names(table)
    if name not in names:
        raise ValueError(f"there is no column {name!r}; there are {', '.join(names) or 'none'}")
    values, is_missing = _READERS[kind](table, name)
    return Column(name, values, is_missing, _kind(values, is_missing))


def _pandas(table: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    series = table[name]
    is_missing = series.isna().to_numpy(dtype=bool)
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy(), is_missing
    return series.astype(object).to_numpy(), is_missing


def _polars(table: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    series = table[name]
    is_missing = series.is_null().to_numpy()
    if (series.dtype.is_numeric() or series.dtype.is_temporal()) and not is_missing.any():
        values = series.to_numpy()
        return values, np.isnan(values) if values.dtype.kind == "f" else is_missing
    return _objects(series.to_list())


def _arrow(table: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    return _objects(table.column(name).to_pylist())


def _dicts(table: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    return _objects([row.get(name) for row in table])


def _objects(items: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values = np.empty(len(items), dtype=object)
    values[:] = items
    return values, np.array([item is None or item != item for item in items], dtype=bool)


_READERS = {"pandas": _pandas, "polars": _polars, "arrow": _arrow, "rows": _dicts}
_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "M": "date", "U": "text"}


def _kind(values: NDArray[Any], is_missing: NDArray[np.bool_]) -> str:
    present = values[~is_missing]
    if not len(present):
        return "empty"
    if values.dtype.kind != "O":
        if values.dtype.kind == "f" and is_missing.any() and bool((present == np.round(present)).all()):
            return "integer"  # so pandas reads whole numbers of which some are missing
        return _KINDS.get(values.dtype.kind, "any")
    types = set(map(type, present))
    if types <= {bool, np.bool_}:
        return "boolean"
    if all(issubclass(kind, (int, np.integer)) and kind is not bool for kind in types):
        return "integer"
    if all(issubclass(kind, (int, float, np.integer, np.floating)) and kind is not bool for kind in types):
        return "number"
    if all(issubclass(kind, str) for kind in types):
        return "text"
    return "date" if all(issubclass(kind, (date, datetime)) for kind in types) else "any"


def rows_of(table: Any) -> list[dict[str, Any]]:
    """The rows as dicts."""
    kind = table_kind(table)
    if kind == "rows":
        return [dict(row) for row in table]
    if kind == "pandas":
        return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    found: list[dict[str, Any]] = table.to_dicts() if kind == "polars" else table.to_pylist()
    return found


def taken(table: Any, rows: Rows) -> Any:
    """A table of these rows, in this order; of the same library."""
    kind = table_kind(table)
    if kind == "pandas":
        return table.iloc[rows].reset_index(drop=True)
    if kind == "rows":
        return [table[row] for row in rows.tolist()]
    return table[rows] if kind == "polars" else table.take(rows)


def with_columns(table: Any, columns: Mapping[str, NDArray[Any]]) -> Any:
    """The table with other values in these columns, or with these columns besides."""
    kind = table_kind(table)
    if kind == "pandas":
        return table.assign(**columns)
    if kind == "rows":
        plain = {name: values.tolist() for name, values in columns.items()}
        return [{**row, **{name: plain[name][number] for name in plain}} for number, row in enumerate(table)]
    if kind == "polars":
        from polars import Series

        return table.with_columns([Series(name, values.tolist()) for name, values in columns.items()])
    import pyarrow

    for name, values in columns.items():
        if name not in table.column_names:
            table = table.append_column(name, pyarrow.array(values.tolist()))
            continue
        try:
            made = pyarrow.array(values.tolist(), type=table.schema.field(name).type)
        except pyarrow.ArrowInvalid:  # numbers that were whole
            made = pyarrow.array(values.tolist())
        table = table.set_column(table.column_names.index(name), name, made)
    return table


def stacked(tables: Sequence[Any]) -> Any:
    """One table of all rows, which are of one library and have the same columns."""
    kind = table_kind(tables[0])
    if kind == "pandas":
        from pandas import concat

        return concat(list(tables), ignore_index=True)
    if kind == "rows":
        return [row for table in tables for row in table]
    if kind == "polars":
        import polars

        return polars.concat(list(tables), how="vertical_relaxed")
    import pyarrow

    return pyarrow.concat_tables(list(tables), promote_options="permissive")
