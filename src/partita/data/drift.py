"""Drift of a table against a reference, as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.data.columns import column_names, column_of, row_count
from partita.errors import DataError, Problem
from partita.flow.task import task
from partita.watch.columns import TableDrift, column_drifts

__all__ = ["check_drift", "table_drift"]


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

    A column has drifted when its difference is no chance (Kolmogorov-Smirnov for numbers, chi-square for all else, with control
    of false alarms over columns by Benjamini and Hochberg) and is large enough to matter. With many rows every difference is
    certain; with many columns some are always found.

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


def _numeric(column: Any) -> Any:
    if column.kind in ("integer", "number") and column.values.dtype.kind == "O":
        import numpy as np

        values = np.full(len(column.values), np.nan)
        values[~column.is_missing] = column.present.astype(float)
        return values
    if column.values.dtype.kind == "M":
        return column.values.astype("datetime64[us]").astype("int64")
    return column.values
