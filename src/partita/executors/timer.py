"""A timer that is a file descriptor, so that whoever selects on the executor is woken for its own work too."""

from __future__ import annotations

import ctypes
import math
import os
import time
from contextlib import suppress

__all__ = ["Timer"]

_CLOCK_MONOTONIC = 1
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class _Moments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("again_s", "again_ns", "first_s", "first_ns")]


class Timer:
    """Python has `os.timerfd_create` from 3.13 on only; this is the C library's."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._file: int = self._library.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "no timer could be made")
        self._due = math.inf

    def fileno(self) -> int:
        """Readable when the timer has run out."""
        return self._file

    @property
    def is_set(self) -> bool:
        """Whether it will run out, or has."""
        return self._due < math.inf

    def set(self, seconds: float) -> None:
        """Run out after so many seconds, once; what is due earlier stays due."""
        due = time.monotonic() + seconds
        if due < self._due:
            self._due = due
            nanoseconds = max(1, int(seconds * 1e9))
            self._settime(_Moments(0, 0, nanoseconds // 10**9, nanoseconds % 10**9))

    def clear(self) -> None:
        """Take note that the timer has run out."""
        with suppress(BlockingIOError):
            os.read(self._file, 8)
        self._due = math.inf

    def close(self) -> None:
        """Release the file descriptor."""
        os.close(self._file)

    def _settime(self, moments: _Moments) -> None:
        self._library.timerfd_settime(self._file, 0, ctypes.byref(moments), None)
