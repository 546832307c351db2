"""Cutting a layout into frames, each small enough for one packet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from partita.core.records import Profile
from partita.flow.profiles import profile_map
from partita.protocol.messages import FRAME_STEPS

__all__ = ["Row", "frames_of"]

#: A step of a frame: see `protocol.messages`.
Row = list[Any]

_FRAME_BYTES = 65_536


def frames_of(profiles: Sequence[Profile], rows: Sequence[Row]) -> Iterator[tuple[list[dict[str, Any]], list[Row]]]:
    """The profiles that are new in each frame, and its rows."""
    sent, start = 0, 0
    while start < len(rows):
        end = _end(rows, start)
        wanted = max(sent, *(row[2] + 1 for row in rows[start:end]))
        yield [profile_map(profile) for profile in profiles[sent:wanted]], list(rows[start:end])
        sent, start = wanted, end


def _end(rows: Sequence[Row], start: int) -> int:
    end, size = start, 0
    while end < len(rows) and end - start < FRAME_STEPS and size < _FRAME_BYTES:
        row = rows[end]
        size += 64 + len(row[4] or b"") + len(row[7] or b"") + 8 * len(row[5])
        end += 1
    return end
