"""What a remote executor knows of its lanes, their orders and the workers that serve them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from partita.core.records import Demand
from partita.executors.port import LOST, RETURNED, Message
from partita.protocol.messages import BOUNDS, DONE, FAILED, FRAME, LAID, ORDER, PROGRESS, REPORT, REQUEST
from partita.protocol.remote import BEGUN, PRINTING

__all__ = ["Lane", "Orders", "Session", "Stopping", "Waiting", "ends_of", "lost"]

_ENDS = frozenset((DONE, FAILED, LAID, LOST, RETURNED))
#: Messages about one order.
_OF_ONE = _ENDS | {BOUNDS, FRAME, PROGRESS, REPORT, REQUEST, PRINTING}


@dataclass(slots=True)
class Stopping:
    """An attempt that was asked to stop."""

    reason: str
    kill_at: float  # monotonic seconds: then its worker is ended
    is_given_up: bool = False  # it was said that it need not be waited for


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
    asked: set[int] = field(default_factory=set)  # all requests so far: after attaching some are heard twice


@dataclass(slots=True, eq=False)
class Lane:
    """A queue of orders, and the worker that runs them."""

    number: int
    session: Session
    queue: deque[Waiting] = field(default_factory=deque)
    is_closing: bool = False  # the process that served it has ended


@dataclass(slots=True, eq=False)
class Session:
    """One remote worker."""

    name: str
    demand: Demand  # without slots
    started_at: float  # monotonic seconds
    lane: Lane | None = None
    bundle: str = ""  # of the lane that it was told of last
    is_up: bool = False
    is_attached: bool = False  # an earlier engine has started it
    is_giving_back: bool = False
    heard_at: float = field(default_factory=time.monotonic)  # monotonic seconds
    idle_since: float = field(default_factory=time.monotonic)  # monotonic seconds
    known: set[int] = field(default_factory=set)  # numbers of the profiles that it was sent
    held: list[Message] = field(default_factory=list)  # to be sent once its code is where it can be fetched
    told: str = ""  # why it has not come up yet
    fate: tuple[str, str] | None = None  # (reason, detail) once we have ended it
    was_heard: bool = False  # some of what it says has been taken
    is_garbled: bool = False  # it said what is no message, and is not heard any more

    @property
    def is_idle(self) -> bool:
        """Whether it may serve another lane."""
        return self.lane is None and self.fate is None

    def withdraw(self, name: str = "") -> set[str]:
        """Take orders back that were not sent yet, all or the one of this name; gives their names."""
        names = {message[1] for message in self.held if message[0] == ORDER and name in ("", message[1])}
        self.held = [message for message in self.held if message[0] != ORDER or message[1] not in names]
        return names


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

    def of(self, session: Session, name: str) -> Waiting | None:
        """The order that the session has of this name: what it says of others is nothing that it could know."""
        waiting = self.by_name.get(name)
        return waiting if waiting is not None and self.by_ticket[waiting.ticket][0].session is session else None

    def hear(self, session: Session, message: Message) -> Message | None:
        """Note what a session says of its orders; gives what the engine is to hear of that."""
        tag = message[0]
        if tag == BEGUN:
            for name in message[1]:
                if begun := self.of(session, name):
                    begun.has_begun = True
            return None
        waiting = self.of(session, message[1]) if tag in _OF_ONE else None
        if waiting is None:
            return None
        if tag == PRINTING:
            waiting.printing = (message[2], message[3])
            return None
        if tag == REQUEST:
            if message[2] in waiting.asked:
                return None
            waiting.asking.add(message[2])
            waiting.asked.add(message[2])
        elif tag in _ENDS:
            self.remove(waiting.ticket)
        message[1] = waiting.ticket
        return message

    def remove(self, ticket: int) -> None:
        """One has ended."""
        lane, waiting = self.by_ticket.pop(ticket)
        lane.queue.remove(waiting)
        if self.by_name.get(waiting.name) is waiting:
            del self.by_name[waiting.name]


def lost(ticket: int, reason: str, detail: str) -> Message:
    """The message of an order of which nobody knows how far it came."""
    now = time.time()
    return [LOST, ticket, reason, detail, [now, now, 0.0, 0], None]


def ends_of(session: Session) -> list[Message]:
    """How the orders of a worker that is gone have ended: those that had begun, or have to count as such, are lost."""
    assert session.fate is not None
    reason, detail = session.fate
    queue = session.lane.queue if session.lane is not None else ()
    is_blameless = reason in ("evicted", "stopped") or (reason == "ended" and session.is_up)
    if queue and not is_blameless and not session.is_garbled:
        queue[0].has_begun = True  # also where it could not start: else it would be tried again and again
    ends: list[Message] = []
    for waiting in queue:
        if waiting.stopping or waiting.has_begun:
            why = waiting.stopping.reason if waiting.stopping else "died" if reason == "ended" else reason
            ends.append(lost(waiting.ticket, why, detail))
        else:
            ends.append([RETURNED, waiting.ticket])
    return ends
