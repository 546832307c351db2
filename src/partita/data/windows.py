"""What has gone on lately: of each row of a series, figures over the rows before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.data.columns import column_of, with_columns
from partita.flow.task import task

__all__ = ["window_features"]

Array = NDArray[np.float64]

_FIGURES = ("mean", "slope", "spread")


@task(tags=("table", "series", "time", "features", "window"))
def window_features(
    table: Any,
    *,
    by: str,
    order: str,
    columns: Sequence[str],
    window: int = 30,
    figures: Sequence[str] = _FIGURES,
) -> Any:
    """Add to each row of series what its columns did lately: figures over the row and those before it, never of later ones.

    Args:
        table: rows of many series, such as machines; numbers without gaps.
        by: the column that says which series a row is of.
        order: the column that rows of a series go by, such as a time. A slope is by row, as if they were equally far apart.
        columns: whose figures are added, as "NAME_mean_30" with a window of 30.
        window: so many rows are looked at; fewer at the beginning of a series.
        figures: of "mean", "slope" (of the line of least squares, a row; 0 at the first row) and "spread" (standard deviation).

    Returns:
        The table with a column for each of `columns` and `figures`, its rows as they were.

    Raises:
        ValueError: there is no such column or figure, none is named, or something is missing.
    """
    wrong = [name for name in figures if name not in _FIGURES]
    if wrong or not figures:
        raise ValueError(f"figures are of {', '.join(_FIGURES)}, and not {', '.join(map(repr, wrong)) or 'none'}")
    if window < 2:
        raise ValueError(f"window={window} is to be 2 or more")
    if not columns:
        raise ValueError("columns names none; name those that figures are of")
    series, time = column_of(table, by), column_of(table, order)
    for column in (series, time):
        if column.is_missing.any():
            raise ValueError(f"in some rows {column.name!r} is missing; leave them out, or fill them")
    _, of = np.unique(series.values, return_inverse=True)
    places = np.lexsort((time.values, of))
    bounds = np.flatnonzero(np.diff(of[places])) + 1
    values = np.column_stack([_numbers(table, name)[places] for name in columns])
    found = {figure: np.empty(values.shape) for figure in figures}
    for rows in np.split(np.arange(len(places)), bounds) if len(places) else []:
        told = _told(values[rows], window)
        for figure in figures:
            found[figure][places[rows]] = told[figure]
    added = {f"{name}_{figure}_{window}": found[figure][:, at] for figure in figures for at, name in enumerate(columns)}
    return with_columns(table, added)


def _told(values: Array, window: int) -> dict[str, Array]:
    """All figures of one series, (rows, columns) each."""
    count = np.minimum(np.arange(len(values)) + 1, window)[:, None]
    is_there = np.arange(window) >= window - count  # (rows, window): the last ones are
    centre = values[0]  # so that large numbers that differ little lose nothing
    padded = np.concatenate([np.zeros((window - 1, values.shape[1])), values - centre])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)  # (rows, columns, window)
    mean = windows.sum(axis=2) / count
    off = (windows - mean[:, :, None]) * is_there[:, None, :]
    ages = (np.arange(window) - (window - 1) + (count - 1) / 2) * is_there  # from the middle of what is there
    across = (ages**2).sum(axis=1)[:, None]
    return {
        "mean": mean + centre,
        "slope": np.einsum("rcw,rw->rc", off, ages) / np.where(across > 0, across, 1.0),
        "spread": np.sqrt((off**2).sum(axis=2) / count),
    }


def _numbers(table: Any, name: str) -> Array:
    column = column_of(table, name)
    if column.kind not in ("integer", "number"):
        raise ValueError(f"the column {name!r} is to have numbers, and has values of type {column.kind}")
    if column.is_missing.any():
        raise ValueError(f"in some rows {name!r} is missing; leave them out, or fill them")
    return column.values.astype(np.float64)
