"""What the threads tell the launcher: plain records, handed over by a queue."""

from __future__ import annotations

from typing import NamedTuple

from partita.executors.kubernetes.fates import PodState, Trouble

__all__ = ["Created", "Fact", "Heard", "Hindered", "Listed", "Removed", "Said", "Server", "Vanished"]


class Created(NamedTuple):
    """The Job of a session is there."""

    session: str


class Hindered(NamedTuple):
    """The Job of a session could not be created; unless that is for good, it is tried again."""

    session: str
    trouble: Trouble


class Removed(NamedTuple):
    """The Jobs of these sessions are deleted, and their pods have been told to end."""

    sessions: tuple[str, ...]


class Heard(NamedTuple):
    """A pod is there, or has changed."""

    pod: PodState


class Vanished(NamedTuple):
    """A pod is not there any more; this is the last that was known of it."""

    pod: PodState


class Listed(NamedTuple):
    """All pods that there are."""

    pods: tuple[PodState, ...]


class Said(NamedTuple):
    """An event about a Job or pod of a session: what keeps it from starting, or why it is taken away."""

    session: str
    trouble: Trouble | None
    taken_by: str = ""


class Server(NamedTuple):
    """Whether the API server can be watched: a trouble, or none."""

    trouble: str


Fact = Created | Hindered | Removed | Heard | Vanished | Listed | Said | Server
