"""The states and kinds of steps, and how a step needs another.

The numbers are stored; they never change their meaning.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

__all__ = ["ATTEMPT_OUTCOMES", "BAD", "FINAL", "WAIT_OUTCOMES", "Kind", "Mark", "Need", "State"]


class State(IntEnum):
    """Where a step (or a run, which has the state of its root step) stands."""

    PENDING = 0  # waits for what it needs
    READY = 1  # waits for room on an executor
    RUNNING = 2  # has an attempt, or is a flow whose steps are not all final
    WAITING = 3  # waits for a time, an event or a person; or for the delay before the next attempt to be over
    SUCCEEDED = 4
    FAILED = 5
    CANCELLED = 6
    SKIPPED = 7  # something that it needs did not succeed, or a condition was not met


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED})
BAD = frozenset({State.FAILED, State.CANCELLED, State.SKIPPED})


class Kind(IntEnum):
    """What a step is."""

    TASK = 0  # one call of a task: attempts run in a worker
    FLOW = 1  # one call of a flow, or a map over what was not known yet: its layout runs in a worker
    SETTLE = 2  # an Outcome (value or error) of another step; the engine itself completes it
    GATHER = 3  # the elements of a map as one list; the engine itself completes it
    UNDO = 4  # the compensation of a finished step
    WAIT = 5  # waits for a time, an event or a person, and holds no worker meanwhile


class Need(IntEnum):
    """How a step needs another one, its input."""

    VALUE = 0  # that step's value: it must succeed
    FINAL = 1  # that step's end, whatever it is
    SHAPE = 2  # that step's layout: its value as a structure of refs, none of them awaited
    HOLD = 3  # nothing: the ref is only passed on (a parameter annotated Ref[T])
    OPTIONAL = 4  # that step's value, None where the step was skipped by a condition


class Mark(IntFlag):
    """What else is to be known of a step: bits, so that a step can have several."""

    ADOPTED = 1  # the value is that of a step of the run that this one reruns, or of the cache
    CRASHED = 2  # at least one attempt ended by the machinery's fault
    COMPENSATED = 4  # undone by its compensation
    EXPANDED = 8  # a flow whose layout is known
    FAILING = 16  # a flow that will fail: it drains
    LOST = 32  # not idempotent, and nobody knows whether its attempt did its work
    UNDOING = 64  # a flow that drains no more and undoes its finished steps
    CANCELLING = 128  # asked to stop; its attempt, or the steps below it, have not ended yet
    HANDLED = 256  # a failure that a settle, a fallback or a map's policy looks at
    DRAINED = 512  # something around it failed: no further attempt, and what is around it undoes it
    WHOLE = 1024  # a finished flow all parts of whose value were made below it
    UNMET = 2048  # skipped by a condition that was not met, its own or of a step that it needs; that is no failure
    CACHED = 4096  # the value was computed by an equal step before


#: How an attempt can end; "returned": its order never began.
ATTEMPT_OUTCOMES = frozenset({
    "succeeded", "cached", "skipped", "failed", "crashed", "cancelled", "timeout", "lost", "returned",
})  # fmt: skip

#: How a wait can end.
WAIT_OUTCOMES = frozenset({"done", "timeout", "cancelled", "approved", "rejected", "answered"})
