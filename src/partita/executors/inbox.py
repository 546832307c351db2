"""What threads have to tell, for the one that listens."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from partita.executors.bell import Bell

__all__ = ["Inbox"]

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """A queue whose bell rings when there is something in it."""

    def __init__(self) -> None:
        self.bell = Bell()
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()

    def put(self, items: Iterable[Item]) -> None:
        """Called in any thread, also when nobody listens any more."""
        for item in items:
            self._items.put(item)
        self.bell.ring()

    def take(self) -> list[Item]:
        """All that has been told since, oldest first."""
        self.bell.silence()
        found: list[Item] = []
        with suppress(queue.Empty):
            while True:
                found.append(self._items.get_nowait())
        return found

    def close(self) -> None:
        """Release the bell."""
        self.bell.close()
