"""What the engine counts while it works: whole numbers that the loop adds to, and nothing that takes time."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from partita.protocol.metrics import HistogramView

__all__ = ["Counters", "Histogram"]

#: Seconds: from what a turn of a few rows takes to what everybody notices.
_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Durations, by size."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def view(self) -> HistogramView:
        return HistogramView(bounds_s=list(_BOUNDS_S), counts=list(self.counts), sum_s=self.sum_s)


@dataclass(slots=True)
class Counters:
    """Since this engine began."""

    runs_started: int = 0
    runs_taken_up: int = 0
    runs_ended: dict[int, int] = field(default_factory=dict)  # by State
    steps_ended: dict[int, int] = field(default_factory=dict)  # by State
    attempts_started: int = 0
    attempts_ended: dict[tuple[str, str], int] = field(default_factory=dict)  # by (executor, outcome)
    log_bytes: int = 0
    failed_commits: int = 0
    turns: Histogram = field(default_factory=Histogram)
    commits: Histogram = field(default_factory=Histogram)

    def attempt_ended(self, executor: str, outcome: str) -> None:
        key = (executor, outcome)
        self.attempts_ended[key] = self.attempts_ended.get(key, 0) + 1
