"""Drift of a table against a reference, as a task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.data.columns import Column, column_names, column_of, row_count
from partita.errors import DataError, Problem
from partita.flow.task import task
from partita.watch.columns import TableDrift, column_drifts

__all__ = ["check_drift", "table_drift"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@task(tags=("table", "drift", "quality"))
def table_drift(
    reference: Any,
    table: Any,
    *,
    columns: Sequence[str] | None = None,
    level: float = 0.05,
    least_effect: float = 0.1,
    bins: int = 10,
) -> TableDrift:
    """Tell which columns of a table are distributed otherwise than in a reference, and by how much.

    A column has drifted when its difference is no chance (Kolmogorov-Smirnov for numbers, decimals, dates and durations,
    chi-square for all else, with control of false alarms over columns by Benjamini and Hochberg) and is large enough to matter.
    With many rows every difference is certain; with many columns some are always found. Dates without a zone are taken for UTC.
    Infinite numbers count as missing, of which the share is compared, too.

    Args:
        reference: a table of how it was: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        table: of how it is.
        columns: only these; default: all of the reference.
        level: share of false alarms among alarms.
        least_effect: of numbers, the Wasserstein distance in standard deviations; otherwise the share of rows that changed.
        bins: for the PSI, between quantiles of the reference.

    Raises:
        ValueError: there is no such column, or a table without rows.
    """
    if not row_count(reference) or not row_count(table):
        raise ValueError("a table without rows cannot be compared")
    names = list(columns) if columns is not None else column_names(reference)
    there = set(column_names(table))
    old = {name: column_of(reference, name) for name in names}
    new = {
        name: column_of(table, name) for name in (column_names(table) if columns is None else names) if name in there
    }
    pairs = [{name: (_numeric(column), column.is_missing) for name, column in side.items()} for side in (old, new)]
    return column_drifts(pairs[0], pairs[1], level=level, least_effect=least_effect, bins=bins)


@task(tags=("table", "drift", "validate", "quality"))
def check_drift(
    table: Any,
    reference: Any,
    *,
    columns: Sequence[str] | None = None,
    level: float = 0.05,
    least_effect: float = 0.1,
) -> Any:
    """Pass a table on that is distributed as a reference, and refuse one that has drifted.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        reference: a table of how it was.
        columns: only these; default: all of the reference.
        level: share of false alarms among alarms.
        least_effect: of numbers, the Wasserstein distance in standard deviations; otherwise the share of rows that changed.

    Returns:
        The table as it is.

    Raises:
        DataError: with every column that has drifted.
    """
    found = table_drift(reference, table, columns=columns, level=level, least_effect=least_effect)
    problems = [
        Problem(
            f"{item.column} has drifted{' (missing values)' if item.kind == 'missing' else ''}: effect {item.effect:.3g}, "
            f"p {item.adjusted_p:.2g}, PSI {item.psi:.3g}"
        )
        for item in found.columns if item.is_drifted
    ]  # fmt: skip
    problems += [Problem(note) for note in found.notes if note.endswith("is not there any more")]
    if problems:
        raise DataError(problems)
    return table


def _numeric(column: Column) -> NDArray[Any]:
    """The values as numbers, where they are numbers, decimals, dates or durations: in whatever table they stand, they are told
    alike. What has no number in the range of floats is not finite."""
    values = column.values
    if values.dtype.kind in "mM":
        unit = "datetime64[us]" if values.dtype.kind == "M" else "timedelta64[us]"
        return values.astype(unit).astype(np.int64)
    if values.dtype.kind != "O":
        return values
    found = np.full(len(values), np.nan)
    for row in np.flatnonzero(~column.is_missing):
        number = _number(values[row])
        if number is None:
            return values
        found[row] = number
    return found


def _number(value: Any) -> float | None:
    """The number: of dates microseconds since 1970 in UTC, for which those without a zone are taken; of durations the same."""
    if isinstance(value, (datetime, np.datetime64, timedelta, np.timedelta64)):
        if isinstance(value, datetime):
            value = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)) - _EPOCH
        elif isinstance(value, np.datetime64):
            value = value - np.datetime64(0, "us")
        return float(value / (timedelta(microseconds=1) if isinstance(value, timedelta) else np.timedelta64(1, "us")))
    if isinstance(value, date):
        return (value - _EPOCH.date()) / timedelta(microseconds=1)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, Decimal, np.integer, np.floating)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
