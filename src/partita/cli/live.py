"""A run as a table that redraws itself, on terminals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from partita.cli.output import STATE_STYLES, Output
from partita.drawing.cells import clean, fit, width
from partita.drawing.progress import Group, Progress, left_text, warnings_of
from partita.protocol.requests import StepView
from partita.units import duration_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["LiveDisplay"]

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "busy": "cyan", "dim": "dim"}
_BAR_CELLS = 20


class LiveDisplay:
    """Draws on the standard error's terminal."""

    poll_s = 0.2

    def __init__(self, output: Output, progress: Progress) -> None:
        from rich.console import Console
        from rich.live import Live

        self._output = output
        self._progress = progress
        self._console: Console = Console(
            file=output.err, no_color=not output.has_color(output.err), highlight=False, emoji=False, markup=False
        )
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._began_at = time.time()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.show([])
        self._live.stop()

    def show(self, changed: list[tuple[Group, StepView]]) -> None:
        self._live.update(self._draw(), refresh=True)

    def _draw(self) -> Text:
        from rich.text import Text

        now = time.time()
        rows = self._progress.rows()
        room = max(self._console.size.height - 4, 3)
        shown = rows[:room]
        lines = [self._row(group, now) for group in shown]
        widths = [max((width(line[column].plain) for line in lines), default=0) for column in range(4)]
        widths[1] = min(widths[1], max(self._console.size.width // 2 - 8, 16))
        parts = [self._line(line, widths) for line in lines]
        if len(rows) > room:
            parts.append(_text(f"  and {len(rows) - room} more rows", "dim"))
        parts.append(self._summary(now))
        return Text("\n").join(parts)

    def _row(self, group: Group, now: float) -> list[Text]:
        """Symbol, name, meter, time and remark."""
        style = STATE_STYLES.get(group.state, "")
        elapsed = group.elapsed_s(now)
        return [
            _text(self._output.symbol(group.state, self._output.err), style),
            _text(clean(group.title), "" if group.state in ("running", "failed") else "dim"),
            self._meter(group),
            _text(f"{duration_text(elapsed):>7}" if elapsed is not None else "", "dim"),
            _text(_remark(group, now), "bad" if group.counts.get("failed") else "dim"),
        ]

    def _line(self, cells: list[Text], widths: list[int]) -> Text:
        """The cells side by side; the remark takes what is left of the terminal's width."""
        from rich.text import Text

        left = self._console.size.width - 1 - sum(widths) - len(widths)
        line = Text(no_wrap=True, end="")
        for cell, size in zip(cells, [*widths, max(left, 0)], strict=True):
            if width(cell.plain) > size:
                cell = (
                    _text(fit(cell.plain, size), "") if len(cell.spans) > 1 else Text(fit(cell.plain, size), cell.style)
                )
            line.append_text(cell)
            line.append(" " * (size - width(cell.plain)) + " ")
        line.rstrip()
        return line

    def _meter(self, group: Group) -> Text:
        if group.total > 1:
            return self._bar(group.done, group.total, bool(group.counts.get("failed")))
        told = group.latest["progress"] if group.latest is not None and group.state == "running" else None
        if told and isinstance(told[1], (int, float)) and told[1] > 0:
            return self._bar(told[0], told[1], False)
        return _text(group.state, STATE_STYLES.get(group.state, ""))

    def _bar(self, done: float, total: float, has_failures: bool) -> Text:
        from rich.text import Text

        filled = int(_BAR_CELLS * min(max(done / total, 0.0), 1.0))
        full, empty = ("━", "─") if self._output.can_show("━", self._output.err) else ("#", "-")
        color = "red" if has_failures else "green" if done >= total else "cyan"
        return Text.assemble(
            (full * filled, color), (empty * (_BAR_CELLS - filled), "dim"), f" {_number(done)}/{_number(total)}"
        )

    def _summary(self, now: float) -> Text:
        run = self._progress.run
        done, total = self._progress.done()
        started = run["started_at"] if run is not None else None
        ended = run["ended_at"] if run is not None else None
        elapsed = (ended or now) - (started or self._began_at)
        told = f"  {done:,} of {total:,} steps, {duration_text(elapsed)}"
        left = left_text(run, now) if run is not None else ""
        told += f", {left}" if left else ""
        if run is not None and (said := warnings_of(run)):
            told += f"; {said[-1]}"
        if run is None or run["state"] not in ("succeeded", "failed", "cancelled"):
            told += "   Ctrl-C: leave or cancel"
        return _text(fit(told, self._console.size.width - 1), "dim")


def _text(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style=_STYLES.get(style, ""), no_wrap=True)


def _remark(group: Group, now: float) -> str:
    parts = []
    if group.total > 1:
        parts = [
            f"{group.counts[state]:,} {state}" for state in ("running", "failed", "skipped") if group.counts.get(state)
        ]
    latest = group.latest
    if latest is not None and group.total == 1:
        if group.state == "waiting" and latest["kind"] == "wait":
            parts.append(latest["preview"])
        if group.state == "waiting" and latest["due_at"] is not None:
            what = "over in" if latest["kind"] == "wait" else "tries again in"
            parts.append(f"{what} {duration_text(latest['due_at'] - now)}")
        if latest["attempts"] > 1:
            parts.append(f"attempt {latest['attempts']}")
        if latest["progress"] and len(latest["progress"]) > 2 and latest["progress"][2]:
            parts.append(str(latest["progress"][2]))
        if latest["error"] is not None and group.state in ("failed", "waiting"):
            parts.append(latest["error"].get("message", ""))
        elif group.state == "succeeded":
            parts.append(latest["preview"])
    if group.is_adopted:
        parts.append("adopted")
    if group.is_cached:
        parts.append("cached")
    return clean(", ".join(part for part in parts if part))


def _number(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.4g}"
