"""pandas' tables and series as Arrow IPC files, where Arrow keeps them exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from partita.artifacts.arrow_tables import read_table, write_table
from partita.artifacts.hashing import Buffer

__all__ = ["CODECS"]

_NUMBERS = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
})  # fmt: skip
_FORM = b"partita.pandas"


class PandasTables:
    """A frame or series; what pandas' own Arrow metadata leaves out lies beside it: names, frequency of the index."""

    name = "pandas"

    def matches(self, value: Any) -> bool:
        """Whether columns and index are of types that Arrow keeps; objects, periods and levels are pickled."""
        import pandas

        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return False
        if type(value) is pandas.Series:
            return _is_name(value.name) and _is_kept(value) and _is_index(value.index) and not value.attrs
        if type(value) is not pandas.DataFrame or value.attrs or not value.shape[1]:
            return False
        columns = value.columns
        if isinstance(columns, pandas.MultiIndex) or columns.name is not None or not columns.is_unique:
            return False
        if (
            not all(type(name) is str for name in columns)
            or columns.dtype != pandas.DataFrame({"a": [1]}).columns.dtype
        ):
            return False
        return _is_index(value.index) and all(_is_kept(value[name]) for name in columns)

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The IPC file."""
        import pandas
        import pyarrow

        is_series = isinstance(value, pandas.Series)
        frame = value.to_frame("value") if is_series else value
        form = {"name": value.name if is_series else None, "freq": getattr(value.index, "freqstr", None)}
        table = pyarrow.Table.from_pandas(frame, preserve_index=None)
        table = table.replace_schema_metadata({**table.schema.metadata, _FORM: json.dumps(form).encode()})
        return write_table(table, b"series" if is_series else b"frame")

    def decode(self, data: memoryview) -> Any:
        """The frame or series, with memory of its own."""
        table, kind = read_table(data)
        if _FORM not in (table.schema.metadata or {}):
            raise ValueError("no pandas table")
        form = json.loads(table.schema.metadata[_FORM])
        frame = table.to_pandas().copy()
        if form["freq"] is not None:
            frame.index.freq = form["freq"]
        return frame["value"].rename(form["name"]) if kind == b"series" else frame


def _is_name(name: Any) -> bool:
    return name is None or type(name) is str or type(name) is int


def _is_kept(series: Any) -> bool:
    import pandas

    dtype = series.dtype
    if str(dtype) in _NUMBERS:
        return True
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return type(dtype.tz).__module__ in ("zoneinfo",) or str(dtype.tz) == "UTC"
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return (
            len(series) > 0 and categories.name is None and (str(categories.dtype) in _NUMBERS or _is_text(categories))
        )
    return getattr(dtype, "kind", "") in "mM" or _is_text(series)


def _is_text(values: Any) -> bool:
    import pandas

    return str(values.dtype) == "str" and values.dtype == pandas.Series(["a"]).dtype


def _is_index(index: Any) -> bool:
    import pandas

    if type(index) is pandas.RangeIndex:
        return _is_name(index.name) and type(index.name) is not int
    if isinstance(index, (pandas.MultiIndex, pandas.CategoricalIndex)) or not (
        index.name is None or type(index.name) is str
    ):
        return False
    return _is_kept(index) and index.name not in ("value", "__index_level_0__")


CODECS = (PandasTables(),)
