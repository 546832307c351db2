"""Truths and predictions as arrays, from lists, arrays and columns of any library, with errors that say what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.models.evaluation.measures import Array

__all__ = ["column_of", "groups_of", "is_missing", "labels_of", "numbers_of", "plain", "same_kind", "same_length"]


def column_of(name: str, values: Any) -> NDArray[Any]:
    """(rows,): the values.

    Raises:
        ValueError: they are none, or have more than one dimension.
    """
    if hasattr(values, "to_numpy"):  # a column of pandas, Polars or Arrow
        kind = type(values).__module__.partition(".")[0]
        values = (
            values.to_numpy(zero_copy_only=False)
            if kind == "pyarrow" and not _is_chunked(values)
            else values.to_numpy()
        )
    found = np.asarray(values)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise ValueError(f"{name} is to have one value a row, and has the shape {found.shape}")
    if not len(found):
        raise ValueError(f"{name} is empty; there is nothing to evaluate")
    return found


def _is_chunked(values: Any) -> bool:
    return hasattr(values, "num_chunks")


def labels_of(name: str, values: Any) -> NDArray[Any]:
    """(rows,): numbers, truth values or texts.

    Raises:
        ValueError: a label is missing, or they are not of one type.
    """
    found = column_of(name, values)
    if found.dtype.kind == "f":
        _no_gaps(name, found)
        whole = found.astype(np.int64)
        return whole if np.array_equal(whole, found) else found
    if found.dtype.kind == "O":
        kinds = {type(value) for value in found}
        gaps = np.flatnonzero(is_missing(found))
        if len(gaps):
            raise ValueError(f"{name} has no label in row {gaps[0]}; leave such rows out")
        if all(issubclass(kind, str) for kind in kinds):
            return found.astype(str)
        found = np.array(found.tolist())
        if found.dtype.kind not in "biuU":
            raise ValueError(f"{name} has labels of types {', '.join(sorted(kind.__name__ for kind in kinds))}")
    return found


def same_kind(real: NDArray[Any], *others: NDArray[Any] | None) -> None:
    """Texts are never equal to numbers: where they are compared, all would be wrong.

    Raises:
        ValueError: labels are texts, and others are not.
    """
    for other in others:
        if other is not None and (other.dtype.kind == "U") != (real.dtype.kind == "U"):
            one, two = plain(real[0]), plain(other[0])
            raise ValueError(f"some labels are texts and some are not: {one!r} and {two!r}; make them alike")


def is_missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """(rows,): where there is no value: None, NaN, and what libraries of tables write for it."""
    found: NDArray[np.bool_] = np.zeros(len(column), bool)
    if column.dtype.kind in "mM":
        found = np.isnat(column)
    elif column.dtype.kind == "f":
        found = np.isnan(column)
    elif column.dtype.kind == "O":
        found = np.array([_is_none(value) for value in column], dtype=bool)
    return found


def _is_none(value: Any) -> bool:
    if value is None:
        return True
    unequal = value != value
    # pandas.NA is neither equal to itself nor not: comparing it gives itself, which is no truth value.
    return unequal is value or (isinstance(unequal, (bool, np.bool_)) and bool(unequal))


def numbers_of(name: str, values: Any) -> Array:
    """Numbers, all finite.

    Raises:
        ValueError: one is missing or none.
    """
    try:
        found = np.asarray(column_of(name, values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValueError) and name in str(error):
            raise
        raise ValueError(f"{name} is to be numbers: {error}") from error
    _no_gaps(name, found)
    return found


def _no_gaps(name: str, found: Array) -> None:
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        more = f" and in {len(wrong) - 1} others" if len(wrong) > 1 else ""
        raise ValueError(f"{name} is {found[wrong[0]]} in row {wrong[0]}{more}; leave such rows out, or fill them")


def same_length(**arrays: Sequence[Any] | NDArray[Any] | None) -> int:
    """How many rows they have.

    Raises:
        ValueError: not all as many.
    """
    counts = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "these are to have as many rows: " + ", ".join(f"{name} has {n:,}" for name, n in counts.items())
        )
    return next(iter(counts.values()))


def groups_of(groups: Any, rows: int) -> NDArray[np.int64] | None:
    """(rows,): the number of each row's group, from 0.

    Raises:
        ValueError: not one group a row.
    """
    if groups is None:
        return None
    found = column_of("groups", groups)
    same_length(groups=found, rows=range(rows))
    numbers: NDArray[np.int64] = np.unique(
        found.astype(str) if found.dtype.kind == "O" else found, return_inverse=True
    )[1]
    return numbers.astype(np.int64)


def plain(value: Any) -> Any:
    """A NumPy scalar as Python's."""
    return value.item() if isinstance(value, np.generic) else value
