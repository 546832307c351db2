"""What attempts print, sent to the engine piece by piece while they run."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any

from partita.protocol.remote import PRINTING, SEGMENT

__all__ = ["Printed"]

_PIECE_BYTES = 256 * 1024
#: What is shorter is not worth a hole.
_HOLE_BYTES = 64 * 1024


class Printed:
    """Segments of logs in a folder. A segment's name elsewhere begins with the session, so that it is nobody else's."""

    def __init__(self, folder: str, session: str) -> None:
        self._folder, self._session = folder, session
        self._sent: dict[tuple[str, str], int] = {}  # bytes by (run, segment)
        self._told: dict[str, tuple[str, int]] = {}  # by ticket

    def name(self, segment: str) -> str:
        """The segment's name elsewhere."""
        return f"{self._session}-{segment}"

    def begun(self, ticket: str, run: str, segment: str, start: int) -> list[list[Any]]:
        """Where a running attempt prints, and what it has printed since the last time."""
        messages: list[list[Any]] = []
        if self._told.get(ticket) != (segment, start):
            self._told[ticket] = (segment, start)
            messages.append([PRINTING, ticket, self.name(segment), start])
        return messages + self.until(run, segment)

    def ended(self, ticket: str, run: str, log: list[Any] | None) -> tuple[list[list[Any]], list[Any] | None]:
        """The rest of what an attempt has printed, and its log as it is called elsewhere."""
        self._told.pop(ticket, None)
        if log is None:
            return [], None
        segment, start, end = log
        messages = self.until(run, segment, end)
        self._free(run, segment)
        return messages, [self.name(segment), start, end]

    def _free(self, run: str, segment: str) -> None:
        """Give the room back of what was sent: else all that a long worker ever printed would lie here until it ends.

        The worker goes on writing behind it, so that the file keeps its length and gets a hole.
        """
        size = self._sent.get((run, segment), 0)
        if size >= _HOLE_BYTES:
            with suppress(OSError), open(os.path.join(self._folder, run, segment), "r+b") as file:
                _make_hole(file.fileno(), size)

    def until(self, run: str, segment: str, end: int | None = None) -> list[list[Any]]:
        """What was not sent yet of a segment, up to an offset or to its end."""
        key = (run, segment)
        messages: list[list[Any]] = []
        try:
            with open(os.path.join(self._folder, run, segment), "rb") as file:
                file.seek(self._sent.get(key, 0))
                while True:
                    start = file.tell()
                    most = _PIECE_BYTES if end is None else min(_PIECE_BYTES, end - start)
                    data = file.read(most) if most > 0 else b""
                    if not data:
                        break
                    messages.append([SEGMENT, run, self.name(segment), start, data])
                    self._sent[key] = start + len(data)
        except OSError:
            pass  # it printed nothing
        return messages


def _make_hole(file: int, size: int) -> None:
    """Make a hole of the first bytes of a file; a file system that has no holes changes nothing. See fallocate(2)."""
    flags = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE
    ctypes.CDLL(None).fallocate(file, flags, ctypes.c_long(0), ctypes.c_long(size))
