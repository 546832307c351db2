"""What a remote executor knows of its lanes, their orders and the workers that serve them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from partita.core.records import Demand
from partita.executors.port import LOST, Message
from partita.protocol.messages import DONE, FAILED, FRAME, LAID, PROGRESS, REPORT, REQUEST

__all__ = ["ENDS", "PASSED_ON", "Lane", "Orders", "Session", "Stopping", "Waiting"]

#: Messages that end an order beside RETURNED, and those that are passed on as they came.
ENDS = (DONE, FAILED, LAID, LOST)
PASSED_ON = (FRAME, PROGRESS, REPORT, REQUEST)


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
    is_attached: bool = False  # an earlier engine has started it
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
