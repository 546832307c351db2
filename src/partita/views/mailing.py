"""What waits to be told to one client: never more than the newest of each thing, however slow the client is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

__all__ = ["Inbox", "Subscribers"]


class Inbox:
    """Messages by key; a later one takes the place of an earlier one."""

    def __init__(
        self, merge: Callable[[Any, Any], Any] | None = None, *, at_most: int = 1000, instead: Any = None
    ) -> None:
        """
        Args:
            merge: makes one message of an earlier and a later one of the same key; default: the later one.
            at_most: so many keys wait.
            instead: what is told where more would.
        """
        self._merge = merge
        self._at_most = at_most
        self._instead = instead
        self._is_full = False
        self._waiting: dict[Hashable, Any] = {}
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, key: Hashable, message: Any) -> None:
        if self._is_full:
            return
        if key not in self._waiting and len(self._waiting) >= self._at_most:
            self._is_full = True
            key, message, self._waiting = "", self._instead, {}
        elif self._merge is not None and key in self._waiting:
            message = self._merge(self._waiting[key], message)
        self._waiting[key] = message
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self._is_closed = True
        self._news.set()

    async def take(self, timeout_s: float) -> list[Any] | None:
        """All that waits, as soon as something does; empty: nothing came in time; None: nothing will come any more."""
        if not self._waiting and not self._is_closed:
            try:
                await asyncio.wait_for(self._news.wait(), timeout_s)
            except TimeoutError:
                return []
        self._news.clear()
        found, self._waiting, self._is_full = list(self._waiting.values()), {}, False
        if not found and self._is_closed:
            return None
        if self._is_closed:
            self._news.set()
        return found


class Subscribers:
    """The clients that are told of one thing."""

    def __init__(self) -> None:
        self._inboxes: set[Inbox] = set()

    def __len__(self) -> int:
        return len(self._inboxes)

    def add(self, inbox: Inbox) -> None:
        self._inboxes.add(inbox)

    def discard(self, inbox: Inbox) -> None:
        self._inboxes.discard(inbox)

    def tell(self, key: Hashable, message: Any) -> None:
        for inbox in self._inboxes:
            inbox.put(key, message)

    def close(self) -> None:
        for inbox in self._inboxes:
            inbox.close()
