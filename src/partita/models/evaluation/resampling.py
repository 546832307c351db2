"""Bootstrap intervals: percentile and BCa (Efron, 1987), of single rows or of whole groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from partita.models.evaluation.inputs import column_of, groups_of, same_length
from partita.models.evaluation.measures import Array, Measure, MetricOfRows

__all__ = ["Resampling", "bootstrap_interval", "intervals_of"]

#: With more units than this, the jackknife leaves out blocks of them.
_BLOCKS = 200
#: Where more of the resamples have no value, there is no interval.
_MOST_LACKING = 0.1


@dataclass(frozen=True)
class Resampling:
    """How intervals are made."""

    resamples: int = 1000  # 0: no intervals
    confidence: float = 0.95
    method: str = "percentile"  # or "bca", which corrects for bias and skewness
    groups: Any = None  # (rows,): rows of one group are drawn together; None: each for itself
    seed: int = 0
    least_rows: int = 30  # a slice of fewer is marked as small

    def __post_init__(self) -> None:
        if isinstance(self.resamples, bool) or not isinstance(self.resamples, int) or self.resamples < 0:
            raise ValueError(f"resamples={self.resamples!r} is no number of resamples; 0 makes no intervals")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence={self.confidence!r} is not between 0 and 1; 0.95 is usual")
        if self.method not in ("percentile", "bca"):
            raise ValueError(f"interval={self.method!r} is neither 'percentile' nor 'bca'")


def bootstrap_interval(
    metric: Callable[..., Any],
    *arrays: Any,
    groups: Any = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    interval: str = "percentile",
    seed: int = 0,
) -> tuple[float, float]:
    """The bootstrap interval of any metric: low and high; both NaN where too many resamples have no value.

    Args:
        metric: of arrays, such as `metric(truth, prediction)`.
        arrays: what it takes, each with a row for each example.
        groups: (rows,): rows of one group, such as a patient's, are drawn together, since they are alike.
        resamples: how often rows are drawn.
        confidence: how often such an interval holds the true value.
        interval: "percentile", or "bca" (bias-corrected and accelerated; Efron, 1987).
        seed: of the draws.

    Raises:
        ValueError: arrays have not the same number of rows.
    """
    columns = tuple(np.asarray(array) if np.ndim(array) > 1 else column_of("an array", array) for array in arrays)
    same_length(**{f"array {number}": column for number, column in enumerate(columns, 1)})
    how = Resampling(resamples, confidence, interval, groups, seed)
    return intervals_of(MetricOfRows("metric", metric, columns), how).get("metric", (np.nan, np.nan))


def intervals_of(
    measure: Measure, how: Resampling, groups: NDArray[np.int64] | None = None
) -> dict[str, tuple[float, float]]:
    """Metric -> low and high; one for which too many resamples have no value has none.

    Args:
        groups: (rows,): numbers of groups, instead of those of `how`.
    """
    if how.resamples == 0:
        return {}
    unit_of = groups if groups is not None else groups_of(how.groups, measure.rows)
    units = measure.rows if unit_of is None else int(unit_of.max()) + 1
    if units < 2:
        return {}
    # Threads cost more than they bring for products of this size: a resample took 20 times as long on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        drawn = _draws(measure, unit_of, units, how)
        left_out = _jackknife(measure, unit_of, units, how.seed) if how.method == "bca" else None
    value = measure.values(np.ones(measure.rows))
    below, above = (1 - how.confidence) / 2, (1 + how.confidence) / 2
    found: dict[str, tuple[float, float]] = {}
    for number, name in enumerate(measure.names):
        column = drawn[:, number]
        column = column[np.isfinite(column)]
        if not np.isfinite(value[number]) or len(column) < (1 - _MOST_LACKING) * how.resamples:
            continue
        ends = (below, above)
        if left_out is not None:
            ends = _corrected(column, float(value[number]), left_out[:, number], ends)
        low, high = np.quantile(column, ends)
        found[name] = (float(low), float(high))
    return found


def _draws(measure: Measure, unit_of: NDArray[np.int64] | None, units: int, how: Resampling) -> Array:
    """(resamples, metrics)."""
    draw = np.random.default_rng(how.seed)
    rows = []
    for _ in range(how.resamples):
        counts = np.bincount(draw.integers(0, units, units), minlength=units).astype(np.float64)
        rows.append(measure.values(counts if unit_of is None else counts[unit_of]))
    return np.array(rows)


def _jackknife(measure: Measure, unit_of: NDArray[np.int64] | None, units: int, seed: int) -> Array:
    """(blocks, metrics): the metrics without each unit, or without each of 200 blocks of them at random."""
    blocks = min(units, _BLOCKS)
    block_of = np.random.default_rng(seed).permutation(units) % blocks
    of_row = block_of if unit_of is None else block_of[unit_of]
    return np.array([measure.values((of_row != block).astype(np.float64)) for block in range(blocks)])


def _corrected(drawn: Array, value: float, left_out: Array, ends: tuple[float, float]) -> tuple[float, float]:
    """Where to cut the draws: bias-corrected, and accelerated by the skewness of the jackknife."""
    share = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
    if not 0 < share < 1:
        return ends  # all on one side: nothing to correct by
    bias = float(norm.ppf(share))
    away = left_out[np.isfinite(left_out)]
    away = away.mean() - away
    squares = float(np.sum(away**2))
    skew = float(np.sum(away**3)) / (6 * squares**1.5) if squares > 0 else 0.0

    def cut(end: float) -> float:
        z = bias + float(norm.ppf(end))
        return float(norm.cdf(bias + z / (1 - skew * z)))

    return cut(ends[0]), cut(ends[1])
