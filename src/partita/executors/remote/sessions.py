"""When remote workers are to be ended, and how."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from partita.core.records import Demand
from partita.executors.port import Capacity
from partita.executors.remote.orders import Session
from partita.executors.remote.port import GONE, Launcher, Post
from partita.protocol.messages import STOP

__all__ = ["KILL_MARGIN_S", "Ending", "Keeping", "end_workers", "in_the_way", "session_name", "why_to_end"]

#: So long after its grace the worker of an attempt that was asked to stop is ended.
KILL_MARGIN_S = 5.0
#: A worker counts as lost after so many times its lease without a word of it.
_SILENT_LEASES = 1.5
_FAREWELL_S = 10.0

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def session_name() -> str:
    """A name that no other session has."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(16))


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


class Ending(NamedTuple):
    """Why a worker is to be ended."""

    reason: str
    detail: str
    grace_s: float = 0.0
    is_silence: bool = False  # nothing is heard of it, and nothing is waited for


def why_to_end(session: Session, now: float, idle_s: float, lease_s: float) -> Ending | None:
    """Why the worker is to be ended now; None: it is not. One whose task must not run twice is never ended for silence alone."""
    if session.is_idle and now - session.idle_since > idle_s:
        return Ending("stopped", "it had nothing to do", KILL_MARGIN_S)
    queue = session.lane.queue if session.lane else ()
    for waiting in queue:
        stopping = waiting.stopping
        if session.fate is None and stopping is not None and now > stopping.kill_at:
            detail = f"an attempt did not stop when it was asked to ({stopping.reason}), and its worker was ended"
            return Ending("evicted", detail)  # the others in its lane are not at fault
    silent_s = now - session.heard_at
    if silent_s > lease_s * _SILENT_LEASES and all(waiting.is_idempotent for waiting in queue):
        detail = f"nothing was heard of its worker for {silent_s:.0f} s, and it counts as lost"
        return Ending("evicted", detail, is_silence=True)
    return None


def end_workers(sessions: Sequence[Session], launcher: Launcher, post: Post) -> None:
    """End workers at once, and wait until they are gone, but not for long."""
    for session in sessions:
        post.send(session.name, [[STOP]])
        launcher.stop(session.name)
    missed = {session.name for session in sessions}
    until = time.monotonic() + _FAREWELL_S
    while missed and time.monotonic() < until:
        missed -= {news.session for news in launcher.news() if news.what == GONE}
        if missed:
            select.select(launcher.filenos(), [], [], 0.1)
    for session in sessions:
        post.release(session.name)
