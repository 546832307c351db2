"""Pieces of HTML that read well on light and dark pages, without scripts and without anything from elsewhere.

Colours of text are those of the page around it. Whatever came from users is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from partita.drawing.cells import clean_log, writable
from partita.protocol.requests import ErrorView

__all__ = [
    "STATE_COLORS", "SYMBOLS", "block", "error_html", "folded", "page_part", "problem_html", "symbol", "table", "text",
    "traceback_text",
]  # fmt: skip

SYMBOLS = {
    "succeeded": "✓", "failed": "✗", "cancelled": "⊘", "skipped": "–", "running": "▸", "waiting": "‖", "ready": "◦",
    "pending": "◦",
}  # fmt: skip

#: Between light and dark, so that they are told from either.
STATE_COLORS = {
    "succeeded": "#2a9d57", "failed": "#e0484d", "cancelled": "#b7791f", "skipped": "#8a8f98", "running": "#3b82d6",
    "waiting": "#b7791f", "ready": "#8a8f98", "pending": "#8a8f98",
}  # fmt: skip

_STYLE = """\
.partita{font:13px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif;color:inherit;max-width:62em;margin:.2em 0}
.partita code,.partita pre{font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
background:none;color:inherit;border:0;padding:0}
.partita pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:30em;overflow:auto;margin:.3em 0;padding:.5em .8em;
border-left:3px solid rgba(128,136,150,.45);background:rgba(128,136,150,.09)}
.partita .dim{opacity:.68}
.partita details{margin:.35em 0}
.partita summary{cursor:pointer;display:list-item}
.partita .rows{display:grid;grid-template-columns:max-content fit-content(24em) max-content max-content minmax(0,1fr);
column-gap:.9em;align-items:center;margin:.35em 0}
.partita .rows>*{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.partita .num{text-align:right;font-variant-numeric:tabular-nums}
.partita .bar{display:inline-block;width:7em;height:.5em;border-radius:.25em;background:rgba(128,136,150,.25);
margin-right:.5em;vertical-align:middle;overflow:hidden}
.partita .bar>i{display:block;height:100%}
.partita .grid{display:grid;column-gap:1em;row-gap:.1em;width:max-content;max-width:100%;overflow-x:auto}
.partita .grid>*{white-space:nowrap;max-width:24em;overflow:hidden;text-overflow:ellipsis}
.partita .grid>b{border-bottom:1px solid rgba(128,136,150,.45)}"""

#: So many characters are read for each that may be shown, as some of them steer terminals.
_READ = 8
_BUNDLE = re.compile(r"(?:(?<=File \")[^\"\n]*|[^\"\s]*)/bundles/[0-9a-f]{64}(/?)")


def text(value: object, limit: int = 400) -> str:
    """What came from elsewhere, escaped; cut where it is long."""
    whole = str(value)
    # Cleaning a text of a million characters of which few are shown would take most of a page's time.
    told = writable(clean_log(whole[: _READ * limit], keeps_colors=False))
    is_cut = len(told) > limit or len(whole) > _READ * limit
    return escape(told[: limit - 1] + "…" if is_cut else told)


def page_part(*parts: str) -> str:
    """The pieces with their style, to stand in a page."""
    return f'<div class="partita"><style>{_STYLE}</style>' + "".join(parts) + "</div>"


def block(value: str, limit: int = 20_000) -> str:
    """Lines as they are."""
    return f"<pre>{text(value, limit)}</pre>"


def folded(title: str, inside: str, *, is_open: bool = False) -> str:
    """What a click on the title shows. Both are HTML."""
    return f"<details{' open' if is_open else ''}><summary>{title}</summary>{inside}</details>"


def symbol(state: str) -> str:
    """The sign of a state in its colour."""
    color = STATE_COLORS.get(state, "inherit")
    return f'<span style="color:{color}" title="{escape(state)}">{SYMBOLS.get(state, "?")}</span>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of HTML below heads of HTML."""
    cells = "".join(f"<span>{cell}</span>" for row in rows for cell in row)
    return (
        f'<div class="grid" style="grid-template-columns:repeat({len(heads)},max-content)">'
        + "".join(f"<b>{head}</b>" for head in heads)
        + cells
        + "</div>"
    )


def traceback_text(value: str) -> str:
    """The text with names of files as the reader knows them: a bundle is a copy of the project's files."""
    return _BUNDLE.sub(lambda found: "" if found[1] else ".", value)


def error_html(error: ErrorView) -> str:
    """An error with its traceback, or with every problem that a check found."""
    problems = error.get("problems")
    if problems:
        return "".join(map(problem_html, problems))
    traceback = traceback_text(error.get("traceback", "")).rstrip()
    told = traceback_text(f"{error.get('type', '')}: {error.get('message', '')}".strip(": "))
    if not traceback or error.get("message", "").split("\n")[0] not in traceback:
        traceback = f"{traceback}\n{told}".lstrip()
    return block(traceback)


def problem_html(problem: dict[str, object]) -> str:
    """One finding of a check."""
    kind, state = ("warning", "waiting") if problem.get("is_warning") else ("error", "failed")
    place = f"<code>{text(problem['place'])}</code> " if problem.get("place") else ""
    remedy = traceback_text(str(problem.get("remedy") or "")).strip()
    told = f'<b style="color:{STATE_COLORS[state]}">{kind}:</b> {place}'
    told += text(traceback_text(str(problem.get("message", ""))), 4000)
    return f"<div>{told}" + (f'<br><span class="dim">{text(remedy, 4000)}</span>' if remedy else "") + "</div>"
