"""When the steps of a run ran, against the plan, as an SVG picture for a page: attempts, the critical path, what is to come.

Like the graph it holds no scripts, and each row is a link. Behind a step's attempts stands what was planned, dashed. Of a run
that goes on there are the moment itself and when it is thought to end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from partita.drawing.cells import plain, width
from partita.drawing.gantt import fit_name, tick_seconds
from partita.drawing.picture_style import picture_style, sign, signs
from partita.drawing.run_charts import density, density_path
from partita.drawing.run_graph import GraphNode
from partita.drawing.run_layout import Tell
from partita.drawing.run_times import RunTimes, Span, TimeRow, run_times
from partita.protocol.plans import PlanView
from partita.protocol.requests import AttemptView, RunView, StepView
from partita.units import duration_text

__all__ = ["run_gantt"]

_WIDTH, _ROW, _TOP, _RIGHT = 1000.0, 22.0, 58.0, 16.0
_CELL, _LABEL_CELLS = 7.6, 34
_LEAST_BAR = 2.0
#: Bars that are narrower and nearer than so many pixels are one.
_NARROW, _NEAR = 4.0, 2.0
_DENSITY = 64.0


def run_gantt(
    run: RunView,
    steps: Sequence[StepView],
    attempts: Sequence[AttemptView],
    link: Callable[[GraphNode], str] = lambda node: "",
    *,
    now: float,
    plan: PlanView | None = None,
    by: str = "step",
    at_most: int = 300,
    prefix: str = "gantt",
    tell: Tell = str,
    has_style: bool = False,
) -> str:
    """The picture.

    Args:
        attempts: of all steps, as far as they are known; steps without any are drawn by their own times.
        link: the address of a step; empty: it is no link.
        now: seconds since the epoch.
        plan: what was planned of each step; without it only the run's forecasts are known.
        by: "step", "node" or "executor": what has a row.
        at_most: rows; what is beyond them is summed in one.
        prefix: of the ids in the picture; pictures of one page need different ones.
        tell: gives words and sentences with names in braces in the reader's language.
    """
    times = run_times(run, steps, attempts, now=now, plan=plan, by=by, at_most=at_most)
    return _Chart(run, steps, times, link, escape(prefix), tell).drawn(has_style)


class _Chart:
    def __init__(
        self,
        run: RunView,
        steps: Sequence[StepView],
        times: RunTimes,
        link: Callable[[GraphNode], str],
        prefix: str,
        tell: Tell,
    ) -> None:
        self._run = run
        self._steps = {step["id"]: step for step in steps}
        self._times = times
        self._link = link
        self._prefix = prefix
        self._tell = tell
        self._critical = set(times.critical)
        self._labels = [fit_name(row.label, _LABEL_CELLS) for row in times.rows]
        self._left = 40 + max(map(width, self._labels), default=0) * _CELL + 12
        self._left = max(self._left, 190.0 if times.hidden else 100.0)
        self._scale = (_WIDTH - self._left - _RIGHT) / (times.end_at - times.begin_at)
        self._bottom = _TOP + len(times.rows) * _ROW

    def drawn(self, has_style: bool) -> str:
        times = self._times
        end = self._bottom + (_DENSITY if times.others or times.hidden else 0)
        height = end + 12
        told = self._tell("Times of {name}").format(name=plain(self._run["title"]))
        lines = [
            f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{escape(told)}" '
            f'width="{_WIDTH:.0f}" height="{height:.0f}" viewBox="0 0 {_WIDTH:.0f} {height:.0f}">',
            picture_style(is_alone=has_style),
            f"<defs>{signs(self._prefix)}</defs>",
            f'<text class="strong" x="16" y="20">{escape(self._summary())}</text>',
            *self._axis(end),
            *self._forecast(end),
        ]
        for number, (row, label) in enumerate(zip(times.rows, self._labels, strict=True)):
            lines += self._row(row, label, _TOP + number * _ROW)
        lines += self._path()
        if times.others or times.hidden:
            lines += self._rest()
        if not times.rows:
            lines.append(
                f'<text class="small" x="16" y="{_TOP - 4:.0f}">{escape(self._tell("nothing has run yet"))}</text>'
            )
        lines += self._now(end)
        return "\n".join([*filter(None, lines), "</svg>", ""])

    def _x(self, at: float) -> float:
        return (
            self._left + (min(max(at, self._times.begin_at), self._times.end_at) - self._times.begin_at) * self._scale
        )

    def _summary(self) -> str:
        run, times = self._run, self._times
        until = run["ended_at"] or times.now or times.end_at
        told = self._tell("took {time}" if times.now is None else "runs for {time}").format(
            time=duration_text(until - times.begin_at)
        )
        if times.planned_s is not None:
            told += ", " + self._tell("planned {time}").format(time=duration_text(times.planned_s))
        if times.held_by and times.now is not None:
            told += ", " + self._tell("waits for a person" if times.held_by == "person" else "waits for an event")
        elif times.forecast is not None and times.now is not None:
            left = {name: duration_text(times.forecast[name] - times.now) for name in ("p10", "p50", "p90")}
            told += ", " + self._tell("about {p50} left (P10 {p10}, P90 {p90})").format(**left)
        return told

    def _axis(self, end: float) -> list[str]:
        lines = [
            f'<rect class="stripe" x="8" y="{_TOP + number * _ROW:.0f}" width="{_WIDTH - 16:.0f}" height="{_ROW:.0f}"/>'
            for number in range(1, len(self._times.rows), 2)
        ]
        for tick in tick_seconds(self._times.end_at - self._times.begin_at, 8):
            x = self._left + tick * self._scale
            anchor = "end" if x > _WIDTH - 40 else "middle"
            lines.append(f'<path class="grid" d="M{x:.1f} {_TOP - 4:.0f}V{end:.0f}"/>')
            lines.append(
                f'<text class="small {anchor}" x="{x:.1f}" y="{_TOP - 9:.0f}">{duration_text(tick) if tick else "0"}</text>'
            )
        return lines

    def _forecast(self, end: float) -> list[str]:
        """When the run was to end, and when it is thought to end."""
        times, lines = self._times, []
        if times.planned_s is not None:
            lines.append(self._mark("limit", times.begin_at + times.planned_s, end, self._tell("planned finish")))
        if times.forecast is not None:
            low, high = self._x(times.forecast["p10"]), self._x(times.forecast["p90"])
            told = self._tell("finish: P10 {p10}, P50 {p50}, P90 {p90}").format(
                **{name: duration_text(times.forecast[name] - times.begin_at) for name in ("p10", "p50", "p90")}
            )
            lines.append(
                f'<rect class="forecast" x="{low:.1f}" y="{_TOP - 4:.0f}" width="{max(high - low, 1.0):.1f}" '
                f'height="{end - _TOP + 4:.0f}"><title>{escape(told)}</title></rect>'
            )
            lines.append(self._mark("expected", times.forecast["p50"], end, told))
        return lines

    def _now(self, end: float) -> list[str]:
        if self._times.now is None:
            return []
        x = self._x(self._times.now)
        anchor = "end" if x > _WIDTH - 60 else "middle"
        return [
            self._mark("now", self._times.now, end, self._tell("now")),
            f'<text class="small strong {anchor}" x="{x:.1f}" y="{_TOP - 24:.0f}">{escape(self._tell("now"))}</text>',
        ]

    def _mark(self, kind: str, at: float, end: float, told: str) -> str:
        return f'<path class="{kind}" d="M{self._x(at):.1f} {_TOP - 20:.0f}V{end:.0f}"><title>{escape(told)}</title></path>'

    # Rows

    def _row(self, row: TimeRow, label: str, top: float) -> list[str]:
        step = row.step
        address = self._link(GraphNode(step["id"], step["path"], step["kind"])) if step is not None else ""
        told = f'aria-label="{escape(self._spoken(row))}"'
        if step is not None:
            told = f'class="node is-{step["state"]}" data-step="{step["id"]}" {told}'
        opening = (
            f'<a {told} href="{escape(address)}">'
            if address
            else f'<g {told} role="img">'
            if step is not None
            else "<g>"
        )
        title = f"<title>{escape(row.label)}</title>" if label != row.label else ""
        kind = "name strong" if row.is_critical and step is not None else "name"
        lines = [opening, f'<text class="{kind}" x="36" y="{top + 15.5:.1f}">{title}{escape(label)}</text>']
        if step is not None:
            lines.append(sign(self._prefix, step["state"], 15, top + 4, 14))
        if row.planned is not None:
            lines.append(self._planned(row, top))
        lines += [self._bar(span, top, is_lane=step is None) for span in self._joined(row.spans)]
        return [*lines, "</a>" if address else "</g>"]

    def _planned(self, row: TimeRow, top: float) -> str:
        assert row.planned is not None
        begin = self._times.begin_at + row.planned["start_s"]
        x, end = self._x(begin), self._x(begin + row.planned["seconds"])
        told = self._tell("planned {start} to {end}").format(
            start=duration_text(row.planned["start_s"]),
            end=duration_text(row.planned["start_s"] + row.planned["seconds"]),
        )
        return (
            f'<rect class="plan" x="{x:.1f}" y="{top + 2.5:.1f}" width="{max(end - x, _LEAST_BAR):.1f}" '
            f'height="{_ROW - 5:.0f}" rx="2"><title>{escape(told)}</title></rect>'
        )

    def _joined(self, spans: Sequence[Span]) -> list[Span]:
        """Narrow bars beside each other as one, but for those of the critical path."""
        joined: list[Span] = []
        for span in sorted(spans):
            before = joined[-1] if joined else None
            is_narrow = (span.end_at - span.start_at) * self._scale < _NARROW
            if (
                before is not None and is_narrow and before.state == span.state
                and (before.size > 1 or (before.end_at - before.start_at) * self._scale < _NARROW)
                and (span.start_at - before.end_at) * self._scale < _NEAR
                and not {span.step, before.step} & self._critical
            ):  # fmt: skip
                joined[-1] = before._replace(end_at=max(span.end_at, before.end_at), size=before.size + span.size)
            else:
                joined.append(span)
        return joined

    def _bar(self, span: Span, top: float, *, is_lane: bool) -> str:
        x = min(self._x(span.start_at), _WIDTH - _RIGHT - _LEAST_BAR)
        size = max(self._x(span.end_at) - x, _LEAST_BAR)
        kind = f"bar is-{span.state}" + (" is-critical" if span.step in self._critical and span.size == 1 else "")
        shape = (
            f'<rect class="{kind}" x="{x:.1f}" y="{top + 5:.0f}" width="{size:.1f}" height="{_ROW - 10:.0f}" rx="2">'
            f"<title>{escape(self._told(span))}</title></rect>"
        )
        step = self._steps.get(span.step)
        if not is_lane or step is None or span.size > 1:
            return shape
        address = self._link(GraphNode(step["id"], step["path"], step["kind"]))
        return f'<a href="{escape(address)}" aria-label="{escape(self._told(span))}">{shape}</a>' if address else shape

    def _told(self, span: Span) -> str:
        """All that is known of a bar."""
        begin = self._times.begin_at
        when = self._tell("{time} from {start} to {end}").format(
            time=duration_text(span.end_at - span.start_at), start=duration_text(span.start_at - begin),
            end=duration_text(span.end_at - begin),
        )  # fmt: skip
        if span.size > 1:
            return self._tell("{count} attempts").format(count=f"{span.size:,}") + f", {self._tell(span.state)}, {when}"
        step = self._steps.get(span.step)
        parts = [plain(step["path"])] if step is not None else []
        if span.number:
            parts.append(self._tell("attempt {number}").format(number=span.number))
        parts += [self._tell(span.state), when]
        if span.place:
            parts.append(self._tell("on {place}").format(place=plain(span.place)))
        if span.step in self._critical:
            parts.append(self._tell("on the critical path"))
        return ", ".join(parts)

    def _spoken(self, row: TimeRow) -> str:
        parts = [row.label]
        if row.step is not None:
            parts.append(self._tell(row.step["state"]))
        start_at, end_at = row.start_at, row.end_at
        if start_at is not None and end_at is not None:
            parts.append(
                self._tell("{time} from {start} to {end}").format(
                    time=duration_text(end_at - start_at), start=duration_text(start_at - self._times.begin_at),
                    end=duration_text(end_at - self._times.begin_at),
                )
            )  # fmt: skip
        if row.planned is not None:
            parts.append(self._tell("planned {time}").format(time=duration_text(row.planned["seconds"])))
        if row.is_critical:
            parts.append(self._tell("on the critical path"))
        return ", ".join(parts)

    def _path(self) -> list[str]:
        """From the end of each step of the critical path to the start of the next."""
        places = {
            row.step["id"]: number for number, row in enumerate(self._times.rows) if row.step is not None and row.spans
        }
        parts = []
        for before, after in pairwise(self._times.critical):
            if before in places and after in places:
                first, second = self._times.rows[places[before]], self._times.rows[places[after]]
                assert first.end_at is not None and second.start_at is not None
                x0, x1 = self._x(first.end_at), self._x(second.start_at)
                y0, y1 = (_TOP + places[number] * _ROW + _ROW / 2 for number in (before, after))
                parts.append(f"M{x0:.1f} {y0:.0f}V{y1:.0f}H{x1:.1f}")
        return [f'<path class="critical" aria-hidden="true" d="{"".join(parts)}"/>'] if parts else []

    def _rest(self) -> list[str]:
        """What has no row of its own: how much of it ran at once."""
        times = self._times
        told = self._tell("{count} more").format(count=f"{times.hidden:,}")
        lines = [f'<text class="small" x="16" y="{self._bottom + 22:.0f}">{escape(told)}</text>']
        if not times.others:
            return lines
        values = density(((span.start_at, span.end_at, 1.0) for span in times.others), times.begin_at, times.end_at)
        peak = max(values)
        most = self._tell("{count} at once at most").format(count=f"{peak:.4g}")
        across = _WIDTH - self._left - _RIGHT
        shape = density_path(values, self._left, self._bottom + _DENSITY - 6, across, _DENSITY - 18, peak)
        lines.append(f'<text class="small" x="16" y="{self._bottom + 40:.0f}">{escape(most)}</text>')
        lines.append(f'<path class="area is-planned" d="{shape}"><title>{escape(f"{told}, {most}")}</title></path>')
        return lines
