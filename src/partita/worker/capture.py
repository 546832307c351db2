"""What an attempt prints goes to a segment file; an attempt's log is a range of its bytes.

The file descriptors 1 and 2 lead to the segment, so that C libraries and child processes are heard as well.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import OrderedDict
from typing import TextIO, cast

from partita.errors import StoreError
from partita.executors.status import StatusPage

__all__ = ["Capture", "LogRange"]

LogRange = list[str | int]  # [segment, start, end]

#: A longer segment is left behind between two attempts.
_SEGMENT_BYTES = 64 * 2**20
_OPEN_SEGMENTS = 16


class Capture:
    """The segments of one worker: one open file for each run that it serves."""

    def __init__(self, status: StatusPage) -> None:
        self._status = status
        self._segments: OrderedDict[str, tuple[int, str]] = OrderedDict()  # run: (file, segment)
        self._run = ""
        self._number = 0
        self._folder = ""
        self._start = 0
        self._has_logging = False
        self.file = -1  # the current segment
        self.segment = ""
        self.is_damaged = False  # user code has closed or replaced the standard streams
        self._streams = _make_streams()

    def open_folder(self, folder: str) -> None:
        """Where the runs' folders of segments lie."""
        self._folder = folder

    def begin(self, run: str) -> int:
        """An attempt of the run begins; the offset at which its output starts.

        Raises:
            StoreError: its log cannot be written.
        """
        if run != self._run:
            self._lead_to(run)
        start = os.lseek(self.file, 0, os.SEEK_CUR)
        if start > _SEGMENT_BYTES:
            os.close(self._segments.pop(run)[0])
            self._lead_to(run)
            start = 0
        self._start = start
        return start

    def end(self) -> LogRange | None:
        """The attempt has ended; its log, None if it printed nothing."""
        self.flush()
        if self.file < 0:
            return None
        end = os.lseek(self.file, 0, os.SEEK_CUR)
        return [self.segment, self._start, end] if end > self._start else None

    def flush(self) -> None:
        """Write what Python has not yet written."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (ValueError, OSError, AttributeError):
            self._mend()

    def check(self) -> None:
        """Note whether the streams still lead to the segment."""
        if self.file < 0:
            return
        try:
            own = os.fstat(self.file)
            if not (os.path.samestat(own, os.fstat(1)) and os.path.samestat(own, os.fstat(2))):
                self._mend()
        except OSError:
            self._mend()

    def adopt_logging(self) -> None:
        """Let `logging` write to the log, from INFO on, as long as user code has configured nothing else."""
        if self._has_logging or "logging" not in sys.modules:
            return
        from partita.worker.records import write_records_to_stderr

        self._has_logging = True
        write_records_to_stderr()

    def write(self, text: str) -> None:
        """Add text to the attempt's log."""
        data = memoryview(text.encode(errors="backslashreplace"))
        while data:
            data = data[os.write(self.file, data) :]

    def lead_streams_to(self, file: int) -> None:
        """Make the file what 1 and 2 lead to."""
        os.dup2(file, 1)
        os.dup2(file, 2)

    def _mend(self) -> None:
        self.is_damaged = True
        self.lead_streams_to(self.file)
        sys.stdout, sys.stderr = self._streams = _make_streams()

    def _lead_to(self, run: str) -> None:
        if run not in self._segments:
            self._segments[run] = self._open_segment(run)
            if len(self._segments) > _OPEN_SEGMENTS:
                os.close(self._segments.popitem(last=False)[1][0])
        self._segments.move_to_end(run)
        self.file, self.segment = self._segments[run]
        self._run = run
        self.lead_streams_to(self.file)
        self._status.name_segment(f"{run}/{self.segment}")

    def _open_segment(self, run: str) -> tuple[int, str]:
        self._number += 1
        folder = os.path.join(self._folder, run)
        segment = f"{os.getpid()}-{os.urandom(3).hex()}-{self._number}.log"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            os.makedirs(folder, exist_ok=True)
            return os.open(os.path.join(folder, segment), flags, 0o600), segment
        except OSError as error:
            raise StoreError(
                f"the attempt's log cannot be written to {folder}: {error.strerror}; "
                f"make room or allow writing there, then resume the run"
            ) from error


def _make_streams() -> tuple[TextIO, TextIO]:
    streams = []
    for number in (1, 2):
        stream = os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        streams.append(cast(TextIO, stream))
    sys.stdout, sys.stderr = streams
    with contextlib.suppress(Exception):
        _buffer_lines_of_c_libraries()
    return streams[0], streams[1]


def _buffer_lines_of_c_libraries() -> None:
    """Else what C prints would come out during a later attempt."""
    import ctypes

    library = ctypes.CDLL(None)
    line_buffered = 1
    library.setvbuf(ctypes.c_void_p.in_dll(library, "stdout"), None, line_buffered, 0)
