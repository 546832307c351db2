"""How much memory the next attempt of a step asks for when others have run out of it."""

from __future__ import annotations

from collections.abc import Iterable

from partita.store.port import AttemptEnd
from partita.values import unpack

__all__ = ["OUT_OF_MEMORY", "raised", "raised_by"]

#: The type of the error of an attempt that ran out of memory.
OUT_OF_MEMORY = "OutOfMemory"

_FACTOR = 1.5


def raised(asked_bytes: int, used_bytes: int, capacity_bytes: float) -> int:
    """What is asked for after an attempt that asked for so much, and was seen to use so much; no more than there is at all."""
    return int(min(max(asked_bytes, used_bytes) * _FACTOR, capacity_bytes))


def raised_by(ends: Iterable[AttemptEnd], declared_bytes: int, capacity_bytes: float) -> int:
    """What was asked for after attempts that ended so, the first of which asked for what is declared; 0: none has raised it."""
    asked_bytes, is_raised = declared_bytes, False
    for end in ends:
        if end.error is not None and unpack(end.error).get("type") == OUT_OF_MEMORY:
            asked_bytes, is_raised = raised(asked_bytes, end.peak_bytes, capacity_bytes), True
    return asked_bytes if is_raised else 0
