"""A clock that jumps."""

from __future__ import annotations

__all__ = ["VirtualClock"]


class VirtualClock:
    """Stands still until it is told to jump; satisfies `partita.clock.Clock`."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s; use set_back for the wall clock")
        self._now += seconds
        self._monotonic += seconds

    def set_back(self, seconds: float) -> None:
        """Let the wall clock go wrong, as after a correction by hand; the monotonic one does not."""
        self._now -= seconds
