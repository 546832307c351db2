"""How many long requests a server is at, of all and of one identity, and who waits for one of them to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from partita.api.shares import Shares
from partita.errors import BusyError

__all__ = ["LongRequests"]


class LongRequests:
    """Lets them in. It may be used by several threads; each that waits holds one."""

    def __init__(self, most: int = 12, of_one: int = 3, *, waiting: int = 12, patience_s: float = 2.0) -> None:
        """
        Args:
            most: at once.
            of_one: of these, of whoever asks: twelve slow ones of one would leave none to others.
            waiting: how many may wait for one to end; of whoever asks half of them.
            patience_s: seconds for which each waits.
        """
        self._held = Shares(most, of_one)
        self._waiting = Shares(waiting, max(waiting // 2, 1))
        self._patience_s = patience_s
        self._changed = threading.Condition()

    @contextmanager
    def one(self, who: str) -> Iterator[None]:
        """One more, while it lasts.

        Raises:
            BusyError: there are enough, of all or of whoever asks.
        """
        self._enter(who)
        try:
            yield
        finally:
            with self._changed:
                self._held.give_back(who)
                self._changed.notify_all()  # whom it lets in depends on who they are

    def _enter(self, who: str) -> None:
        with self._changed:
            if not self._held.has_room(who):
                self._wait(who)
            self._held.take(who)

    def _wait(self, who: str) -> None:
        if not self._waiting.has_room(who):
            raise self._refusal(who)
        until_s = time.monotonic() + self._patience_s
        self._waiting.take(who)
        try:
            while not self._held.has_room(who):
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise self._refusal(who)
                self._changed.wait(left_s)
        finally:
            self._waiting.give_back(who)

    def _refusal(self, who: str) -> BusyError:
        if self._held.is_full(who):
            count = self._held.of(who)
            return BusyError(
                f"the server is at {count} long requests of yours already; ask again when one has ended", 5.0
            )
        return BusyError("the server is at many long requests already; ask again", 5.0)

    def __len__(self) -> int:
        """How many there are."""
        return self._held.total

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting.total
