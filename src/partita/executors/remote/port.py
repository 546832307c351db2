"""The two ports of remote executors: who starts workers elsewhere, and how the engine talks to them.

A *session* is one remote worker from its start to its end: a pod, a container, a Ray actor. In it runs an agent
(`partita.worker.agent`), which holds one lane at a time and hands its orders to a worker process beside it. A session is named by
16 lower-case letters and digits and never used again, so that what an earlier one says late is not heard.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from partita.core.records import Demand
from partita.executors.port import Message

__all__ = ["GONE", "OVERHEAD_BYTES", "PENDING", "UP", "AgentCommand", "Launcher", "News", "Post", "WorkerOrder"]

#: What can be said of a session. PENDING may be said again with another detail.
PENDING, UP, GONE = "pending", "up", "gone"

#: What a container or pod is given beside what attempts declare, for the agent and for a worker that has loaded nothing yet.
OVERHEAD_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """What a launcher starts in each worker: a Python with Partita, `-m partita.worker.agent`, and these."""

    arguments: tuple[str, ...]  # after the module; the launcher adds "--session SESSION"
    variables: dict[str, str] = field(default_factory=dict)  # for everybody to see
    secrets: dict[str, str] = field(default_factory=dict)  # variables that stand in no command, order or manifest


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """A worker that is to be started."""

    session: str
    demand: Demand  # CPU cores, bytes of memory (0: none declared) and GPU devices that it is to have
    attempts: int = 0  # how many attempts it works on before it ends by itself; 0: as many as it is given
    labels: dict[str, str] = field(default_factory=dict)  # for people who look at workers: flow, run, task


class News(NamedTuple):
    """What has become of a session."""

    session: str
    what: str  # PENDING, UP or GONE
    reason: str = ""
    detail: str = ""  # for people: what happened, and what to do
    exit_status: int | None = None


class Launcher(Protocol):
    """Starts workers elsewhere and watches them.

    Laws:

    1. No method but `close` waits for anything elsewhere.
    2. Each session that was started, or that `survey` gave, is GONE exactly once, however it ends, also when `stop` ended
       it; nothing is said of it afterwards.
    3. The reason of GONE is "ended" (it ended by itself, exit status 0), "died" (its process failed or was killed), "memory"
       (it was killed for lack of memory), "evicted" (its place was taken from it: eviction, preemption, a lost or drained
       node; another try is blameless) or "refused" (it cannot be started, and another try would end as this one: a wrong
       image, missing rights, a demand that nothing meets). What may yet pass (no room at present, a quota, an image that is
       being fetched) is PENDING with the reason in words, and becomes "refused" only after the launcher's time for that.
    4. After `stop`, or when a session is GONE, nothing of it is left elsewhere, soon.
    5. A launcher that dies leaves workers as they are; the next one of the same origin finds them by `survey`.
    """

    def start(self, worker: WorkerOrder) -> None:
        """Have a worker started."""
        ...

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        """End a worker: it is asked to, and killed after the grace. A session that is not known is ignored."""
        ...

    def survey(self) -> list[str] | None:
        """Sessions that an earlier launcher of the same origin has left running; None: they are being looked for.

        It is asked before anything else, and again until it has told once.

        Raises:
            PartitaError: nobody knows at present, with the reason in words. The next call looks again.
        """
        ...

    def news(self) -> list[News]:
        """What has happened since, oldest first."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors, one of which is readable when there is news, or when `survey` has something to tell.

        `news` makes them unreadable: ask `survey` after it.
        """
        ...

    def close(self) -> None:
        """Stop watching and release everything here. Workers are left as they are."""
        ...


class Post(Protocol):
    """Carries messages between the engine and sessions, in both directions, each direction in its order.

    Laws:

    1. No method but `drain` and `close` waits for anything elsewhere.
    2. What was sent arrives once and in order, or not at all; then nothing that was sent later arrives either.
    3. What the agent says is given until it is acknowledged, also to a later engine that attaches to the session, and not after.
    4. A message of another executor's worker, or of another session, is never given as one of this session.
    5. An agent that hears of no engine for the lease's time ends its attempt and itself.
    """

    @property
    def trouble(self) -> str:
        """Why nothing can be carried at present, for people; empty: it can. What is to be sent waits."""
        ...

    def open(self, session: str) -> None:
        """Begin to talk to a session that is about to be started."""
        ...

    def attach(self, session: str) -> None:
        """Go on talking to a session that an earlier engine opened: all that it did not acknowledge is given again."""
        ...

    def keep_only(self, sessions: Collection[str]) -> None:
        """Workers that an earlier engine has left are these; what it left of others is removed."""
        ...

    def send(self, session: str, messages: Sequence[Message]) -> None:
        """Send messages, soon."""
        ...

    def receive(self) -> list[tuple[str, list[Message]]]:
        """What has come since, by session. What was given before is thereby acknowledged."""
        ...

    def drain(self, session: str) -> list[Message]:
        """The last that a session which is gone has said."""
        ...

    def release(self, session: str, farewell: Sequence[Message] = ()) -> None:
        """The session has ended, and nothing of it is kept but what its worker is to find if it ever looks again."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors, one of which is readable when `receive` has something."""
        ...

    def close(self) -> None:
        """Send what is still to be sent, and release everything here. Sessions are left as they are."""
        ...
