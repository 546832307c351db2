"""How long predictions take."""

from __future__ import annotations

import time
from typing import Any

from partita.models.model import Model

__all__ = ["measure_latency"]


def measure_latency(model: Model, rows: Any = None, *, repeats: int = 100, warm_up: int = 5) -> dict[str, float]:
    """Seconds that one row takes, measured here: call it in a task, so that it is measured where models run.

    Args:
        rows: of which one at a time is predicted for; default: the model's example.
        repeats: predictions that are timed.
        warm_up: predictions before, which are not.

    Returns:
        "latency_p50_s", "latency_p95_s" and "latency_mean_s", to be given to `register` as metrics.
    """
    import numpy

    given = model.example if rows is None else rows
    if given is None:
        raise ValueError(f"{model.title} has no example; give rows")
    count = len(next(iter(given.values()))) if isinstance(given, dict) else len(given)
    singles = [_row(given, number % count) for number in range(min(count, repeats))]
    for number in range(warm_up):
        model.predict(singles[number % len(singles)])
    took = []
    for number in range(repeats):
        row = singles[number % len(singles)]
        start = time.perf_counter()
        model.predict(row)
        took.append(time.perf_counter() - start)
    return {
        "latency_p50_s": float(numpy.quantile(took, 0.5)), "latency_p95_s": float(numpy.quantile(took, 0.95)),
        "latency_mean_s": float(numpy.mean(took)),
    }  # fmt: skip


def _row(rows: Any, number: int) -> Any:
    if isinstance(rows, dict):
        return {name: item[number : number + 1] for name, item in rows.items()}
    if hasattr(rows, "iloc"):
        return rows.iloc[number : number + 1]
    return rows[number : number + 1]
