"""Time, as something that is passed in."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where the engine takes the time from. Laws: `monotonic` never goes back; `now` may jump."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC: for records that people read and for timers that outlive a process."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment of this process: for durations."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
