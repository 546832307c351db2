"""What can happen to a step, and what the machine asks for in answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from partita.core.graph import Step
from partita.values import Node

__all__ = ["Commands", "Event", "Happening", "NewStep"]


class Happening(IntEnum):
    """The kinds of events."""

    STARTED = 0  # the engine has recorded an attempt and hands it to an executor
    DONE = 1  # the attempt succeeded, or what was waited for has come; value: packed node
    FAILED = 2  # the user's code failed, or ran out of time; error, may_retry, delay_s
    LOST = 3  # the machinery failed it: worker died, out of memory, engine restarted; error
    RETURNED = 4  # the attempt was taken back, nothing of it has run
    FRAME = 5  # a part of a layout; steps
    LAID = 6  # the layout is complete; alias
    DUE = 7  # the time that a waiting step waits for has come
    ADOPTED = 8  # a finished step of another run has the value already; value
    CANCEL = 9  # somebody asked for it to stop
    DRAIN = 10  # the flow around it failed: start nothing more
    REVEALED = 11  # the layout that made it is complete
    INPUT_READY = 12  # one thing less to wait for
    INPUT_BAD = 13  # something that it needs can never be had; error
    CHILD_ENDED = 14  # a step directly below it is final
    BROKEN = 15  # a step directly below it failed and nobody handles it; error
    ORPHANED = 16  # the engine died while the attempt ran; nobody knows how far it came
    CACHED = 18  # the cache has the value already; value
    UNMET = 17  # the user's code said that there is nothing to do; error


class NewStep(NamedTuple):
    """One step of a frame, its numbers global."""

    id: int
    parent: int
    name: str
    kind: int
    profile: int
    inputs: tuple[Any, ...]  # of (step, path, need)
    fallback_of: int
    alias: Node | None  # of a flow laid out in place
    policy: list[object] | None  # of a GATHER


class Event(NamedTuple):
    """Something that happened to a step; which fields count depends on the happening."""

    happening: Happening
    step: int
    attempt: int = 0  # of STARTED, DONE, FAILED, LOST, RETURNED, FRAME and LAID; another than the current is ignored
    value: bytes | None = None
    error: bytes | None = None
    may_retry: bool = True  # the user's retry rule admits the error
    delay_s: float | None = None  # before the next attempt; None: as the machine thinks
    steps: list[NewStep] | None = None
    alias: Node | None = None


@dataclass(slots=True)
class Commands:
    """What the machine asks the engine to do, gathered over a turn."""

    changed: dict[int, Step] = field(default_factory=dict)  # to be written
    values: dict[int, bytes] = field(default_factory=dict)  # values of steps among them
    created: list[Step] = field(default_factory=list)  # steps that the machine itself added: compensations
    ready: list[int] = field(default_factory=list)  # to be placed
    stops: list[tuple[int, str]] = field(default_factory=list)  # (step, reason): attempts to be cancelled
    timers: list[tuple[float, int]] = field(default_factory=list)  # (seconds from now, step)
    waits: list[int] = field(default_factory=list)  # WAIT steps that have begun to wait
    discarded: list[tuple[int, int]] = field(default_factory=list)  # ranges of ids of a layout that will be made again
    is_final: bool = False  # the run has ended
