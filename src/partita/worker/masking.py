"""Taking secret values out of text and out of streams of bytes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import groupby, takewhile

from partita.artifacts.codecs.plain import MASK
from partita.worker.broken_lines import BrokenLines
from partita.worker.secret_forms import base64_forms_of, forms_of

__all__ = ["MASK", "Masker", "MaskingPipe", "Scrubber"]

#: By so many bytes of its beginning it is seen whether a piece may end within a secret.
_HEAD_LENGTH = 4
_READ_BYTES = 65_536

#: More than a pipe holds: what is read after the end was asked for, from whatever process goes on printing.
_REST_BYTES = 2**21


class Masker:
    """Knows the secrets of one attempt, and what they are encoded to."""

    def __init__(self, secrets: Iterable[str]) -> None:
        secrets = list(secrets)
        forms = {form for secret in secrets for form in forms_of(secret)}
        broken = sorted({form for secret in secrets for form in base64_forms_of(secret)})
        self.broken = BrokenLines(broken, _any_of(broken) or "(?!)", MASK)
        self.parts = sorted({form.encode("utf-8", "surrogateescape") for form in forms})
        self._text = re.compile(_any_of(sorted(forms)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._text.sub(MASK, self.broken.masked(text))


class Scrubber:
    """Takes secrets out of a stream, also where one is split between two pieces."""

    def __init__(self, masker: Masker) -> None:
        parts = masker.parts
        self._longest = max(map(len, parts), default=0)
        # Each byte is a character: so one function makes both expressions.
        texts = [part.decode("latin-1") for part in parts]
        self._pattern = re.compile((_any_of(texts) or "(?!)").encode("latin-1"))
        heads = _any_of(sorted({text[:_HEAD_LENGTH] for text in texts}))
        self._heads = re.compile(f"(?={heads or '(?!)'})".encode("latin-1"))
        self._alphabet = bytes({byte for part in parts for byte in part})
        self._broken = masker.broken
        self._by_head: dict[bytes, list[bytes]] = {}
        for part in parts:
            for length in range(1, _HEAD_LENGTH + 1):
                self._by_head.setdefault(part[:length], []).append(part)
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What may be shown now; the beginning of what could become a secret is held back."""
        data = self._held + piece
        at_most = len(data)
        if b"\n" in data:
            text = self._broken.masked(data.decode("latin-1"))
            data, at_most = text.encode("latin-1"), self._broken.doubtful_from(text)
        shown, position = [], 0
        doubtful = min(self._doubtful_from(data, 0), at_most)
        while True:
            found = self._pattern.search(data, position)
            if found is None or found.start() >= doubtful:
                shown.append(data[position:doubtful])
                self._held = data[doubtful:]
                return b"".join(shown)
            shown += [data[position : found.start()], MASK.encode()]
            position = found.end()
            if position > doubtful:
                doubtful = max(position, min(self._doubtful_from(data, position), at_most))

    def finish(self) -> bytes:
        """What was held back, when nothing more comes."""
        held, self._held = self._broken.masked(self._held.decode("latin-1")).encode("latin-1"), b""
        rest = self._pattern.sub(MASK.encode(), held)
        return rest

    def _doubtful_from(self, data: bytes, position: int) -> int:
        """Where the first part of the data begins that more data could make a secret."""
        # Most pieces end with a line, and no secret has a byte of that.
        begin = max(position, len(data) - self._longest + 1, len(data.rstrip(self._alphabet)))
        whole = max(begin, len(data) - _HEAD_LENGTH + 1)
        starts = [found.start() for found in self._heads.finditer(data, begin)] if begin < whole else []
        starts.extend(range(whole, len(data)))
        return next((start for start in starts if self._is_beginning(data[start:])), len(data))

    def _is_beginning(self, rest: bytes) -> bool:
        alike = self._by_head.get(rest[:_HEAD_LENGTH], ())
        return any(len(part) > len(rest) and part.startswith(rest) for part in alike)


def _any_of(texts: list[str]) -> str:
    """An expression that finds the longest of these texts, which are in order; those that begin alike share that beginning.

    As a plain list of alternatives, thirty forms of three secrets are looked for at a third of the speed.
    """
    if not texts:
        return ""
    pairs = zip(texts[0], texts[-1], strict=False)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    rests = [text[len(shared) :] for text in texts]
    is_end = not rests[0]
    branches = [_any_of(list(alike)) for _, alike in groupby(rests[is_end:], key=lambda rest: rest[0])]
    if not branches:
        return re.escape(shared)
    return f"{re.escape(shared)}(?:{'|'.join(branches)}){'?' if is_end else ''}"


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
