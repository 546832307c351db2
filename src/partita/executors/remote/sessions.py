"""Which remote workers serve what comes, and how long those without work are kept for it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from partita.core.records import Demand
from partita.executors.port import Capacity
from partita.executors.remote.orders import Session

__all__ = ["Keeping", "in_the_way", "session_name", "warmest"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def session_name() -> str:
    """A name that no other session has."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(16))


def warmest(sessions: Iterable[Session], demand: Demand, bundle: str) -> Session | None:
    """The worker of this demand without work that has the least to do before it can begin; None: there is none."""
    idle = [session for session in sessions if session.is_idle and session.demand == demand]
    return max(idle, key=lambda session: (session.is_up, session.bundle == bundle, session.idle_since), default=None)


def in_the_way(sessions: Iterable[Session], demand: Demand, capacity: Capacity) -> list[Session]:
    """Workers without work that hold what a new one of this demand needs, those that have had none for longest first."""
    alive = [session for session in sessions if session.fate is None]
    needed = [float(sum(held)) for held in zip(demand[:3], *(session.demand[:3] for session in alive), strict=True)]
    found = []
    unused = [session for session in alive if session.lane is None or not session.lane.queue]
    for session in sorted(unused, key=lambda session: session.idle_since):
        if any(amount > limit for amount, limit in zip(needed, capacity, strict=True)):
            needed = [amount - held for amount, held in zip(needed, session.demand[:3], strict=True)]
            found.append(session)
    return found


class Keeping:
    """For how long workers without work are kept.

    Until what they cost is what it would cost to wait for another one to start: whatever comes, that is at most twice as dear as
    knowing beforehand when the next step comes (the rent-or-buy rule).
    """

    def __init__(self, most_s: float, price: float) -> None:
        """
        Args:
            most_s: never longer, in seconds.
            price: seconds of waiting that a second of a worker is worth; 0: keeping one costs nothing.
        """
        self._most_s, self._price = most_s, price
        self._start_s = 0.0  # that a worker takes to start, exponentially weighted; 0: not known yet

    @property
    def idle_s(self) -> float:
        """Seconds that a worker is kept without work."""
        if not self._price or not self._start_s:
            return self._most_s
        return min(self._most_s, self._start_s / self._price)

    def started(self, seconds: float) -> None:
        """A worker has taken so long to start."""
        self._start_s += (0.25 if self._start_s else 1.0) * (seconds - self._start_s)
