"""pandas' tables and series as Arrow IPC files, where Arrow keeps them exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from partita.artifacts.blobs.hashing import Buffer
from partita.artifacts.codecs.arrow_tables import read_table, write_table

__all__ = ["CODECS"]

_PLAIN_NUMBERS = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
})  # fmt: skip
_NUMBERS = _PLAIN_NUMBERS | frozenset({
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
        if type(value) not in (pandas.Series, pandas.DataFrame):
            return False
        if value.attrs or not value.flags.allows_duplicate_labels:
            return False
        if type(value) is pandas.Series:
            return _is_name(value.name) and _is_kept(value) and _is_index(value.index)
        if not value.shape[1]:
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
        frame = _with_utc(table.to_pandas().copy())
        if form["freq"] is not None:
            frame.index.freq = form["freq"]
        return frame["value"].rename(form["name"]) if kind == b"series" else frame


def _with_utc(frame: Any) -> Any:
    """The frame with datetime.UTC, where Arrow says a zone named UTC: which one that is depends on its version."""
    for place, dtype in enumerate(frame.dtypes):
        if _is_other_utc(dtype):
            frame.isetitem(place, frame.iloc[:, place].dt.tz_convert(UTC))
    if _is_other_utc(frame.index.dtype):
        frame.index = frame.index.tz_convert(UTC)
    return frame


def _is_other_utc(dtype: Any) -> bool:
    zone = getattr(dtype, "tz", None)
    return zone is not None and zone is not UTC and str(zone) == "UTC"


def _is_name(name: Any) -> bool:
    return name is None or type(name) is str or type(name) is int


def _is_kept(series: Any) -> bool:
    import pandas

    dtype = series.dtype
    if str(dtype) in _NUMBERS:
        return True
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return _is_zone(dtype.tz)
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return (
            len(series) > 0 and type(categories) is pandas.Index and categories.name is None
            and (str(categories.dtype) in _PLAIN_NUMBERS or _is_text(categories))
        )  # fmt: skip
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
    # Arrow gives an index of numbers that may be missing as one of plain numbers.
    is_nullable = str(index.dtype) in _NUMBERS - _PLAIN_NUMBERS
    is_plain = _is_kept(index) and not is_nullable and index.name not in ("value", "__index_level_0__")
    return is_plain and _is_named_frequency(getattr(index, "freq", None))


def _is_named_frequency(freq: Any) -> bool:
    """Whether the name of the frequency says all of it: not which days are holidays, or how long a day of work is."""
    from pandas.tseries.frequencies import to_offset

    try:
        return freq is None or bool(to_offset(freq.freqstr) == freq)
    except ValueError:
        return False


def _is_zone(zone: Any) -> bool:
    """Whether Arrow, which knows zones by name, gives this one back, and no other of the same name."""
    return zone is UTC or (type(zone) is ZoneInfo and zone.key is not None and zone.key != "UTC")


CODECS = (PandasTables(),)
