"""A page of memory in which a worker notes what it is doing, to be read when it can no longer say it."""

from __future__ import annotations

import mmap
import os
import struct

__all__ = ["StatusPage"]

_PAGE_BYTES = 4096
_ATTEMPT = struct.Struct("<QQdd")
_LENGTH = struct.Struct("<H")
_NAME_AT = 64


class StatusPage:
    """Lies in an anonymous file, which a starting worker also has as its standard error, after the page."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._page = mmap.mmap(file, _PAGE_BYTES)

    @classmethod
    def create(cls) -> StatusPage:
        """A new page; `file` is to be handed to the worker."""
        file = os.memfd_create("partita-worker", os.MFD_CLOEXEC)
        os.ftruncate(file, _PAGE_BYTES)
        os.lseek(file, _PAGE_BYTES, os.SEEK_SET)
        return cls(file)

    @property
    def file(self) -> int:
        """The anonymous file."""
        return self._file

    def begin(self, ticket: int, log_start: int, started_at: float, cpu_s: float) -> None:
        """An attempt begins; what it prints lies from this offset on, and so much CPU time was used before it."""
        _ATTEMPT.pack_into(self._page, 0, ticket, log_start, started_at, cpu_s)

    def name_segment(self, name: str) -> None:
        """Output goes to this file now: "run/segment"."""
        data = name.encode()
        _LENGTH.pack_into(self._page, _NAME_AT, len(data))
        self._page[_NAME_AT + 2 : _NAME_AT + 2 + len(data)] = data

    def attempt(self) -> tuple[int, int, float, float]:
        """The last (ticket, log_start, started_at, cpu_s)."""
        ticket, log_start, started_at, cpu_s = _ATTEMPT.unpack_from(self._page, 0)
        return ticket, log_start, started_at, cpu_s

    def segment(self) -> str:
        """The last segment, "" for none."""
        length = _LENGTH.unpack_from(self._page, _NAME_AT)[0]
        return bytes(self._page[_NAME_AT + 2 : _NAME_AT + 2 + length]).decode()

    def startup_output(self) -> str:
        """What the worker said on standard error before it had a log."""
        data = os.pread(self._file, 1 << 16, _PAGE_BYTES)
        return data.decode(errors="replace").strip()

    def close(self) -> None:
        """Release the memory."""
        self._page.close()
        os.close(self._file)
