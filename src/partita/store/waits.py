"""Rows of waits, and how they are read: a part of the port of stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["FIRST_WAIT", "WaitRow", "WaitStore", "WaitUpdate"]

#: Before all waits: (opened_at, run, step).
FIRST_WAIT = (-1.0, 0, 0)


class WaitRow(NamedTuple):
    """What a step waits for besides other steps: a time, an event, a person."""

    run: int
    step: int
    kind: str  # "sleep", "until", "event", "approval" or "answer"
    name: str  # of the event, or the question
    key: str | None  # which event of that name
    opened_at: float
    due_at: float | None  # when it is over without anything having come
    spec: bytes  # packed map of what it was laid out with
    votes: bytes | None  # packed list of maps: "by", "verdict", "comment", "at"
    closed_at: float | None
    outcome: str  # one of WAIT_OUTCOMES; empty while it is open


class WaitUpdate(NamedTuple):
    """What changes in a wait; the last two are its key."""

    votes: bytes | None
    closed_at: float | None
    outcome: str
    run: int
    step: int


class WaitStore(Protocol):
    """The waits of a store."""

    def wait(self, run: int, step: int) -> WaitRow | None:
        """What the step waits for, or waited for."""
        ...

    def waits(self, run: int) -> list[WaitRow]:
        """All waits of a run, by step."""
        ...

    def open_waits(
        self, *, kinds: Sequence[str] = (), after: tuple[float, int, int] = FIRST_WAIT, limit: int = 1000
    ) -> list[WaitRow]:
        """Waits of all runs that are not over, oldest first.

        Args:
            kinds: of these, four at most; empty: of all.
            after: (opened_at, run, step) of the last one that is known already.
        """
        ...

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 100) -> list[WaitRow]:
        """What persons were asked that is over, of the newest runs first; from below a (run, step) where one is given."""
        ...
