"""Waiting for what has to come about, and not a moment longer."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]

#: Nothing in a test takes so long; what does not come about shows as this much waiting.
PATIENCE_S = 200.0


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)
