"""What a worker kept for people of a value (tables, arrays, pictures, texts) as lines of text.

The records are those of `partita.artifacts.previews.display`: plain data, any text of which may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.drawing.cells import clean, fit, pad, width
from partita.units import duration_text, size_text

__all__ = ["histogram_text", "record_lines"]

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = ".:-=+*#@"
_LINES = 40
#: What is shown of what may be very long: rows and columns of a table, and characters that are read of a cell.
_ROWS, _COLUMNS, _CELL = 40, 200, 2000


def record_lines(record: dict[str, Any], columns: int = 100, *, is_unicode: bool = True) -> list[str]:
    """The record as lines no wider than so many cells; empty: it is of a kind that is not known here."""
    makers = {"table": _table, "array": _array, "image": _image, "audio": _audio, "html": _html, "text": _text}
    make = makers.get(str(record.get("kind")))
    if make is None:
        return []
    try:
        return [fit(line, columns) for line in make(record, is_unicode)]
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        return []  # written by another version


def histogram_text(bins: list[int], *, is_unicode: bool = True) -> str:
    """Counts as bars, a cell each; the smallest bar that is not empty is seen."""
    bars, most = _BARS if is_unicode else _PLAIN_BARS, max(bins, default=0)
    if not most:
        return ""
    return "".join(" " if not count else bars[min(count * (len(bars) - 1) // most, len(bars) - 1)] for count in bins)


def _numbers_text(numbers: dict[str, Any], is_unicode: bool) -> str:
    parts = [f"{numbers['min']:.4g} {histogram_text(numbers['bins'], is_unicode=is_unicode)} {numbers['max']:.4g}"]
    parts.append(f"mean {numbers['mean']:.4g}")
    if numbers["missing"]:
        parts.append(f"{numbers['missing']:,} missing")
    if numbers["is_sample"]:
        parts.append("of a sample")
    return "  ".join(parts)


def _short(value: object) -> str:
    return clean(str(value)[:_CELL])


def _array(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    yield f"{clean(str(record['type']))} array of {' x '.join(f'{size:,}' for size in record['shape']) or 'one number'}"
    if record["numbers"]:
        yield _numbers_text(record["numbers"], is_unicode)


def _table(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    names = [_short(name) for name, _ in record["columns"][:_COLUMNS]]
    types = [_short(type) for _, type in record["columns"][:_COLUMNS]]
    head = [[_short(cell) for cell in row[:_COLUMNS]] for row in record["head"][:_ROWS]]
    sizes = [min(max(width(row[place]) for row in [names, types, *head]), 24) for place in range(len(names))]
    rows = f"{record['rows']:,} rows" if record["rows"] is not None else "many rows"
    yield f"table of {rows} and {len(record['columns']):,} columns"
    for row in [names, types, *head]:
        yield "  ".join(pad(fit(cell, size), size) for cell, size in zip(row, sizes, strict=True)).rstrip()
    if record["rows"] is None or record["rows"] > len(head):
        yield "..."
    if record["numbers"]:
        yield ""
    shown = list(record["numbers"].items())[:_COLUMNS]
    longest = min(max((width(_short(name)) for name, _ in shown), default=0), 24)
    for name, numbers in shown:
        yield f"{pad(fit(_short(name), longest), longest)}  {_numbers_text(numbers, is_unicode)}"


def _image(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    yield f"picture of {record['width']:,} x {record['height']:,} pixels ({clean(str(record['mode']))})"


def _audio(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    channels = f"{record['channels']} channel" + "s" * (record["channels"] != 1)
    yield f"sound of {duration_text(record['duration_s'])}, {channels} at {record['rate_hz']:,} Hz"
    envelope = record["envelope"]
    step = max(1, len(envelope) // 60)
    yield histogram_text([round(1000 * (high - low)) for low, high in envelope[::step]], is_unicode=is_unicode)


def _html(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    yield f"HTML of {size_text(len(record['html']))}" + (" or more" if record["is_cut"] else "")


def _text(record: dict[str, Any], is_unicode: bool) -> Iterator[str]:
    lines = str(record["text"]).splitlines()
    yield from (clean(line) for line in lines[:_LINES])
    if len(lines) > _LINES or record["length"] > len(record["text"]):
        yield f"... ({record['length']:,} characters)"
