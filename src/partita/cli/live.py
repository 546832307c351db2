"""A run as a table that redraws itself, on terminals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from partita.cli.cells import clean
from partita.cli.output import STATE_STYLES, Output
from partita.cli.progress import Group, Progress
from partita.protocol.requests import StepView
from partita.units import duration_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.console import Group as Lines
    from rich.table import Table
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

    def _draw(self) -> Lines:
        from rich.console import Group as Lines
        from rich.table import Table

        now = time.time()
        rows = self._progress.rows()
        room = max(self._console.size.height - 5, 3)
        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(self._console.size.width // 2, 16))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for group in rows[:room]:
            self._add_row(table, group, now)
        parts: list[Table | Text] = [table]
        if len(rows) > room:
            parts.append(self._text(f"  and {len(rows) - room} more rows", "dim"))
        parts.append(self._summary(now))
        return Lines(*parts)

    def _add_row(self, table: Table, group: Group, now: float) -> None:
        style = STATE_STYLES.get(group.state, "")
        elapsed = group.elapsed_s(now)
        table.add_row(
            self._text(self._output.symbol(group.state, self._output.err), style),
            self._text(clean(group.title), "" if group.state in ("running", "failed") else "dim"),
            self._meter(group),
            self._text(duration_text(elapsed) if elapsed is not None else "", "dim"),
            self._text(_remark(group, now), "bad" if group.counts.get("failed") else "dim"),
        )

    def _meter(self, group: Group) -> Text:
        if group.total > 1:
            return self._bar(group.done, group.total, bool(group.counts.get("failed")))
        told = group.latest["progress"] if group.latest is not None and group.state == "running" else None
        if told and isinstance(told[1], (int, float)) and told[1] > 0:
            return self._bar(told[0], told[1], False)
        return self._text(group.state, STATE_STYLES.get(group.state, ""))

    def _bar(self, done: float, total: float, has_failures: bool) -> Text:
        from rich.text import Text

        filled = int(_BAR_CELLS * min(max(done / total, 0.0), 1.0))
        full, empty = ("━", "─") if self._output.can_show("━", self._output.err) else ("#", "-")
        color = "red" if has_failures else "green" if done >= total else "cyan"
        return Text.assemble(
            (full * filled, color), (empty * (_BAR_CELLS - filled), "dim"), f" {done:,g}/{total:,g}"
        )  # fmt: skip

    def _summary(self, now: float) -> Text:
        run = self._progress.run
        done, total = self._progress.done()
        started = run["started_at"] if run is not None else None
        ended = run["ended_at"] if run is not None else None
        elapsed = (ended or now) - (started or self._began_at)
        told = f"  {done:,} of {total:,} steps, {duration_text(elapsed)}"
        if run is None or run["state"] not in ("succeeded", "failed", "cancelled"):
            told += "   Ctrl-C: leave or cancel"
        return self._text(told, "dim")

    @staticmethod
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
        if group.state == "waiting" and latest["due_at"] is not None:
            parts.append(f"tries again in {duration_text(latest['due_at'] - now)}")
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
    return clean(", ".join(part for part in parts if part))
