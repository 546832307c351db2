"""How runs get their ids."""

from __future__ import annotations

import secrets
import time

__all__ = ["new_run_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_run_id() -> str:
    """An id that sorts by time: eight characters of time in milliseconds, four of chance."""
    number = (int(time.time() * 1000) % (1 << 40)) << 20 | secrets.randbits(20)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(55, -1, -5))
