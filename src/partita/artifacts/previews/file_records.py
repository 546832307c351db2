"""What people see of a file: made of a bounded beginning of it, by the ending of its name, and running nothing."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from partita.artifacts.previews.envelope import wav_record
from partita.artifacts.previews.shortening import Mask, cell, shortened
from partita.artifacts.previews.thumbnail import picture_file_record

__all__ = ["HTML_LENGTH", "TEXT_LENGTH", "ShownFile", "file_record"]

#: Characters of a text and of HTML that are kept.
TEXT_LENGTH, HTML_LENGTH = 4000, 32 << 10

_ROWS, _COLUMNS = 20, 40
_READ_BYTES = 384 << 10  # also of letters of four bytes there is something left before what may be half a secret
_MARK = codecs.BOM_UTF8.decode()

_PICTURES = frozenset({".gif", ".jpeg", ".jpg", ".png", ".webp"})
_TEXTS = frozenset({
    ".bib", ".c", ".cfg", ".cpp", ".css", ".dot", ".go", ".h", ".ini", ".java", ".js", ".json", ".jsonl", ".log", ".md",
    ".ndjson", ".py", ".r", ".rs", ".rst", ".sh", ".sql", ".tex", ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml",
})  # fmt: skip


class ShownFile(NamedTuple):
    """A file that is stored."""

    name: str
    path: Path  # of what it holds


def file_record(file: ShownFile, mask: Mask) -> dict[str, Any] | None:
    """The record of `artifacts.previews.display` of a file; None where its name says nothing of what it holds.

    Raises:
        Exception: it does not hold what its name says.
    """
    ending = Path(file.name).suffix.lower()
    if ending in _PICTURES:
        return picture_file_record(file.path)
    if ending == ".wav":
        return wav_record(file.path)
    makers: dict[str, Callable[[str, bool, Mask], dict[str, Any] | None]] = {
        ".csv": partial(_separated, ",;\t|"), ".htm": _html, ".html": _html, ".tsv": partial(_separated, "\t"),
    }  # fmt: skip
    if ending not in makers and ending not in _TEXTS:
        return None
    text, size_bytes, is_cut = _beginning(file.path)
    if ending in makers:
        return makers[ending](text, is_cut, mask)
    told = shortened(text, TEXT_LENGTH, mask, is_part=is_cut)
    return {"kind": "text", "text": told, "length": size_bytes if is_cut else len(text)}


def _beginning(path: Path) -> tuple[str, int, bool]:
    """The beginning of a text in UTF-8, the bytes of all of it, and whether there is more.

    Raises:
        ValueError: it is no such text.
    """
    with open(path, "rb") as file:
        data = file.read(_READ_BYTES + 1)
    is_cut = len(data) > _READ_BYTES
    if b"\0" in data:
        raise ValueError("no text")
    text = codecs.getincrementaldecoder("utf-8")().decode(data[:_READ_BYTES], final=not is_cut)
    return text.removeprefix(_MARK), path.stat().st_size, is_cut


def _html(text: str, is_cut: bool, mask: Mask) -> dict[str, Any]:
    told = shortened(text, HTML_LENGTH, mask, is_part=is_cut)
    return {"kind": "html", "html": told, "is_cut": is_cut or len(text) > HTML_LENGTH}


def _separated(separators: str, text: str, is_cut: bool, mask: Mask) -> dict[str, Any] | None:
    """A table; the first row names the columns. Of the separators it has the one that the first line has most often."""
    if is_cut:
        text = text[: text.rfind("\n") + 1]  # no half a line
    text = mask(text)  # a secret may hold a separator; as a cell it is looked for once more
    first = text.partition("\n")[0]
    if not first.strip():
        return None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(separators, key=first.count), strict=not is_cut)
    names = next(rows)[:_COLUMNS]
    head = [row[:_COLUMNS] for row in islice(rows, _ROWS)]
    count = None if is_cut else len(head) + sum(1 for _ in rows)
    types = [
        "number" if _are_numbers([row[place : place + 1] for row in head]) else "text" for place in range(len(names))
    ]
    return {
        "kind": "table", "rows": count, "numbers": {},
        "columns": [[cell(name, mask), kind] for name, kind in zip(names, types, strict=True)],
        "head": [[cell(item, mask) for item in (row + [""] * len(names))[: len(names)]] for row in head],
    }  # fmt: skip


def _are_numbers(column: list[list[str]]) -> bool:
    texts = [part[0] for part in column if part and part[0]]
    try:
        return bool(texts) and all(float(text) is not None for text in texts)
    except ValueError:
        return False
