"""What an attempt in this process prints and logs, beside where it went anyway."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

__all__ = ["InlineCapture"]

#: Of attempts that have begun and not ended; the last one is running, the others wait for it.
_open: list[InlineCapture] = []

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class InlineCapture:
    """The log of one attempt: a file of its own, made when something is printed.

    Python's streams and `logging` are heard; what C libraries write to the file descriptors is not, since they belong
    to this process as a whole.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder  # of all logs
        self._run = ""
        self._before: tuple[TextIO, TextIO] | None = None
        self._handler: logging.Handler | None = None
        self._level = logging.NOTSET
        self._entrance: int | None = None  # instead of the file: a pipe that takes secrets out
        self._file = -1
        self.segment = f"{name}.log"
        self.is_damaged = False  # as `worker.capture.Capture` has it; nobody can close these streams for good

    @property
    def file(self) -> int:
        """The log's file descriptor."""
        if self._file < 0:
            folder = self._folder / self._run
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / self.segment, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    def begin(self, run: str) -> int:
        """An attempt of the run begins; the offset at which its output starts."""
        self._run = run
        self._before = sys.stdout, sys.stderr
        _open.append(self)
        sys.stdout, sys.stderr = _Copied(sys.stdout, self.write_through), _Copied(sys.stderr, self.write_through)
        self.adopt_logging()
        return 0

    def end(self) -> list[str | int] | None:
        """The attempt has ended; where its log lies, None if it printed nothing."""
        if self._before is not None:
            sys.stdout, sys.stderr = self._before
            self._before = None
            _open.remove(self)
        self._leave_logging()
        if self._file < 0:
            return None
        size = os.lseek(self._file, 0, os.SEEK_END)
        os.close(self._file)
        self._file = -1
        return [self.segment, 0, size] if size else None

    def flush(self) -> None:
        """Nothing is held back."""

    def write(self, text: str) -> None:
        """Add text to the attempt's log."""
        _write(self.file, text)

    def write_through(self, text: str, shown: TextIO) -> None:
        """Add text to the log and show it; where secrets are taken out, it is not shown."""
        if self._entrance is not None:
            _write(self._entrance, text)
            return
        if self._before is not None:  # else a thread prints that has outlived its attempt
            _write(self.file, text)
        with contextlib.suppress(ValueError, OSError):  # whoever reads the test's own output has closed it
            shown.write(text)

    def lead_streams_to(self, file: int) -> None:
        """Write to this file instead, or to the log again."""
        self._entrance = None if file == self._file else file

    def adopt_logging(self) -> None:
        """Let `logging` write to the log, from INFO on where the root has the level that it starts with."""
        if self._handler is not None:
            return
        root = logging.getLogger()
        self._handler = _LogHandler(self._log)
        self._level = root.level
        if root.level == logging.WARNING:
            root.setLevel(logging.INFO)
        root.addHandler(self._handler)

    def _leave_logging(self) -> None:
        if self._handler is not None:
            root = logging.getLogger()
            root.removeHandler(self._handler)
            root.setLevel(self._level)
            self._handler = None

    def _log(self, text: str) -> None:
        if _open[-1] is self:
            _write(self.file if self._entrance is None else self._entrance, text)


class _Copied(io.TextIOBase):
    """A stream whose text goes to the attempt's log too."""

    def __init__(self, shown: TextIO, write: Callable[[str, TextIO], None]) -> None:
        self._shown = shown.shown if isinstance(shown, _Copied) else shown
        self._write = write

    @property
    def shown(self) -> TextIO:
        """Where it is shown: not the log of an attempt that waits for this one."""
        return self._shown

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._write(text, self._shown)
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._shown.fileno()

    def flush(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self._shown.flush()


class _LogHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _write(file: int, text: str) -> None:
    data = memoryview(text.encode(errors="backslashreplace"))
    while data:
        data = data[os.write(file, data) :]
