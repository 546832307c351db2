"""The heads of an archive from elsewhere, looked at before `tarfile` reads them.

What `tarfile` does with the heads that carry long names and notes takes much longer than they are large, and a size that is
negative leads it back. So an archive is read through `CheckedHeads`, which knows where each head stands as `tarfile` does, and
refuses whatever the two could understand differently.
"""

from __future__ import annotations

import re
import tarfile
from typing import IO

__all__ = ["MOST_NOTE_BYTES", "CheckedHeads"]

#: Of one long name or one head's notes.
MOST_NOTE_BYTES = 64 << 10
#: Heads of long names and notes before one member; `tarfile` calls itself for each.
_MOST_NOTES = 8
_BLOCK = 512
_PAX = (b"x", b"X", b"g")
_LONG = (b"L", b"K")
_WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")
#: `tarfile` looks for numbers at each place of the notes: a long row of digits costs its square.
_MANY_DIGITS = re.compile(rb"\d{256}")
_RECORD = re.compile(rb"([1-9]\d{0,6}) ([^=\n]{1,1000})=")


class CheckedHeads:
    """A file that is looked at while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._wanted = bytearray()  # what is looked at once it is whole
        self._missing = _BLOCK  # so much of it is not read yet
        self._skipped = 0  # bytes of members, which are passed on
        self._note = b""  # type of the head whose data is wanted; empty: a head is
        self._length = 0  # of that data, without what fills its last block
        self._size: int | None = None  # of the next member, as its notes have it
        self._notes = 0  # heads of notes since the last member
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        """
        Raises:
            tarfile.ReadError: a head is refused.
        """
        data = self._stream.read(size)
        self._look(memoryview(data))
        return data

    def _look(self, data: memoryview) -> None:
        while data and not self._is_over:
            if self._skipped:
                passed = min(self._skipped, len(data))
                self._skipped -= passed
                data = data[passed:]
                continue
            taken = data[: self._missing]
            self._wanted += taken
            self._missing -= len(taken)
            data = data[len(taken) :]
            if not self._missing:
                whole = bytes(self._wanted)
                self._wanted.clear()
                self._missing = _BLOCK
                if self._note:
                    self._take_note(whole[: self._length])
                else:
                    self._take_head(whole)

    def _take_head(self, head: bytes) -> None:
        if not head.strip(b"\0"):
            self._is_over = True
            return
        type, size = head[156:157], _size_of(head[124:136])
        if type in _PAX + _LONG:
            self._notes += 1
            if size > MOST_NOTE_BYTES or self._notes > _MOST_NOTES:
                raise tarfile.ReadError(f"a long name or note of a member has {size:,} bytes, or there are too many")
            if type in _PAX and self._size is not None:
                raise tarfile.ReadError("a member has several notes of its size")
            if size:
                self._note, self._length, self._missing = type, size, _filled(size)
            return
        if type == b"S":
            raise tarfile.ReadError("a member has holes")
        is_folder = type == b"\0" and head[:100].partition(b"\0")[0].endswith(b"/")
        if type in _WITHOUT_DATA or is_folder:
            if size or self._size:
                raise tarfile.ReadError("a folder or link has a size")
        else:
            self._skipped = _filled(size if self._size is None else self._size)
        self._size, self._notes = None, 0

    def _take_note(self, note: bytes) -> None:
        type, self._note = self._note, b""
        if type in _LONG:
            return
        if _MANY_DIGITS.search(note):
            raise tarfile.ReadError("a note of a member has too many digits")
        at = 0
        # What follows a NUL is none, and `tarfile` reads no further either.
        while at < len(note) and note[at]:
            found = _RECORD.match(note, at)
            end = at + int(found[1]) if found is not None else 0
            if found is None or not found.end() < end <= len(note) or note[end - 1 : end] != b"\n":
                raise tarfile.ReadError("a note of a member cannot be read")
            key, value = found[2], note[found.end() : end - 1]
            if key.startswith(b"GNU.sparse"):
                raise tarfile.ReadError("a member has holes")
            if key == b"size":
                if type == b"g" or self._size is not None or not re.fullmatch(rb"\d{1,18}", value):
                    raise tarfile.ReadError(f"a member has the size {value[:40]!r}")
                self._size = int(value)
            at = end


def _filled(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _size_of(field: bytes) -> int:
    if field[0] == 0o200:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise tarfile.ReadError("the size of a member is negative, or cannot be read")
    return int(digits or b"0", 8)
