"""Where a command's words go: results to the standard output, news and errors to the standard error.

Colours appear on terminals only. With `is_json`, the standard output holds JSON and nothing else.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from partita.drawing.cells import clean, fit, pad, width

__all__ = ["STATE_STYLES", "Cell", "Output", "json_text"]

_CODES = {"good": "32", "bad": "31", "warn": "33", "busy": "36", "dim": "2", "bold": "1", "heading": "1;4"}

STATE_STYLES = {
    "succeeded": "good", "failed": "bad", "cancelled": "warn", "skipped": "dim", "running": "busy",
    "waiting": "warn", "ready": "dim", "pending": "dim",
}  # fmt: skip
_SYMBOLS = {
    "succeeded": ("✓", "+"), "failed": ("✗", "x"), "cancelled": ("⊘", "c"), "skipped": ("-", "-"),
    "running": ("▸", ">"), "waiting": ("~", "~"), "ready": ("◦", "."), "pending": ("◦", "."),
}  # fmt: skip


class Cell(NamedTuple):
    """A piece of text with a style."""

    text: str
    style: str = ""


class Output:
    """Prints for one command."""

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, *, is_json: bool = False, color: str = "auto"
    ) -> None:
        self.out = out if out is not None else sys.stdout
        self.err = err if err is not None else sys.stderr
        self.is_json = is_json
        for stream in (self.out, self.err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        self._color = color
        self._environment_color = _environment_color()

    def set_color(self, color: str) -> None:
        """Follow the setting `color`; NO_COLOR and FORCE_COLOR stay above "auto"."""
        self._color = color

    def has_color(self, stream: TextIO) -> bool:
        if self._color != "auto":
            return self._color == "always"
        if self._environment_color is not None:
            return self._environment_color
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def is_live(self) -> bool:
        """Whether there is a terminal to draw progress on."""
        return self.err.isatty() and os.environ.get("TERM") != "dumb" and not self.is_json

    def columns(self, stream: TextIO) -> int | None:
        """Width of the terminal in cells; None in pipes, where nothing is cut."""
        return shutil.get_terminal_size().columns if stream.isatty() else None

    def can_show(self, text: str, stream: TextIO | None = None) -> bool:
        encoding = getattr(stream if stream is not None else self.out, "encoding", None) or "ascii"
        try:
            text.encode(encoding)
        except (LookupError, UnicodeEncodeError):
            return False
        return True

    def symbol(self, state: str, stream: TextIO | None = None) -> str:
        """A state as one cell."""
        nice, plain = _SYMBOLS.get(state, ("?", "?"))
        return nice if self.can_show(nice, stream) else plain

    def paint(self, text: str, style: str, stream: TextIO | None = None) -> str:
        code = _CODES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code and text and self.has_color(stream or self.out) else text

    def line(self, text: str = "", style: str = "") -> None:
        """A line of the result."""
        print(self.paint(text, style, self.out), file=self.out)

    def note(self, text: str = "", style: str = "") -> None:
        """A line of news, beside the result."""
        print(self.paint(text, style, self.err), file=self.err, flush=True)

    def document(self, value: Any) -> None:
        """The result as one JSON document."""
        print(json_text(value, indent=2 if self.out.isatty() else None), file=self.out, flush=True)

    def document_line(self, value: Any) -> None:
        """One of several JSON documents, a line each."""
        print(json_text(value), file=self.out, flush=True)

    def table(
        self, titles: Sequence[str], rows: Iterable[Sequence[Cell | str]], *, flexible: int | None = None
    ) -> None:
        """Aligned columns without frames.

        Args:
            flexible: number of the column that is cut where the terminal is too narrow; default: the last.
        """
        cells = [[_cell(item) for item in row] for row in rows]
        heads = [Cell(title, "dim") for title in titles]
        widths = [max((width(row[i].text) for row in [heads, *cells]), default=0) for i in range(len(titles))]
        columns = self.columns(self.out)
        if columns is not None:
            elastic = len(titles) - 1 if flexible is None else flexible
            excess = sum(widths) + 2 * (len(widths) - 1) - columns
            widths[elastic] = max(widths[elastic] - max(excess, 0), 8)
        for row in [heads, *cells]:
            padded = [
                self.paint(pad(fit(cell.text, size), size) if i < len(row) - 1 else fit(cell.text, size), cell.style)
                for i, (cell, size) in enumerate(zip(row, widths, strict=True))
            ]
            print("  ".join(padded).rstrip(), file=self.out)

    def flush(self) -> None:
        self.out.flush()
        self.err.flush()


def _cell(item: Cell | str) -> Cell:
    return Cell(clean(item)) if isinstance(item, str) else Cell(clean(item.text), item.style)


def _environment_color() -> bool | None:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return None


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as strict JSON: numbers that JSON lacks become their names, bytes become hexadecimal text."""
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return bytes(value).hex() if isinstance(value, (bytes, bytearray)) else value
