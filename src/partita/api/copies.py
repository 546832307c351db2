"""How many copies of what is sent and received lie on the disk or in memory at once, of all and of one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from partita.api.shares import Shares
from partita.errors import BusyError

__all__ = ["Copies"]


class Copies:
    """Counts them. It may be used by several threads."""

    def __init__(self, most: int = 32, of_one: int = 8) -> None:
        """
        Args:
            most: at once.
            of_one: of these, of whoever asks: who takes them slowly leaves some to others.
        """
        self._held = Shares(most, of_one)
        self._lock = threading.Lock()

    def take(self, who: str) -> Callable[[], None]:
        """Count one more; gives what is called when it is gone, once or oftener.

        Raises:
            BusyError: there are enough.
        """
        with self._lock:
            if not self._held.has_room(who):
                raise BusyError(f"{self._held.total} files are being sent and received already; ask again", 5.0)
            self._held.take(who)
        is_held = True

        def give_back() -> None:
            nonlocal is_held
            with self._lock:
                if is_held:
                    is_held = False
                    self._held.give_back(who)

        return give_back

    def __len__(self) -> int:
        """How many there are."""
        return self._held.total
