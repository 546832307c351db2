"""Whether a value is another one's equal in everything that a user could see: types, names, order, zones, signs of zeros.

What is left out: the payload of NaNs in tables, which Arrow takes for missing; where the chunks of a table's columns lie; and
what polars remembers of a column to be quicker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy
import pandas
import polars
import pyarrow
from PIL import Image

__all__ = ["difference"]


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where they differ, and how; empty: nowhere."""
    if one is other:
        return ""
    if type(one) is not type(other):
        return f"{path}: {type(one)} and {type(other)}"
    for kinds, compare in _COMPARED:
        if isinstance(one, kinds):
            return compare(one, other, path)
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return _first((f"{path}.{name}", getattr(one, name), getattr(other, name)) for name in names)
    return _unlike(path, _told(one), _told(other))


def _first(parts: Iterable[tuple[str, Any, Any]]) -> str:
    return next(filter(None, (difference(one, other, path) for path, one, other in parts)), "")


def _unlike(path: str, one: Any, other: Any) -> str:
    return "" if one == other else f"{path}: {one!r} and {other!r}"[:500]


def _told(value: Any) -> Any:
    """What tells a small value from all others: NaNs, zeros and folds included."""
    return hex(value) if isinstance(value, int) else repr(value)


def _items(one: Any, other: Any, path: str) -> str:
    if len(one) != len(other):
        return f"{path}: {len(one)} and {len(other)} items"
    return _first((f"{path}[{place}]", *pair) for place, pair in enumerate(zip(one, other, strict=True)))


def _maps(one: Any, other: Any, path: str) -> str:
    return _items(list(one), list(other), path + " keys") or _items(list(one.values()), list(other.values()), path)


def _sets(one: Any, other: Any, path: str) -> str:
    return _unlike(path, sorted(map(_typed, one)), sorted(map(_typed, other)))


def _typed(value: Any) -> str:
    return f"{type(value).__name__} {_told(value)}"


def _dtypes(one: Any, other: Any, path: str) -> str:
    found = _unlike(
        path, (repr(one), one.isalignedstruct, one.metadata), (repr(other), other.isalignedstruct, other.metadata)
    )
    return found or _first((f"{path}.{name}", one[name], other[name]) for name in one.names or ())


def _arrays(one: Any, other: Any, path: str) -> str:
    found = _dtypes(one.dtype, other.dtype, path + ".dtype") or _unlike(path + ".shape", one.shape, other.shape)
    if found:
        return found
    if one.flags.writeable and not other.flags.writeable:
        return f"{path}: cannot be written to"
    if one.flags.f_contiguous and not one.flags.c_contiguous and not other.flags.f_contiguous:
        return f"{path}: another order"
    if one.dtype.names is not None:  # between fields lies anything
        fields = [[numpy.array(part[name], order="C") for part in (one, other)] for name in one.dtype.names]
        return _first((f"{path}[{name}]", *pair) for name, pair in zip(one.dtype.names, fields, strict=True))
    if one.dtype.hasobject:
        return _items(one.tolist(), other.tolist(), path)
    return _unlike(path, one.tobytes(), other.tobytes())


def _numpy_scalars(one: Any, other: Any, path: str) -> str:
    return _dtypes(one.dtype, other.dtype, path) or _unlike(path, one.tobytes(), other.tobytes())


def _frames(one: Any, other: Any, path: str) -> str:
    return (
        _unlike(path, (one.shape, one.attrs, one.flags.allows_duplicate_labels), (other.shape, other.attrs, other.flags.allows_duplicate_labels))
        or _indexes(one.columns, other.columns, path + ".columns") or _indexes(one.index, other.index, path + ".index")
        or _first((f"{path}[{place}]", one.iloc[:, place], other.iloc[:, place]) for place in range(one.shape[1]))
    )  # fmt: skip


def _series(one: Any, other: Any, path: str) -> str:
    return (
        _unlike(path, (one.attrs, one.flags.allows_duplicate_labels), (other.attrs, other.flags.allows_duplicate_labels))
        or difference(one.name, other.name, path + ".name") or _indexes(one.index, other.index, path + ".index")
        or _columns(one, other, path)
    )  # fmt: skip


def _indexes(one: Any, other: Any, path: str) -> str:
    if type(one) is not type(other):
        return f"{path}: {type(one)} and {type(other)}"
    found = _items(list(one.names), list(other.names), path + ".names")
    if found or isinstance(one, pandas.RangeIndex):
        return found or _unlike(path, (one.start, one.stop, one.step), (other.start, other.stop, other.step))
    if isinstance(one, pandas.MultiIndex):
        return _items(one.tolist(), other.tolist(), path)
    return _unlike(path + ".freq", getattr(one, "freq", None), getattr(other, "freq", None)) or _columns(
        one, other, path
    )


def _columns(one: Any, other: Any, path: str) -> str:
    """Values of a series or an index."""
    found = _unlike(path + ".dtype", repr(one.dtype), repr(other.dtype))
    if found:
        return found
    if isinstance(one.dtype, pandas.DatetimeTZDtype):
        found = difference(one.dtype.tz, other.dtype.tz, path + ".tz")
        one, other = (numpy.array(part.array.tz_convert(None)) for part in (one, other))
        return found or _arrays(one, other, path)
    if isinstance(one.dtype, pandas.CategoricalDtype):
        codes = [numpy.array(part.array.codes) for part in (one, other)]
        return _indexes(one.dtype.categories, other.dtype.categories, path + ".categories") or _arrays(*codes, path)
    if not isinstance(one.dtype, numpy.dtype):
        return _items(list(one.array), list(other.array), path)
    one, other = one.to_numpy(copy=True), other.to_numpy(copy=True)
    if one.dtype.kind == "f":
        one[numpy.isnan(one)] = other[numpy.isnan(other)] = numpy.nan
    return _arrays(one, other, path)


def _polars_frames(one: Any, other: Any, path: str) -> str:
    return _unlike(path, (one.columns, one.shape), (other.columns, other.shape)) or _items(
        one.get_columns(), other.get_columns(), path
    )


def _polars_series(one: Any, other: Any, path: str) -> str:
    return _unlike(path, (one.name, repr(one.dtype)), (other.name, repr(other.dtype))) or _items(
        one.to_list(), other.to_list(), path
    )


def _arrow_tables(one: Any, other: Any, path: str) -> str:
    if not one.schema.equals(other.schema, check_metadata=True):
        return f"{path}: {one.schema} and {other.schema}"
    if isinstance(one, pyarrow.RecordBatch):
        return _items(one.columns, other.columns, path)
    pairs = zip(one.columns, other.columns, strict=True)
    return _items(*([column.to_pylist() for column in columns] for columns in zip(*pairs, strict=True)), path)


def _arrow_chunks(one: Any, other: Any, path: str) -> str:
    return _unlike(path, str(one.type), str(other.type)) or _items(one.chunks, other.chunks, path)


def _arrow_arrays(one: Any, other: Any, path: str) -> str:
    found = _unlike(path, str(one.type), str(other.type))
    if not found and isinstance(one, pyarrow.DictionaryArray):
        found = difference(one.dictionary, other.dictionary, path) or difference(one.indices, other.indices, path)
    return found or _items(one.to_pylist(), other.to_pylist(), path)


def _pictures(one: Any, other: Any, path: str) -> str:
    palettes = [part.palette.getdata() if part.palette is not None else None for part in (one, other)]
    return (
        _unlike(path, (one.mode, one.size, one.tobytes()), (other.mode, other.size, other.tobytes()))
        or _unlike(path, *palettes) or _maps(one.info, other.info, path + ".info")
    )  # fmt: skip


_COMPARED: tuple[tuple[Any, Any], ...] = (
    (numpy.ndarray, _arrays), (numpy.generic, _numpy_scalars), (numpy.dtype, _dtypes),
    (pandas.DataFrame, _frames), (pandas.Series, _series), (pandas.Index, _indexes),
    (polars.DataFrame, _polars_frames), (polars.Series, _polars_series),
    ((pyarrow.Table, pyarrow.RecordBatch), _arrow_tables), (pyarrow.ChunkedArray, _arrow_chunks), (pyarrow.Array, _arrow_arrays),
    (Image.Image, _pictures), ((set, frozenset), _sets), ((list, tuple), _items), (dict, _maps),
)  # fmt: skip
