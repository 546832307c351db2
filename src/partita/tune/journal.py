"""Where studies are kept: a file of lines for each, written at its end only.

A line is a JSON object. What was appended survives the death of the process; a line that a dying process left half written counts
as not written. One process at a time appends, which holds the file; anybody may read.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from partita.errors import NotFoundError, StudyError

__all__ = ["Appender", "FolderJournals", "Journals", "need_name"]

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,79}")
_ENDING = ".jsonl"
_PATIENCE_S = 0.2

Line = dict[str, Any]


class Appender(Protocol):
    """A journal that is held."""

    def append(self, line: Line) -> None:
        """Write a line; it is there when this returns."""
        ...


class Journals(Protocol):
    """The journals of a workspace.

    Laws: lines are read in the order in which they were appended; only who holds a journal appends; a journal is held by one at a
    time, and free when its process has died.
    """

    def names(self) -> list[str]:
        """All there are, the oldest first."""
        ...

    def lines(self, name: str) -> list[Line]:
        """What is written; nothing where there is no such journal."""
        ...

    def is_held(self, name: str) -> bool:
        """Whether somebody appends to it."""
        ...

    def hold(self, name: str) -> Any:
        """A context in which its `Appender` is given; makes the journal where there is none."""
        ...

    def remove(self, name: str) -> None:
        """Forget it; raises NotFoundError where there is none, and StudyError while somebody holds it."""
        ...


def need_name(name: str) -> str:
    """The name, where a study may have it.

    Raises:
        StudyError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise StudyError(f"{name!r} cannot be the name of a study; give up to 80 letters, digits, '_', '-' and '.'")
    return name


class FolderJournals:
    """Files in a folder. Satisfies `Journals`."""

    def __init__(self, folder: Path, *, is_durable: bool = False) -> None:
        """
        Args:
            is_durable: lines survive a power failure, too.
        """
        self._folder = folder
        self._is_durable = is_durable

    def names(self) -> list[str]:
        found = list(self._folder.glob(f"*{_ENDING}")) if self._folder.is_dir() else []
        return [file.name.removesuffix(_ENDING) for file in sorted(found, key=_first_written)]

    def lines(self, name: str) -> list[Line]:
        try:
            data = self._file(name).read_bytes()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def is_held(self, name: str) -> bool:
        try:
            with self._file(name).open("rb") as file:
                return not _lock(file.fileno())
        except FileNotFoundError:
            return False

    @contextmanager
    def hold(self, name: str) -> Iterator[Appender]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file(name), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            until = time.monotonic() + _PATIENCE_S  # somebody may only be looking whether it is held
            while not (is_mine := _lock(descriptor)) and time.monotonic() < until:
                time.sleep(_PATIENCE_S / 20)
            if not is_mine:
                raise StudyError(f"another process is at the study {name!r}; wait until it ends, or give another name")
            _drop_torn(descriptor)
            yield _Held(descriptor, self._is_durable)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        if not self._file(name).exists():
            raise NotFoundError(f"there is no study {name!r}")
        with self.hold(name):
            self._file(name).unlink()

    def _file(self, name: str) -> Path:
        return self._folder / f"{need_name(name)}{_ENDING}"


class _Held:
    def __init__(self, descriptor: int, is_durable: bool) -> None:
        self._descriptor = descriptor
        self._is_durable = is_durable

    def append(self, line: Line) -> None:
        data = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        while data:  # a full disk raises; half a line is dropped when it is held again
            data = data[os.write(self._descriptor, data) :]
        if self._is_durable:
            os.fsync(self._descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _drop_torn(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    tail = b""
    position = size
    while position > 0 and b"\n" not in tail:
        step = min(position, 1 << 16)
        position -= step
        tail = os.pread(descriptor, step, position) + tail
    os.ftruncate(descriptor, position + tail.rfind(b"\n") + 1)


def _first_written(file: Path) -> tuple[float, str]:
    with file.open("rb") as stream:
        head = stream.readline()
    try:
        return float(json.loads(head)["at"]), file.name
    except (ValueError, KeyError, TypeError):
        return 0.0, file.name
