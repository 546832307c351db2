"""The agent's end of the post in a Ray actor: batches wait in the actor's memory until an engine has acknowledged them.

Whoever speaks for the engine has a name of its own. Its batches count from 1; the agent's count on over all speakers, so that
a later one is given what the earlier did not acknowledge.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from partita.errors import ProtocolError
from partita.executors.bell import Bell
from partita.protocol.remote import open_batch, seal_batch

__all__ = ["Batch", "RayAgentPost", "attach_place", "from_place", "to_place"]

_ANSWER_BYTES = 4 << 20


class Batch(NamedTuple):
    """Sealed messages with their number."""

    number: int
    data: bytes


def attach_place(session: str, speaker: str) -> str:
    """What a speaker signs to be heard."""
    return f"{session}/attach/{speaker}"


def to_place(session: str, speaker: str, number: int) -> str:
    """What a batch to the agent is signed as."""
    return f"{session}/to/{speaker}/{number}"


def from_place(session: str, number: int) -> str:
    """What a batch of the agent's is signed as."""
    return f"{session}/from/{number}"


class RayAgentPost:
    """Used by the agent's thread on one side and by the actor's calls on the other.

    Satisfies `partita.worker.agent.port.AgentPost`.
    """

    def __init__(self, session: str, key: bytes, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            lease_s: seconds after which an agent that hears of no engine is orphaned.
        """
        self._session, self._key, self._lease_s, self._clock = session, key, lease_s, clock
        self._changed = threading.Condition()
        self._bell = Bell()
        self._inbox: list[list[Any]] = []
        self._kept: deque[Batch] = deque()
        self._said = 0
        self._heard_at = clock()
        self._speaker = ""
        self._superseded: set[str] = set()
        self._received = 0
        self._given = 0  # number of the last batch that an engine's process has
        self.when_said: Callable[[], None] = lambda: None  # called in the agent's thread

    # The agent's side

    def receive(self) -> list[list[Any]]:
        """What has come, oldest first."""
        with self._changed:
            if self._inbox:
                self._bell.silence()
            found, self._inbox = self._inbox, []
            return found

    def send(self, messages: Sequence[Sequence[Any]], *, is_durable: bool = False) -> None:
        """Say something; durable: return when the engine's machine has it, or when the agent is orphaned."""
        if messages:
            with self._changed:
                self._said += 1
                place = from_place(self._session, self._said)
                self._kept.append(Batch(self._said, seal_batch(self._key, place, messages)))
            self.when_said()
        if is_durable:
            self._wait_until_given()

    def is_orphaned(self) -> bool:
        """Whether no engine has been heard of for the lease's time."""
        return self._clock() - self._heard_at > self._lease_s

    def filenos(self) -> list[int]:
        """A file descriptor that is readable when `receive` has something."""
        return [self._bell.fileno()]

    def close(self) -> None:
        """Nothing is to be waited for: the actor lives on until all that was said has been given."""

    def _wait_until_given(self) -> None:
        with self._changed:
            wanted = self._said
            while self._given < wanted and not self.is_orphaned():
                self._changed.wait(min(1.0, self._lease_s / 4))

    # The actor's side

    def attach(self, speaker: str, seal: bytes) -> int:
        """Hear a speaker, and none before it.

        Returns:
            The number of its last batch that has come.

        Raises:
            ProtocolError: it lacks the key, or has been superseded.
        """
        open_batch(self._key, attach_place(self._session, speaker), seal)
        with self._changed:
            if speaker in self._superseded:
                raise ProtocolError("another engine has taken the worker over")
            if speaker != self._speaker:
                self._superseded.add(self._speaker)
                self._speaker, self._received = speaker, 0
            self._heard_at = self._clock()
            return self._received

    def deliver(self, speaker: str, batches: Sequence[tuple[int, bytes]], acknowledged: int) -> int:
        """Take batches in; those that came before are dropped.

        Args:
            acknowledged: number of the last batch of the agent's that need not be kept.

        Returns:
            The number of the last batch that has come.

        Raises:
            ProtocolError: a batch is not signed, or the speaker is not the one that is heard.
        """
        with self._changed:
            self._hear(speaker, acknowledged)
            for number, data in batches:
                if number != self._received + 1:
                    continue  # it came before; or it comes again, after those that are missing
                messages = open_batch(self._key, to_place(self._session, speaker, number), data)
                if not self._inbox and messages:
                    self._bell.ring()
                self._inbox += messages
                self._received = number
            return self._received

    def answer(self, speaker: str, given: int, acknowledged: int) -> list[Batch]:
        """Batches after the one numbered `given`, oldest first, so many that they can be sent at once.

        Raises:
            ProtocolError: the speaker is not the one that is heard.
        """
        with self._changed:
            self._hear(speaker, acknowledged)
            if given > self._given:
                self._given = given
                self._changed.notify_all()
            found, size = [], 0
            for batch in self._kept:
                if batch.number > given and size < _ANSWER_BYTES:
                    found.append(batch)
                    size += len(batch.data)
            return found

    def say_to_agent(self, message: list[Any]) -> None:
        """Put a message of the actor's own into the agent's inbox."""
        with self._changed:
            if not self._inbox:
                self._bell.ring()
            self._inbox.append(message)

    def last_said(self) -> int:
        """The number of the agent's last batch."""
        return self._said

    def _hear(self, speaker: str, acknowledged: int) -> None:
        if speaker != self._speaker:
            raise ProtocolError("another engine has taken the worker over")
        self._heard_at = self._clock()
        while self._kept and self._kept[0].number <= acknowledged:
            self._kept.popleft()
