"""Times, sizes and states as pages show them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from partita.drawing.cells import clean_log
from partita.drawing.html import SYMBOLS
from partita.protocol.requests import Fact, RunView, is_refused
from partita.protocol.sentences import Sentence, in_words, joined
from partita.units import duration_text, size_text
from partita.web.patterns import retold, retold_verdict
from partita.web.texts import Texts

__all__ = ["Formats"]

#: Whole numbers below this one are written with all their digits.
_WRITTEN_OUT = 10**30
_STATES_TOLD = ("running", "failed", "waiting", "succeeded", "ready", "pending", "cancelled", "skipped")


class Formats:
    """In one language, as of one moment."""

    def __init__(self, texts: Texts, now: float | None = None) -> None:
        self._texts = texts
        self._now = time.time() if now is None else now

    def when(self, moment: float | None) -> Markup:
        """A moment: how long ago, with the whole time for those who point at it; scripts make it local."""
        if moment is None:
            return Markup("–")
        whole = datetime.fromtimestamp(moment, UTC)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            whole.isoformat(timespec="seconds"), whole.strftime("%Y-%m-%d %H:%M:%S UTC"), self.ago(moment)
        )

    def exact(self, moment: float | None) -> Markup:
        """A moment to the second, in UTC."""
        if moment is None:
            return Markup("–")
        whole = datetime.fromtimestamp(moment, UTC)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            whole.isoformat(timespec="milliseconds"), self.ago(moment), whole.strftime("%Y-%m-%d %H:%M:%S")
        )

    def ago(self, moment: float) -> str:
        """How long ago, or in how long."""
        seconds = self._now - moment
        if abs(seconds) < 10:
            return self._texts("just now")
        span = self._span(abs(seconds))
        return self._texts("{span} ago" if seconds > 0 else "in {span}", span=span)

    def _span(self, seconds: float) -> str:
        """In one unit: nobody reads the seconds in "3 h 2 min 12 s ago"."""
        for size, text in ((86400, "{n} days"), (3600, "{n} h"), (60, "{n} min")):
            if seconds >= 2 * size:
                return self._texts(text, n=int(seconds // size))
        return self._texts("{n} s", n=int(seconds))

    def duration(self, seconds: float | None) -> str:
        return "–" if seconds is None else duration_text(max(seconds, 0.0))

    def took(self, record: Mapping[str, Any]) -> str:
        """How long something took, or has taken so far."""
        began = record.get("started_at")
        if began is None:
            return "–"
        ended = record.get("ended_at")
        return duration_text(max((self._now if ended is None else ended) - began, 0.0))

    def size(self, size_bytes: float | None) -> str:
        if size_bytes is None:
            return "–"
        return size_text(size_bytes) if size_bytes >= 1024 else self._texts("{n} bytes", n=f"{size_bytes:.0f}")

    def number(self, value: Any) -> str:
        """A number as people read it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        if isinstance(value, int):
            return f"{value:,}" if abs(value) < _WRITTEN_OUT else _power(value)
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:,.4g}"

    @staticmethod
    def measured(value: float) -> str:
        """A number as it was measured, to six digits."""
        return f"{value:.6g}"

    def fact(self, fact: Fact) -> str:
        """What an explanation says, in the reader's language."""
        return joined(fact["said"], self._texts)

    def retold(self, text: str) -> str:
        """A text of the engine's or of a worker's, in the reader's language where it is known."""
        return retold(text, self._texts)

    def verdict(self, text: str) -> str:
        """What a gate asks for or has found, in the reader's language."""
        return retold_verdict(text, self._texts)

    def said(self, sentence: Sentence) -> str:
        return in_words(sentence, self._texts)

    def state(self, state: str) -> Markup:
        """A state as a badge: a sign and a word, and never a colour alone."""
        return Markup('<span class="state is-{}"><span aria-hidden="true">{}</span> {}</span>').format(
            state, SYMBOLS.get(state, "·"), self._texts(state)
        )

    def run_state(self, run: RunView) -> Markup:
        """The state of a run: one that was refused before it began has not failed."""
        if not is_refused(run):
            return self.state(run["state"])
        told = Markup('<span class="state is-skipped"><span aria-hidden="true">{}</span> {}</span>')
        return told.format(SYMBOLS["skipped"], self._texts("refused"))

    def progress(self, counts: Mapping[str, int]) -> Markup:
        """Steps by state as a bar."""
        total = sum(counts.values())
        if not total:
            return Markup("")
        parts = [
            Markup('<i class="is-{}" style="width:{:.3f}%"></i>').format(state, 100.0 * counts[state] / total)
            for state in ("succeeded", "skipped", "running", "waiting", "failed", "cancelled")
            if counts.get(state)
        ]
        done = sum(counts.get(state, 0) for state in ("succeeded", "skipped", "failed", "cancelled"))
        label = self._texts("{done} of {total} steps", done=f"{done:,}", total=f"{total:,}")
        return Markup('<span class="progress" role="img" aria-label="{}">{}</span>').format(
            label, Markup("").join(parts)
        )

    def counts(self, counts: Mapping[str, int]) -> str:
        """Steps by state in words."""
        return ", ".join(f"{counts[state]:,} {self._texts(state)}" for state in _STATES_TOLD if counts.get(state))

    def marked(self, line: str, words: str) -> Markup:
        """A line with the places marked where it has the words."""
        shown = clean_log(line, keeps_colors=False)
        if not words:
            return escape(shown)
        parts, at, low, wanted = [], 0, shown.lower(), words.lower()
        while (found := low.find(wanted, at)) >= 0 and len(low) == len(shown):
            parts += [escape(shown[at:found]), Markup("<mark>{}</mark>").format(shown[found : found + len(words)])]
            at = found + len(words)
        return Markup("").join([*parts, escape(shown[at:])])

    @staticmethod
    def clean(text: object, limit: int = 2000) -> Markup:
        """What came from elsewhere, without what terminals would obey, cut where it is long."""
        told = clean_log(str(text), keeps_colors=False)
        return escape(told if len(told) <= limit else told[: limit - 1] + "…")


def _power(value: int) -> str:
    """A whole number that no float may hold, and whose digits nobody counts."""
    size = abs(value)
    exponent = int(math.log10(size))
    return f"{'-' if value < 0 else ''}{size // 10 ** (exponent - 6) / 1e6:.4g}e+{exponent}"
