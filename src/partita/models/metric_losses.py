"""How bad a metric's value is, told by the metric's name: what gates and comparisons of versions go by."""

from __future__ import annotations

import re

__all__ = ["metric_loss", "slice_loss"]

#: Metrics of which less is better, by a word in their name.
_LESS = re.compile(
    r"(^|[_.\W])(error|errors|loss|log_?loss|nll|deviance|perplexity|brier|ece|rmse|mse|mae|medae|mape|smape|wape|mase|rmsse|"
    r"msle|rmsle|pinball|crps|width|latency|cost|wer|cer|size)($|[_.\W])"
)
#: Scikit-learn names so what it has turned round, for more to be better.
_TURNED = re.compile(r"(^|[.])neg_")
#: Metrics that are best at a number of their own: the share of truths that a range of 0.9 holds is best at 0.9.
_COVERAGE = re.compile(r"(^|[.])coverage_(0?\.\d+)$")
_BIAS = re.compile(r"(^|[.])bias$")


def metric_loss(metric: str, value: float) -> float:
    """The metric's value as a loss, in its unit: of two values the one with the smaller loss is better.

    It is the value where less is better (errors, losses, latencies, widths of ranges), the distance from its best number where it
    has one (0 for `bias`, 0.9 for `coverage_0.9`), and else the value with the other sign.
    """
    best = _best_number(metric)
    if best is not None:
        return abs(value - best)
    return value if _is_less_better(metric) else -value


def slice_loss(metric: str, gap: float, value: float | None = None) -> float:
    """How much worse a slice is than all rows: above 0, it is worse.

    Args:
        gap: the slice's metric less that of all rows.
        value: the slice's metric; None: it is not known.
    """
    best = _best_number(metric)
    if best is None:
        return metric_loss(metric, gap)
    if value is None:
        return abs(gap)  # it is no worse than if all rows were at the best number
    return abs(value - best) - abs(value - gap - best)


def _best_number(metric: str) -> float | None:
    if _BIAS.search(metric.lower()):
        return 0.0
    found = _COVERAGE.search(metric.lower())
    return float(found[2]) if found else None


def _is_less_better(metric: str) -> bool:
    name = metric.lower()
    return _LESS.search(name) is not None and _TURNED.search(name) is None
