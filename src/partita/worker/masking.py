"""Taking secret values out of text and out of streams of bytes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from contextlib import suppress

__all__ = ["MASK", "Masker", "MaskingPipe", "Scrubber"]

MASK = "***"

#: A line of a secret of several lines is masked by itself when it is at least this long.
_LINE_LENGTH = 8
_READ_BYTES = 65_536

#: More than a pipe holds: what is read after the end was asked for, from whatever process goes on printing.
_REST_BYTES = 2**21


class Masker:
    """Knows the secrets of one attempt."""

    def __init__(self, secrets: Iterable[str]) -> None:
        texts: set[str] = set()
        for secret in secrets:
            texts.add(secret)
            texts.update(line for line in secret.splitlines() if len(line) >= _LINE_LENGTH)
        texts.update([repr(text)[1:-1] for text in texts])
        # Of two secrets that begin alike, the longer one must be found.
        ordered = sorted(filter(None, texts), key=len, reverse=True)
        self.parts = [text.encode() for text in ordered]
        self._text = re.compile("|".join(map(re.escape, ordered)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._text.sub(MASK, text)


class Scrubber:
    """Takes secrets out of a stream, also where one is split between two pieces."""

    def __init__(self, masker: Masker) -> None:
        self._parts = masker.parts
        self._longest = max(map(len, self._parts), default=0)
        self._pattern = re.compile(b"|".join(map(re.escape, self._parts)) or rb"(?!)")
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What may be shown now; the beginning of what could become a secret is held back."""
        data = self._held + piece
        shown, position = [], 0
        while True:
            doubtful = self._doubtful_from(data, position)
            found = self._pattern.search(data, position)
            if found is None or found.start() >= doubtful:
                shown.append(data[position:doubtful])
                self._held = data[doubtful:]
                return b"".join(shown)
            shown += [data[position : found.start()], MASK.encode()]
            position = found.end()

    def finish(self) -> bytes:
        """What was held back, when nothing more comes."""
        rest, self._held = self._pattern.sub(MASK.encode(), self._held), b""
        return rest

    def _doubtful_from(self, data: bytes, position: int) -> int:
        """Where the first part of the data begins that more data could make a secret."""
        for start in range(max(position, len(data) - self._longest + 1), len(data)):
            if any(len(part) > len(data) - start and part.startswith(data[start:]) for part in self._parts):
                return start
        return len(data)


class MaskingPipe:
    """A pipe in front of a log file: a thread reads it and writes what may be shown."""

    def __init__(self, masker: Masker, file: int) -> None:
        self._scrubber = Scrubber(masker)
        self._file = file
        self._reader, self.entrance = os.pipe()
        self._enough, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._pump, name="partita-masking", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write everything that has been put in; what a stray process adds later is lost."""
        os.close(self.entrance)
        os.close(self._stop)
        self._thread.join()

    def _pump(self) -> None:
        import select

        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._enough, select.POLLIN)
        rest = _REST_BYTES
        while rest > 0:
            ready = {file for file, _ in poll.poll()}
            piece = os.read(self._reader, _READ_BYTES) if self._reader in ready else b""
            if not piece:
                break
            if self._enough in ready:
                rest -= len(piece)
            self._write(self._scrubber.feed(piece))
        self._write(self._scrubber.finish())
        os.close(self._reader)
        os.close(self._enough)

    def _write(self, data: bytes) -> None:
        # A full disk must not stop the pump: then the attempt would wait for ever to print.
        with suppress(OSError):
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
