"""What a remote executor knows of its lanes, their orders and the workers that serve them."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from partita.core.records import Demand
from partita.executors.port import Message

__all__ = ["Lane", "SegmentFiles", "Session", "Stopping", "Waiting", "session_name"]

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
    is_ending: bool = False
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
        return self.lane is None and not self.is_ending and self.fate is None


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
