"""What a remote executor knows of its lanes, their orders and the workers that serve them."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from partita.core.records import Demand
from partita.executors.port import Capacity, Message
from partita.executors.remote.port import GONE, Launcher, Post
from partita.protocol.messages import STOP

__all__ = [
    "KILL_MARGIN_S", "Ending", "Lane", "Orders", "SegmentFiles", "Session", "Stopping", "Waiting", "end_workers", "in_the_way",
    "session_name", "why_to_end",
]  # fmt: skip

#: So long after its grace the worker of an attempt that was asked to stop is ended.
KILL_MARGIN_S = 5.0
#: A worker counts as lost after so many times its lease without a word of it.
_SILENT_LEASES = 1.5
_FAREWELL_S = 10.0

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def session_name() -> str:
    """A name that no other session has."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(16))


@dataclass(slots=True)
class Stopping:
    """An attempt that was asked to stop."""

    reason: str
    kill_at: float  # monotonic seconds: then its worker is ended


@dataclass(slots=True)
class Waiting:
    """An order that has not ended."""

    ticket: int
    name: str  # between engine and agent
    is_idempotent: bool
    has_begun: bool = False
    stopping: Stopping | None = None
    printing: tuple[str, int] | None = None
    asking: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Lane:
    """A queue of orders, and the worker that runs them."""

    number: int
    session: Session
    queue: deque[Waiting] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Session:
    """One remote worker."""

    name: str
    demand: Demand  # without slots
    started_at: float  # monotonic seconds
    lane: Lane | None = None
    bundle: str = ""  # of the lane that it was told of last
    is_up: bool = False
    is_giving_back: bool = False
    heard_at: float = field(default_factory=time.monotonic)  # monotonic seconds
    idle_since: float = field(default_factory=time.monotonic)  # monotonic seconds
    known: set[int] = field(default_factory=set)  # numbers of the profiles that it was sent
    held: list[Message] = field(default_factory=list)  # to be sent once its code is where it can be fetched
    told: str = ""  # why it has not come up yet
    fate: tuple[str, str] | None = None  # (reason, detail) once we have ended it

    @property
    def is_idle(self) -> bool:
        """Whether it may serve another lane."""
        return self.lane is None and self.fate is None


class Orders:
    """The orders that have not ended, by what engine and agents call them."""

    def __init__(self) -> None:
        self.by_ticket: dict[int, tuple[Lane, Waiting]] = {}
        self.by_name: dict[str, Waiting] = {}

    def add(self, lane: Lane, waiting: Waiting) -> None:
        """Queue one on a lane."""
        lane.queue.append(waiting)
        self.by_ticket[waiting.ticket] = (lane, waiting)
        self.by_name[waiting.name] = waiting

    def remove(self, ticket: int) -> None:
        """One has ended."""
        lane, waiting = self.by_ticket.pop(ticket)
        lane.queue.remove(waiting)
        if self.by_name.get(waiting.name) is waiting:
            del self.by_name[waiting.name]


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


class Ending(NamedTuple):
    """Why a worker is to be ended."""

    reason: str
    detail: str
    grace_s: float = 0.0


def why_to_end(session: Session, now: float, idle_s: float, lease_s: float) -> Ending | None:
    """Why the worker is to be ended now; None: it is not. One whose task must not run twice is never ended for silence alone."""
    if session.is_idle and now - session.idle_since > idle_s:
        return Ending("stopped", "it had nothing to do", KILL_MARGIN_S)
    queue = session.lane.queue if session.lane else ()
    for waiting in queue:
        stopping = waiting.stopping
        if stopping is not None and now > stopping.kill_at:
            detail = f"it did not stop when it was asked to ({stopping.reason}), and its worker was ended"
            return Ending(stopping.reason, detail)
    silent_s = now - session.heard_at
    if silent_s > lease_s * _SILENT_LEASES and all(waiting.is_idempotent for waiting in queue):
        return Ending("evicted", f"nothing was heard of its worker for {silent_s:.0f} s, and it counts as lost")
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


class SegmentFiles:
    """Writes what attempts print elsewhere into the logs here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, run: str, segment: str, offset: int, data: bytes) -> None:
        """Write a part where it belongs; one that comes again changes nothing. Names that leave the folder are ignored."""
        if {os.sep, "\0"} & set(run + segment) or run.startswith(".") or segment.startswith("."):
            return
        folder = self._folder / run
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / segment, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(file, view, offset)
                view, offset = view[written:], offset + written
        finally:
            os.close(file)
