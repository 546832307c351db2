"""What a step reported with `context().report(name, value, step)`, by name: its last value, and how it went."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from partita.drawing.charts import Line, line_chart
from partita.protocol.requests import ReportView

__all__ = ["Series", "series_of", "series_picture"]


class Series(NamedTuple):
    """All that was reported by one name."""

    name: str
    last: float  # not a number where it is no finite one and a server told it
    at_step: int  # the user's own counter at the last value
    amount: int  # values that were reported
    points: list[tuple[int, float]]  # (step, the last value at it), by step; those of earlier attempts are replaced


def series_of(reports: Iterable[ReportView]) -> list[Series]:
    """What one step reported, in the order in which the names came."""
    found: dict[str, list[tuple[int, float]]] = {}
    for report in reports:
        value = math.nan if report["value"] is None else report["value"]
        found.setdefault(report["name"], []).append((report["at_step"], value))
    return [
        Series(name, rows[-1][1], rows[-1][0], len(rows), sorted(dict(rows).items())) for name, rows in found.items()
    ]


def series_picture(series: Series, x_label: str) -> str:
    """How it went over the user's own counter."""
    return line_chart(series.name, [Line("", [(float(x), y) for x, y in series.points])], x_label=x_label, y_label="")
