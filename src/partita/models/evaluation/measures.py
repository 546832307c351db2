"""The port of a measure: metrics as a function of how much each row counts.

One function so serves the value (each row counts once), the bootstrap (as often as it was drawn), the jackknife (all but some)
and slices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Means", "Measure", "MetricOfRows", "Rows"]

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


class Measure(Protocol):
    """Metrics of predictions.

    Laws:

    1. `values` of twice the counts are the same values.
    2. `values(c)` where c is 0 outside of some rows are those of `taken(these rows)` with the counts of these.
    3. A metric that has no value for these rows is NaN; nothing is raised and nothing warned.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Of the metrics, in the order of the values."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def values(self, counts: Array) -> Array:
        """(metrics,): where a row counts as often as `counts` (rows,) says."""
        ...

    def taken(self, rows: Rows) -> Measure:
        """Of these rows only."""
        ...


@dataclass(frozen=True)
class Means:
    """Metrics that are means of a number that each row has; NaN: the row has none."""

    names: tuple[str, ...]
    each: Array  # (rows, metrics)

    @property
    def rows(self) -> int:
        return len(self.each)

    def values(self, counts: Array) -> Array:
        is_there = np.isfinite(self.each)
        total = counts @ is_there
        summed = counts @ np.where(is_there, self.each, 0.0)
        found: Array = np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0)
        return found

    def taken(self, rows: Rows) -> Means:
        return Means(self.names, self.each[rows])


@dataclass(frozen=True)
class MetricOfRows:
    """Any metric of arrays that have a row each; a row that counts twice is given twice."""

    name: str
    metric: Callable[..., Any]
    arrays: tuple[NDArray[Any], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def rows(self) -> int:
        return len(self.arrays[0])

    def values(self, counts: Array) -> Array:
        places = np.repeat(np.arange(self.rows), counts.astype(np.int64))
        return np.array([float(self.metric(*(array[places] for array in self.arrays)))])

    def taken(self, rows: Rows) -> MetricOfRows:
        return MetricOfRows(self.name, self.metric, tuple(array[rows] for array in self.arrays))
