"""A file descriptor that threads make readable for whoever selects on it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

__all__ = ["Bell"]


class Bell:
    """Rung any number of times, it is readable until it is silenced. Who rings it late, when it is closed, does no harm."""

    def __init__(self) -> None:
        self._file = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._is_closed = False

    def fileno(self) -> int:
        """Readable when it has been rung."""
        return self._file

    def ring(self) -> None:
        """Make it readable."""
        with self._lock:
            if not self._is_closed:
                os.eventfd_write(self._file, 1)

    def silence(self) -> None:
        """Make it unreadable. Look for what it was rung for after that, and nothing is missed."""
        with self._lock, suppress(BlockingIOError):
            if not self._is_closed:
                os.eventfd_read(self._file)

    def close(self) -> None:
        """Release the file descriptor; once more changes nothing."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._file)
