"""The logs of attempts that run elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["SegmentFiles"]


class SegmentFiles:
    """Writes what attempts print elsewhere into the logs here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, run: str, segment: str, offset: int, data: bytes) -> None:
        """Write a part where it belongs; one that comes again changes nothing. Names that leave the folder are ignored."""
        if {os.sep, "\0"} & set(run + segment) or run.startswith(".") or segment.startswith("."):
            return
        folder = self._folder / run
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / segment, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(file, view, offset)
                view, offset = view[written:], offset + written
        finally:
            os.close(file)
