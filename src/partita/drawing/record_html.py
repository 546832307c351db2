"""What a worker kept for people of a value, as a piece of HTML.

The records are those of `partita.artifacts.previews.display`: plain data, any text of which may hold anything. HTML of users
stands in a frame that runs no scripts, loads nothing from elsewhere, and is no part of the page around it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from partita.drawing.cells import writable
from partita.drawing.html import block, page_part, table, text
from partita.drawing.record import histogram_text, record_lines

__all__ = ["framed", "record_html", "waveform"]

_WIDTH, _HEIGHT = 480, 80  # of a waveform, in pixels
_ROWS, _COLUMNS, _PLACES = 200, 200, 4000  # of tables and waveforms that are shown
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_NOTHING_LOADS = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; media-src data:; '
    "font-src data:; style-src 'unsafe-inline'\">"
)
_FRAME_STYLE = "width:100%;height:24em;border:1px solid rgba(128,136,150,.45);background:#fff"


def record_html(
    record: dict[str, Any] | None, preview: str = "", *, title: str = "", tell: Callable[[str], str] = str
) -> str:
    """The record as HTML that can stand in a page.

    Args:
        preview: the value's short text, for what has no record, or one of a kind that is not known here.
        title: the value's name, to stand above it.
        tell: gives the line that says what it is in the reader's language.
    """
    makers = {"table": _table, "image": _image, "audio": _audio}
    others = {"html": _html, "text": _text}
    told = ""
    try:
        if record is not None and (kind := str(record.get("kind"))) in makers:
            told = makers[kind](record, tell)
        elif record is not None:
            told = others.get(kind, _lines)(record)
    except Exception:
        told = ""  # written by another version, or by somebody's own program: anything may stand in it
    head = f"<div><b>{text(title)}</b></div>" if title else ""
    return page_part(head, told or f"<code>{text(preview)}</code>")


def _lines(record: dict[str, Any]) -> str:
    lines = record_lines(record, 200)
    return block("\n".join(lines)) if lines else ""


def _dim(told: str) -> str:
    return f'<div class="dim">{text(told)}</div>'


def _first_line(record: dict[str, Any], tell: Callable[[str], str]) -> str:
    lines = record_lines(record, 200)
    return _dim(tell(lines[0])) if lines else ""


def _table(record: dict[str, Any], tell: Callable[[str], str]) -> str:
    columns = record["columns"][:_COLUMNS]
    heads = [f"{text(name)}<br><span class='dim'>{text(kind)}</span>" for name, kind in columns]
    rows = [[text(cell) for cell in row[: len(columns)]] for row in record["head"][:_ROWS]]
    bars = {name: histogram_text(numbers["bins"]) for name, numbers in list(record["numbers"].items())[:_COLUMNS]}
    if bars:
        names = [str(name) for name, _ in columns]
        rows.insert(0, [f"<code>{text(bars.get(name, ''))}</code>" for name in names])
    return _first_line(record, tell) + (table(heads, rows) if heads else "")


def _image(record: dict[str, Any], tell: Callable[[str], str]) -> str:
    data = b64encode(record["png"]).decode()
    return f'<img alt="" src="data:image/png;base64,{data}">' + _first_line(record, tell)


def _audio(record: dict[str, Any], tell: Callable[[str], str]) -> str:
    return waveform(record["envelope"][:_PLACES]) + _first_line(record, tell)


def waveform(envelope: Sequence[Sequence[float]], label: str = "Waveform") -> str:
    """Each pair of low and high as a bar about the middle.

    Args:
        label: what it is, for screen readers.
    """
    if not envelope:
        return ""
    middle, step = _HEIGHT / 2, _WIDTH / len(envelope)
    bars = []
    for place, (low, high) in enumerate(envelope):
        top, bottom = (middle - min(max(float(end), -1.0), 1.0) * (middle - 1) for end in (high, low))
        # A silent place is still a line.
        bars.append(f"M{(place + 0.5) * step:.1f} {top - 0.4:.1f}V{bottom + 0.4:.1f}")
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<path d="{"".join(bars)}" stroke="#3b82d6" stroke-width="{max(step * 0.8, 0.6):.2f}" fill="none"/></svg>'
    )


def _html(record: dict[str, Any]) -> str:
    told = _dim("only its beginning is kept to be shown") if record["is_cut"] else ""
    page = escape(framed(str(record["html"])), quote=True)
    return f'<iframe sandbox="" referrerpolicy="no-referrer" title="HTML" srcdoc="{page}" style="{_FRAME_STYLE}"></iframe>{told}'


def framed(html: str) -> str:
    """A page of a user's as it may stand in a frame: it loads nothing from elsewhere."""
    page = writable(html.replace("\0", ""))
    # After its doctype, or a browser would show it as pages of another age are shown.
    begin = found.end() if (found := _DOCTYPE.match(page)) is not None else 0
    return page[:begin] + _NOTHING_LOADS + page[begin:]


def _text(record: dict[str, Any]) -> str:
    cut = record["length"] > len(record["text"])
    return block(str(record["text"])) + (_dim(f"... ({record['length']:,} characters)") if cut else "")
