"""The workers that an earlier engine has left, as far as the launcher knows of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

from partita.errors import PartitaError
from partita.executors.remote.port import Launcher

__all__ = ["Remains"]

_log = logging.getLogger("partita.engine")

#: So long after it was told that nobody knows it asks again.
_PAUSE_S = 5.0
#: Who ends waits so long for what it would have to end.
_WAIT_S = 10.0


class Remains:
    """Asks the launcher until it knows, and keeps who was found and not claimed yet."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._unclaimed: set[str] = set()
        self._ask_at = 0.0  # monotonic seconds
        self._trouble = ""
        self.is_known = False

    def ask(self, known: Collection[str]) -> set[str] | None:
        """All that are there, once, when the launcher knows; None: it does not yet.

        Args:
            known: sessions that are there anyway, and need not be claimed.
        """
        now = time.monotonic()
        if now < self._ask_at:
            return None
        try:
            told = self._launcher.survey()
        except PartitaError as error:
            self._ask_at = now + _PAUSE_S
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning("nobody knows yet which workers an earlier engine has left: %s", error)
            return None
        if told is None:
            return None
        self.is_known = True
        self._unclaimed = set(told) - set(known)
        return set(told)

    def wait(self, known: Collection[str]) -> None:
        """Wait until the launcher knows, but not for long."""
        until = time.monotonic() + _WAIT_S
        while self.ask(known) is None and time.monotonic() < until:
            time.sleep(0.05)  # the news are for others

    def claim(self, session: str) -> bool:
        """Take one; whether it is, or may be, there."""
        if session not in self._unclaimed:
            return not self.is_known
        self._unclaimed.discard(session)
        return True

    def take_unclaimed(self) -> set[str]:
        """Those that nobody has claimed."""
        found, self._unclaimed = self._unclaimed, set()
        return found
