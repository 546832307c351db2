"""How the engine's runs stand beside each other, and how its queues come to know it.

What the options of a run's flow say is known only when the flow is laid out, and stands in the run's notes as "standing".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from partita.core.records import Demand
from partita.core.standing import Standing, said, standing_of
from partita.engine.live import Live
from partita.errors import OptionError
from partita.plan.queue import ReadyQueue

if TYPE_CHECKING:
    from partita.engine.book import Book

__all__ = ["AT_RISK", "bind", "join", "join_all", "raised_by", "standing"]

_log = logging.getLogger("partita.engine")

#: What was said of a run whose deadline is at risk, and the steps of priority that it has gained by that.
AT_RISK = "deadline_at_risk"
_HASTE = 1


def standing(live: Live) -> Standing:
    """Whose the run is, its weight, and its priority."""
    return standing_of(live.options, live.notes.get("standing") or {})


def raised_by(live: Live) -> int:
    """The priority that the run's steps have beside their own."""
    is_late = any(event["what"] == AT_RISK for event in live.notes.get("events", ()))
    return standing(live).priority + (_HASTE if is_late else 0)


def join(queue: ReadyQueue[Demand], live: Live) -> None:
    """Make the run known to a queue in which nothing of it waits."""
    owner, weight, _ = standing(live)
    queue.join(live.run.number, owner, weight)
    queue.raise_priority(live.run.number, raised_by(live))


def join_all(book: Book, live: Live) -> None:
    """Make the run known to the queue of each executor, before anything of it is ready."""
    for lanes in book.executors.values():
        join(lanes.queue, live)


def bind(book: Book, live: Live, told: Mapping[str, Any]) -> None:
    """The flow of the run was laid out, and its options say this."""
    try:
        found = said(told)
    except OptionError as error:  # a worker says it
        _log.error("the standing of run %s is left as it was: %s", live.run.id, error, extra={"run": live.run.id})
        return
    if not found or live.notes.get("standing") == found:
        return
    before = standing(live)
    live.notes["standing"] = found
    book.told[live.run.number] = live
    if standing(live) != before:
        for lanes in book.executors.values():
            lanes.queue.drop(live.run.number)  # only its root has begun, and nothing waits
        book.choosing.drop(live.run.number)
        join_all(book, live)
