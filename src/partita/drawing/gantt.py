"""A plan as rows of a Gantt chart, and as text: what runs when and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from partita.drawing.cells import clean, fit, pad, width
from partita.drawing.progress import group_name
from partita.protocol.plans import PlannedStepView, PlanView
from partita.units import duration_text

__all__ = [
    "BRIEFEST_S",
    "Bar",
    "Piece",
    "Row",
    "bar_title",
    "basis_text",
    "chart_rows",
    "fit_name",
    "gantt_text",
    "step_title",
    "tick_seconds",
]

#: Rows of a chart; where there are more steps, those of a map share one, and so do the rounds of a loop.
ROWS_AT_MOST = 60
#: Seconds below which a plan takes no time.
BRIEFEST_S = 1e-9
#: Bars of a row from which on those that touch become one; and what is nearer than this part of the chart touches.
_BARS, _APART = 100, 2000
_LABEL_CELLS = 36
_NODE_CELLS = 14
_LEAST = 8  # cells of a name, and of the chart
_ROOMY = 64  # cells of a terminal from which on there is room for columns of numbers


class Bar(NamedTuple):
    """A step in time."""

    start_s: float
    end_s: float
    is_critical: bool
    step: int  # position among the steps of the plan; of many, of the first
    size: int = 1  # how many steps it stands for


@dataclass(slots=True)
class Row:
    """One row: a step, or steps that have a name in common."""

    label: str
    order: int
    bars: list[Bar] = field(default_factory=list)
    nodes: dict[str, None] = field(default_factory=dict)

    @property
    def start_s(self) -> float:
        return min(bar.start_s for bar in self.bars)

    @property
    def end_s(self) -> float:
        return max(bar.end_s for bar in self.bars)

    @property
    def is_critical(self) -> bool:
        return any(bar.is_critical for bar in self.bars)

    @property
    def title(self) -> str:
        count = sum(bar.size for bar in self.bars)
        return f"{self.label} ×{count:,}" if count > 1 else self.label

    @property
    def node(self) -> str:
        return next(iter(self.nodes)) if len(self.nodes) == 1 else f"{len(self.nodes)} nodes"


def chart_rows(plan: PlanView, at_most: int = ROWS_AT_MOST) -> tuple[list[Row], int]:
    """The rows of a plan by their starts; and how many more there would be."""
    steps = plan["steps"]
    rows = _rows(steps, [step["path"] for step in steps])
    if len(rows) > at_most:
        rows = _rows(steps, [group_name(step["path"]).replace("[]", "") for step in steps])
    if len(rows) > at_most:
        rows = _rows(steps, [step["title"] for step in steps])
    rows.sort(key=lambda row: (row.start_s, row.order))
    for row in rows:
        if len(row.bars) > _BARS:
            row.bars = _joined(plan, row.bars)
    return rows[:at_most], max(len(rows) - at_most, 0)


def _joined(plan: PlanView, bars: Sequence[Bar]) -> list[Bar]:
    """Bars of one node that touch or lie over each other as one; those of the critical path are kept."""
    joined: list[Bar] = [bar for bar in bars if bar.is_critical]
    last: dict[str, Bar] = {}
    gap = plan["makespan_s"] / _APART
    for bar in sorted(bar for bar in bars if not bar.is_critical):
        node = plan["steps"][bar.step]["node"]
        before = last.get(node)
        if before is not None and bar.start_s <= before.end_s + gap:
            last[node] = before._replace(end_s=max(before.end_s, bar.end_s), size=before.size + bar.size)
        else:
            if before is not None:
                joined.append(before)
            last[node] = bar
    return [*joined, *last.values()]


def _rows(steps: Sequence[PlannedStepView], names: Iterable[str]) -> list[Row]:
    rows: dict[str, Row] = {}
    for number, (step, name) in enumerate(zip(steps, names, strict=True)):
        row = rows.setdefault(name, Row(clean(name), len(rows)))
        row.bars.append(Bar(step["start_s"], step["start_s"] + step["seconds"], step["is_critical"], number))
        row.nodes[clean(step["node"])] = None
    return list(rows.values())


def fit_name(name: str, cells: int, ending: str = "…") -> str:
    """The name, cut in its middle so that it takes no more cells: what tells elements of a map apart stands at the end."""
    if width(name) <= cells:
        return name
    tail = name[-(cells // 3) :]
    return fit(name, cells - width(tail), ending) + tail if width(tail) < cells else fit(name, cells, ending)


def bar_title(plan: PlanView, row: Row, bar: Bar) -> str:
    """All that is known of what a bar stands for, on one line for each thing."""
    if bar.size == 1:
        return step_title(plan, bar.step)
    node = plan["steps"][bar.step]["node"]
    return clean(f"{row.label}: {bar.size:,} steps on {node}") + (
        f"\n{duration_text(bar.start_s)} to {duration_text(bar.end_s)}"
    )


def step_title(plan: PlanView, number: int) -> str:
    """All that is known of a step, on one line for each thing."""
    step = plan["steps"][number]
    kind = {"flow": " (laid out while the flow runs)", "wait": " (waits)"}.get(step["kind"], "")
    lines = [
        step["path"] + kind,
        f"{duration_text(step['start_s'])} to {duration_text(step['start_s'] + step['seconds'])} on {step['node']}",
        f"takes {duration_text(step['seconds'])} ({duration_text(step['low_s'])} to {duration_text(step['high_s'])}), "
        + basis_text(step["basis"]),
    ]
    if step["cost"]:
        lines.append(f"costs {step['cost']:.4g}")
    if step["is_critical"]:
        lines.append("on the critical path")
    if step["place"]:
        lines.append(step["place"])
    return clean("\0".join(lines).replace("\0", "\u2028")).replace("\u2028", "\n")


def basis_text(basis: str) -> str:
    """What a duration was taken from."""
    return {"guess": "a guess", "said": "as was said"}.get(basis, f"by {basis}")


def tick_seconds(makespan_s: float, at_most: int) -> list[float]:
    """Round times from 0 to the end, at most so many."""
    if makespan_s < BRIEFEST_S:
        return [0.0]
    step = next((step for step in _steps() if makespan_s / step <= at_most), makespan_s)
    return [number * step for number in range(int(makespan_s / step + 1e-9) + 1)]


def _steps() -> Iterable[float]:
    for power in range(-3, 1):
        for digit in (1, 2, 5):
            yield digit * 10.0**power
    yield from (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
    for power in range(6):
        for digit in (1, 2, 5):
            yield 86400.0 * digit * 10**power


class Piece(NamedTuple):
    """A part of a line with its style."""

    text: str
    style: str = ""  # "critical", "other", "dim" or none


def gantt_text(plan: PlanView, columns: int, *, is_unicode: bool = True) -> list[list[Piece]]:
    """The chart as lines of text.

    Args:
        columns: width of the terminal in cells.
    """
    rows, hidden = chart_rows(plan)
    ending = "…" if is_unicode else "~"
    names = [row.title if is_unicode else row.title.replace("×", "x") for row in rows]
    label = min(max(map(width, [*names, "step"])), _LABEL_CELLS, max(columns // 3, _LEAST))
    heads, cells = ["step"], [[fit_name(name, label, ending) for name in names]]
    sizes = [label]
    if columns >= _ROOMY:
        if len(plan["nodes"]) > 1:
            heads.append("node")
            sizes.append(min(max(width(clean(item["id"])) for item in plan["nodes"]), _NODE_CELLS))
            cells.append([fit(row.node, sizes[-1], ending) for row in rows])
        for head, column in (
            ("start", [duration_text(row.start_s) for row in rows]),
            ("takes", [duration_text(row.end_s - row.start_s) for row in rows]),
        ):
            heads.append(head)
            sizes.append(-max(map(len, [head, *column])))
            cells.append(column)
    chart = max(columns - sum(abs(size) + 2 for size in sizes), _LEAST)
    lines = [[Piece(_told(heads, sizes) + _axis(plan["makespan_s"], chart), "dim")]]
    for number, row in enumerate(rows):
        told = _told([texts[number] for texts in cells], sizes)
        lines.append([Piece(told), *_bars(row, plan["makespan_s"], chart, is_unicode)])
    if hidden:
        lines.append([Piece(f"and {hidden:,} more rows", "dim")])
    return lines


def _told(cells: Sequence[str], sizes: Sequence[int]) -> str:
    """What stands before a bar. Sizes below 0 are of columns that stand on the right."""
    return "".join(
        pad(cell, abs(size), is_right=size < 0) + "  " for cell, size in zip(cells, sizes, strict=True)
    )  # fmt: skip


def _axis(makespan_s: float, cells: int) -> str:
    """Times below which the bars stand, as many as there is room for."""
    line = ""
    for tick in tick_seconds(makespan_s, max(cells // 10, 1)):
        at = round(tick / makespan_s * cells) if makespan_s else 0
        told = duration_text(tick) if tick else "0"
        if at >= len(line) + (2 if line else 0) and at + len(told) <= cells:
            line = pad(line, at) + told
    return line


_MARKS = ("█", "▒", "▏"), ("#", "=", "|")


def _bars(row: Row, makespan_s: float, cells: int, is_unicode: bool) -> list[Piece]:
    critical, other, brief = _MARKS[0] if is_unicode else _MARKS[1]
    marks = [" "] * cells
    scale = cells / max(makespan_s, BRIEFEST_S)
    for bar in sorted(row.bars, key=lambda bar: bar.is_critical):
        first, end = round(bar.start_s * scale), round(bar.end_s * scale)
        if first >= end:
            first = min(first, cells - 1)
            marks[first] = brief if marks[first] == " " else marks[first]
            continue
        marks[first:end] = [critical if bar.is_critical else other] * (min(end, cells) - first)
    pieces: list[Piece] = []
    for mark in "".join(marks).rstrip():
        style = "critical" if mark == critical or (mark == brief and row.is_critical) else "other"
        if pieces and pieces[-1].style == style:
            pieces[-1] = Piece(pieces[-1].text + mark, style)
        else:
            pieces.append(Piece(mark, style))
    return pieces
