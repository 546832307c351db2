"""The port through which an agent hears from its engine and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["AgentPost"]


class AgentPost(Protocol):
    """The agent's end of a `partita.executors.remote.port.Post`, whose laws hold for both ends.

    `receive` and `send` wait for nothing elsewhere, unless `send` is asked to. Its user is one thread.
    """

    def receive(self) -> list[list[Any]]:
        """What has come, oldest first."""
        ...

    def send(self, messages: Sequence[Sequence[Any]], *, is_durable: bool = False) -> None:
        """Say something, soon and in order.

        Args:
            is_durable: return only when the engine will hear it though this process died now, or when it is orphaned.
        """
        ...

    def is_orphaned(self) -> bool:
        """Whether no engine has been heard of for the lease's time, or another agent speaks for the session: nobody waits
        for what this one does any more."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors, one of which is readable when `receive` has something."""
        ...

    def close(self) -> None:
        """Say what is still to be said, waiting for it not longer than some seconds, and release everything."""
        ...
