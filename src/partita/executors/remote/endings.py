"""When remote workers are to be ended, and how."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import NamedTuple

from partita.executors.port import SILENT, Message
from partita.executors.remote.orders import Session
from partita.executors.remote.port import GONE, Launcher, Post
from partita.protocol.messages import STOP

__all__ = ["KILL_MARGIN_S", "Ending", "end_workers", "given_up", "why_to_end"]

#: So long after its grace the worker of an attempt that was asked to stop is ended.
KILL_MARGIN_S = 5.0
#: A worker counts as lost after so many times its lease without a word of it.
_SILENT_LEASES = 1.5
_FAREWELL_S = 10.0


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


def given_up(session: Session, now: float, lease_s: float) -> list[Message]:
    """Messages about attempts that were asked to stop, and of which no end is to be expected; each once.

    Nothing has been heard of the worker for longer than it goes on by itself; or its end is that long overdue, and whoever
    should tell of it does not. Nothing is begun again for them, so that they need not be idempotent for that.
    """
    span_s, messages = lease_s * _SILENT_LEASES, list[Message]()
    for waiting in session.lane.queue if session.lane else ():
        stopping = waiting.stopping
        if stopping is None or stopping.is_given_up:
            continue
        if now - session.heard_at > span_s or now > stopping.kill_at + span_s:
            stopping.is_given_up = True
            messages.append([SILENT, waiting.ticket, "its worker cannot be reached, and may not have stopped yet"])
    return messages


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
