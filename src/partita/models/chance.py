"""Whether one version is worse than another, or whether that is chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from partita.models.metric_losses import metric_loss

__all__ = ["Difference", "difference_of"]

_RESAMPLES = 2000
#: From so many rows on, the mean of a resample is as good as normal, and none is drawn.
_MANY_ROWS = 20_000
_Z95 = 1.959963984540054

Evaluations = Mapping[str, Mapping[str, Any]]


class Difference(NamedTuple):
    """How much worse one is than the other: above 0, it is worse."""

    mean: float
    low: float  # of the 95 % interval
    high: float
    how: str  # it was found


def difference_of(metric: str, one: Evaluations, other: Evaluations) -> Difference | None:
    """How much worse the first is; None: nothing tells its chance.

    Args:
        one, other: evaluations by the name of their data.
    """
    shared = [name for name in one if name in other]
    for name in shared:
        losses, others = one[name].get("losses"), other[name].get("losses")
        if losses is not None and others is not None and len(losses) == len(others) and len(losses):
            return _by_rows(losses, others, name)
    for name in shared:
        found = _by_intervals(metric, one[name], other[name], name)
        if found is not None:
            return found
    return None


def _by_rows(losses: Any, others: Any, data: str) -> Difference:
    """The paired bootstrap: rows are drawn again, the same ones for both."""
    import numpy

    gaps = numpy.asarray(losses, dtype="float64") - numpy.asarray(others, dtype="float64")
    mean, count = float(gaps.mean()), len(gaps)
    how = f"the paired losses of {count:,} rows of {data}"
    if not numpy.isfinite(mean):  # a row without a loss is not one to be left out
        return Difference(mean, mean, mean, how)
    if count > _MANY_ROWS:
        half = _Z95 * float(gaps.std()) / count**0.5
        return Difference(mean, mean - half, mean + half, how)
    from partita.components.extras import need

    need("sklearn", "evaluation", "comparing losses row by row")
    from partita.models.evaluation.measures import Means
    from partita.models.evaluation.resampling import Resampling, intervals_of

    # With one seed, so that the same versions get the same verdict.
    found = intervals_of(Means(("gap",), gaps[:, None]), Resampling(_RESAMPLES, seed=0))
    low, high = found.get("gap", (mean, mean))
    return Difference(mean, low, high, how)


def _by_intervals(metric: str, one: Any, other: Any, data: str) -> Difference | None:
    first, second = (found.get("metrics", {}).get(metric) for found in (one, other))
    ends = [(found.get("intervals") or {}).get(metric) for found in (one, other)]
    if first is None or second is None or any(not end or len(end) != 2 for end in ends):
        return None
    worse = metric_loss(metric, float(first)) - metric_loss(metric, float(second))
    half = float(sum(((end[1] - end[0]) / 2) ** 2 for end in ends if end) ** 0.5)
    return Difference(worse, worse - half, worse + half, f"the intervals of both on {data}")
