"""Deadlines and budgets of runs: said when they are at risk and when they are exceeded, and kept to where the flow asks for it.

They stand in a run's notes, which its row keeps:

    "bounds"   "deadline" (seconds since the epoch), "budget", "overrun" ("warn" or "stop")
    "cost"     what its attempts have cost so far: their seconds times the price of their executor
    "events"   what was said: a list of {"at", "what", "message"}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from partita.engine.live import Live
from partita.engine.standing import AT_RISK, raised_by
from partita.units import duration_text

if TYPE_CHECKING:
    from partita.engine.book import Book

__all__ = ["AT_RISK", "MISSED", "OVER_BUDGET", "Overruns"]

MISSED, OVER_BUDGET = "deadline_missed", "over_budget"


class Overruns:
    """Watches what runs were given to keep to."""

    def __init__(self, book: Book, stop: Callable[[Live, str], None]) -> None:
        """
        Args:
            stop: cancels a run, with the reason in words.
        """
        self._book, self._stop = book, stop

    def bind(self, live: Live, deadline_s: float | None, budget: float | None, overrun: str) -> None:
        """Note what the run is to keep to, unless that is known already.

        Args:
            deadline_s: seconds from its start; None: none.
            budget: what its attempts may cost; None: whatever they do.
            overrun: "warn" or "stop".
        """
        if "bounds" in live.notes or (deadline_s is None and budget is None) or live.started_at is None:
            return
        deadline = live.started_at + deadline_s if deadline_s is not None else None
        live.notes["bounds"] = {"deadline": deadline, "budget": budget, "overrun": overrun}
        self._book.told[live.run.number] = live
        self.watch(live)

    def watch(self, live: Live) -> None:
        """Be there when the deadline passes."""
        deadline = self._bounds(live).get("deadline")
        if deadline is not None and not self._was_said(live, MISSED):
            self._book.set_timer(max(deadline - self._book.now, 0.0), "deadline", live.run.number, 0)

    def deadline_passed(self, live: Live) -> None:
        """The time has come, and the run goes on."""
        took = duration_text(self._book.now - (live.started_at or self._book.now))
        self._say(live, MISSED, f"the deadline has passed: the run has taken {took} so far")

    def spend(self, live: Live, seconds: float, price: float) -> None:
        """An attempt has ended."""
        if price <= 0 or seconds <= 0:
            return
        cost = live.notes["cost"] = live.notes.get("cost", 0.0) + seconds * price
        budget = self._bounds(live).get("budget")
        if budget is not None and cost > budget:
            self._say(live, OVER_BUDGET, f"the budget of {budget:g} is used up: the run has cost {cost:g} so far")

    def forecast(self, live: Live, told: dict[str, float]) -> None:
        """It was forecast when the run will be done: told with "p50" and "p90", in seconds since the epoch."""
        deadline = self._bounds(live).get("deadline")
        if deadline is None or told["p50"] <= deadline or self._was_said(live, AT_RISK):
            return
        late = duration_text(told["p50"] - deadline)
        self._say(live, AT_RISK, f"the deadline is at risk: the run will probably be done {late} after it")
        for lanes in self._book.executors.values():
            lanes.queue.raise_priority(live.run.number, raised_by(live))
        self._book.choosing.raise_priority(live.run.number, raised_by(live))

    def _bounds(self, live: Live) -> dict[str, Any]:
        found: dict[str, Any] = live.notes.get("bounds") or {}
        return found

    def _was_said(self, live: Live, what: str) -> bool:
        return any(event["what"] == what for event in live.notes.get("events", ()))

    def _say(self, live: Live, what: str, message: str) -> None:
        if live.is_final or self._was_said(live, what):
            return
        live.notes.setdefault("events", []).append({"at": self._book.now, "what": what, "message": message})
        live.history.append(0)  # so that watchers hear of it
        self._book.told[live.run.number] = live
        if what != AT_RISK and self._bounds(live).get("overrun") == "stop":
            self._stop(live, message)
