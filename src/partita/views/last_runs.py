"""How the last runs of flows went: a strip of states, and how long they usually take."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

from partita.protocol.requests import RunView

__all__ = ["LastRuns", "last_runs"]

_STRIP = 12


class LastRuns(NamedTuple):
    """The last runs of a flow, the oldest of them first."""

    runs: list[RunView]
    usual_s: float | None  # the median time that those took that succeeded; None: none did
    failed: int  # of those that have ended


def last_runs(runs: Iterable[RunView]) -> LastRuns:
    """
    Args:
        runs: of one flow, the newest first.
    """
    found = list(runs)
    took = [
        run["ended_at"] - run["started_at"] for run in found
        if run["state"] == "succeeded" and run["ended_at"] is not None and run["started_at"] is not None
    ]  # fmt: skip
    failed = sum(run["state"] == "failed" for run in found)
    return LastRuns(found[:_STRIP][::-1], statistics.median(took) if took else None, failed)
