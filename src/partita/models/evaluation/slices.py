"""Slices: the metrics of parts of the rows, and how far they are from those of all."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.artifacts.codecs.shown import Html
from partita.drawing.charts import Bar, interval_chart
from partita.models.evaluation.inputs import column_of, groups_of, is_missing
from partita.models.evaluation.measures import Measure
from partita.models.evaluation.resampling import Resampling, intervals_of

__all__ = ["slice_masks", "slice_picture", "slice_rows"]

#: A column with more different values is cut into quarters where it is numbers, and refused otherwise.
_MOST_VALUES = 12
_MOST_NAMES = 200


def slice_masks(slices: Any, rows: int) -> list[tuple[str, NDArray[np.bool_]]]:
    """(name, which rows) of each slice, in the order of columns and of values.

    Args:
        slices: name -> boolean mask of the rows, or a column whose values are the slices; a table serves as well. Numbers of
            more than 12 different values are cut at their quartiles.

    Raises:
        ValueError: a column has not so many rows, or too many different texts.
    """
    if slices is None:
        return []
    if not isinstance(slices, Mapping) and not hasattr(slices, "columns"):
        raise ValueError(
            f"slices are a map of a name to a mask or a column, or a table, and not {type(slices).__name__}"
        )
    names = slices.keys() if isinstance(slices, Mapping) else getattr(slices, "column_names", slices.columns)
    found: list[tuple[str, NDArray[np.bool_]]] = []
    for name in names:
        column = column_of(f"the slice {name!r}", slices[name])
        if len(column) != rows:
            raise ValueError(f"the slice {name!r} has {len(column):,} rows, and there are {rows:,}")
        found += _of_mask(str(name), column) if column.dtype.kind == "b" else _of_column(str(name), column)
    return [(name, mask) for name, mask in found if mask.any()]


def _of_mask(name: str, column: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    return [(name, column), (f"not {name}", ~column)]


def _of_column(name: str, column: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    gaps = ~np.isfinite(column) if column.dtype.kind == "f" else is_missing(column)
    present = column[~gaps]
    if column.dtype.kind == "O":
        present = np.array([str(value) for value in present])
        column = np.array([str(value) for value in column])
    values = np.unique(present)
    if len(values) > _MOST_VALUES and column.dtype.kind in "iuf":
        found = _quarters(name, column, np.quantile(present, (0.25, 0.5, 0.75)), gaps)
    elif len(values) > _MOST_NAMES:
        raise ValueError(f"the slice {name!r} has {len(values):,} different values; give masks of those that matter")
    else:
        found = [(f"{name}={value}", (column == value) & ~gaps) for value in values]
    return [*found, (f"{name} is missing", gaps)]


def _quarters(
    name: str, column: NDArray[Any], cuts: NDArray[Any], gaps: NDArray[np.bool_]
) -> list[tuple[str, NDArray[np.bool_]]]:
    edges = [-np.inf, *np.unique(cuts), np.inf]
    found = []
    for low, high in pairwise(edges):
        if low == -np.inf:
            told = f"{name} <= {high:g}"
        else:
            told = f"{name} > {low:g}" if high == np.inf else f"{low:g} < {name} <= {high:g}"
        found.append((told, (column > low) & (column <= high) & ~gaps))
    return found


def slice_rows(measure: Measure, slices: Any, how: Resampling) -> list[dict[str, Any]]:
    """The rows of `Evaluation.slices`."""
    whole = measure.values(np.ones(measure.rows))
    groups = groups_of(how.groups, measure.rows)
    found = []
    for name, mask in slice_masks(slices, measure.rows):
        rows = np.flatnonzero(mask)
        part = measure.taken(rows)
        own_groups = None if groups is None else np.unique(groups[rows], return_inverse=True)[1].astype(np.int64)
        intervals = intervals_of(
            part, Resampling(how.resamples, how.confidence, how.method, None, how.seed), own_groups
        )
        values = part.values(np.ones(part.rows))
        for number, metric in enumerate(measure.names):
            if np.isfinite(values[number]):
                low, high = intervals.get(metric, (None, None))
                found.append({
                    "slice": name, "rows": len(rows), "metric": metric, "value": float(values[number]), "low": low,
                    "high": high, "gap": float(values[number] - whole[number]), "is_small": len(rows) < how.least_rows,
                })  # fmt: skip
    return found


def slice_picture(rows: list[dict[str, Any]], metric: str, whole: float) -> dict[str, Html]:
    """Each slice's metric with its interval, beside that of all rows; nothing where there are no slices."""
    bars = [
        Bar(f"{row['slice']} ({row['rows']:,})", row["value"], row["low"], row["high"], row["is_small"])
        for row in rows if row["metric"] == metric
    ]  # fmt: skip
    return {"slices": Html(interval_chart(f"{metric} by slice", bars, x_label=metric, guide=whole))} if bars else {}
