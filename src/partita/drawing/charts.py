"""Charts as SVG pictures of their own, which follow the reader's light or dark colours: lines, dots, bars, intervals, matrices.

They are small, so that they can be kept and shown with the values that they are made of: lines and dots are thinned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from partita.drawing.cells import clean, fit, width

__all__ = [
    "Bar", "Line", "Tick", "bar_chart", "below_each_other", "dot_chart", "interval_chart", "line_chart", "matrix_chart",
    "parallel_chart", "shade_chart",
]  # fmt: skip

#: Between light and dark, so that they are told from either; further lines begin anew.
_COLORS = ("#4a86d8", "#d08a2e", "#35a06a", "#a86fd0", "#c8637f", "#3aa5b5", "#8a9a3c", "#7d8794")
_WIDTH, _HEIGHT = 640.0, 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 20.0, 48.0, 52.0
_CELL = 7.3  # width of a character in pixels, generously
_MOST_POINTS, _MOST_DOTS, _MOST_LABELS = 200, 600, 25
_FEW_DOTS, _ROOM = 200, 0.04

_STYLE = """\
  svg { background: #ffffff; font: 13px system-ui, "Noto Sans", sans-serif; }
  text { fill: #1d2733; }
  .small { font-size: 11.5px; fill: #5b6774; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #dde3ea; stroke-width: 1; fill: none; }
  .line { fill: none; stroke-width: 2; }
  .guide { fill: none; stroke: #8b98ab; stroke-width: 1.3; stroke-dasharray: 5 4; }
  .dots { fill: none; stroke-width: 4; stroke-linecap: round; opacity: .55; }
  .band { opacity: .18; stroke: none; }
  .over { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .middle { text-anchor: middle; }
  .end { text-anchor: end; }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181d; }
    text { fill: #e3e8ee; }
    .small { fill: #9aa6b2; }
    .over { stroke: #14181d; }
    .grid { stroke: #2c343d; }
  }"""

Point = tuple[float, float]
Range = tuple[float, float]
Tick = tuple[float, str]  # where, and what is written there


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str  # for the legend; empty: not in it
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()  # x, low, high of the area around it
    is_guide: bool = False  # dashed and grey: what the others are compared with


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart of bars or intervals."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    is_faint: bool = False  # such as one of too few rows


class _Plane:
    """Where numbers lie in a picture with two axes."""

    def __init__(self, x: Range, y: Range) -> None:
        self.x, self.y = _opened(x), _opened(y)

    def at(self, point: Sequence[float]) -> str:
        return f"{self.across(point[0]):.1f} {self.down(point[1]):.1f}"

    def across(self, x: float) -> float:
        return _LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * (_WIDTH - _LEFT - _RIGHT)

    def down(self, y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self, x_label: str, y_label: str, x_ticks: Sequence[Tick] = ()) -> Iterator[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for tick, name in x_ticks or [(tick, f"{tick:g}") for tick in _ticks(self.x)]:
            at = self.across(tick)
            yield f'<path class="grid" d="M{at:.1f} {_TOP:.0f}V{bottom:.0f}"/>'
            yield f'<text class="small middle" x="{at:.1f}" y="{bottom + 17:.0f}">{_told(name)}</text>'
        for tick in _ticks(self.y):
            at = self.down(tick)
            yield f'<path class="grid" d="M{_LEFT:.0f} {at:.1f}H{right:.0f}"/>'
            yield f'<text class="small end" x="{_LEFT - 8:.0f}" y="{at + 4:.1f}">{tick:g}</text>'
        middle = (_TOP + bottom) / 2
        yield f'<text class="small middle" x="{(_LEFT + right) / 2:.0f}" y="{bottom + 38:.0f}">{_told(x_label)}</text>'
        yield (
            f'<text class="small middle" x="16" y="{middle:.0f}" transform="rotate(-90 16 {middle:.0f})">'
            f"{_told(y_label)}</text>"
        )


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x: Range | None = None,
    y: Range | None = None,
    x_ticks: Sequence[Tick] = (),
) -> str:
    """Lines over two axes, with a legend of those that have a name.

    Args:
        x, y: ranges of the axes; default: of what is drawn.
        x_ticks: what is written below the axis, where that is not its own numbers.
    """
    shown = [_finite(line) for line in lines]
    plane = _Plane(
        x or _span([point[0] for line in shown for point in line.points]),
        y or _span([number for line in shown for point in (*line.points, *line.band) for number in point[1:]]),
    )
    parts = list(plane.axes(x_label, y_label, x_ticks))
    number = 0
    legend: list[tuple[str, str]] = []
    for line in shown:
        color = _COLORS[number % len(_COLORS)]
        if line.band:
            around = [*((x, high) for x, _, high in line.band), *((x, low) for x, low, _ in reversed(line.band))]
            parts.append(f'<path class="band" fill="{color}" d="M{" ".join(map(plane.at, around))}Z"/>')
        path = f'd="M{" ".join(plane.at(point) for point in _thinned(line.points, _MOST_POINTS))}"'
        if line.is_guide:
            parts.append(f'<path class="guide" {path}/>')
        elif line.points:
            parts.append(f'<path class="line" stroke="{color}" {path}/>')
            number += 1
            legend += [(line.name, color)] if line.name else []
    parts += _legend(legend)
    return _picture(title, parts)


def dot_chart(
    title: str,
    dots: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    guide: Sequence[Point] = (),
    x: Range | None = None,
    y: Range | None = None,
    x_ticks: Sequence[Tick] = (),
) -> str:
    """Dots over two axes, few of them larger; of many, every so many is drawn.

    Args:
        x, y: what the axes show at least; default: what the dots take.
        x_ticks: what is written below the axis, where that is not its own numbers.
    """
    dots = [dot for dot in dots if all(map(math.isfinite, dot))]
    both = [*dots, *guide]
    across = [*(point[0] for point in both), *(at for at, _ in x_ticks), *(x or ())]
    plane = _Plane(_wider(_span(across)), y or _wider(_span([point[1] for point in both])))
    parts = list(plane.axes(x_label, y_label, x_ticks))
    if guide:
        parts.append(f'<path class="guide" d="M{" ".join(map(plane.at, guide))}"/>')
    path = "".join(f"M{plane.at(dot)}h0" for dot in _thinned(dots, _MOST_DOTS))
    if path:
        few = ' style="stroke-width: 7; opacity: .75"' if len(dots) <= _FEW_DOTS else ""
        parts.append(f'<path class="dots" stroke="{_COLORS[0]}"{few} d="{path}"/>')
    return _picture(title, parts)


def bar_chart(title: str, bars: Sequence[tuple[float, float, float]], *, x_label: str, y_label: str) -> str:
    """Bars that stand side by side: from x, to x, height."""
    highest = max([height for _, _, height in bars], default=1.0)
    plane = _Plane(_span([edge for bar in bars for edge in bar[:2]]), (0.0, highest or 1.0))
    parts = list(plane.axes(x_label, y_label))
    for begin, end, height in bars:
        left, right, top = plane.across(begin), plane.across(end), plane.down(height)
        parts.append(
            f'<rect fill="{_COLORS[0]}" opacity=".7" x="{left:.1f}" y="{top:.1f}" '
            f'width="{max(right - left - 1, 0.5):.1f}" height="{_HEIGHT - _BOTTOM - top:.1f}"/>'
        )
    return _picture(title, parts)


def interval_chart(title: str, bars: Sequence[Bar], *, x_label: str, guide: float | None = None) -> str:
    """A row for each, with its value as a dot and its interval as a line.

    Args:
        guide: a value that all are compared with.
    """
    bars = bars[:_MOST_LABELS]
    ends = [number for bar in bars for number in (bar.value, bar.low, bar.high) if number is not None]
    span = _opened(
        _span([number for number in [*ends, *([guide] if guide is not None else [])] if math.isfinite(number)])
    )
    names = [fit(clean(bar.name), 34) for bar in bars]
    left = 24 + max([width(name) for name in names], default=0) * _CELL + 12
    height = _TOP + len(bars) * 24 + _BOTTOM

    def across(number: float) -> float:
        return left + (number - span[0]) / (span[1] - span[0]) * (_WIDTH - left - _RIGHT)

    parts = []
    bottom = height - _BOTTOM
    for tick in _ticks(span):
        parts.append(f'<path class="grid" d="M{across(tick):.1f} {_TOP:.0f}V{bottom:.0f}"/>')
        parts.append(f'<text class="small middle" x="{across(tick):.1f}" y="{bottom + 17:.0f}">{tick:g}</text>')
    if guide is not None:
        parts.append(f'<path class="guide" d="M{across(guide):.1f} {_TOP:.0f}V{bottom:.0f}"/>')
    for number, (bar, name) in enumerate(zip(bars, names, strict=True)):
        at = _TOP + 12 + number * 24
        faint = ' opacity=".4"' if bar.is_faint else ""
        parts.append(f'<text class="end" x="{left - 10:.0f}" y="{at + 4:.0f}"{faint}>{escape(name)}</text>')
        if bar.low is not None and bar.high is not None:
            parts.append(
                f'<path class="line" stroke="{_COLORS[0]}"{faint} d="M{across(bar.low):.1f} {at:.0f}H{across(bar.high):.1f}"/>'
            )
        if math.isfinite(bar.value):
            parts.append(f'<circle fill="{_COLORS[0]}"{faint} cx="{across(bar.value):.1f}" cy="{at:.0f}" r="4"/>')
    parts.append(
        f'<text class="small middle" x="{(left + _WIDTH - _RIGHT) / 2:.0f}" y="{bottom + 38:.0f}">{_told(x_label)}</text>'
    )
    return _picture(title, parts, height=height)


def matrix_chart(
    title: str, names: Sequence[str], counts: Sequence[Sequence[int]], *, row_label: str, column_label: str
) -> str:
    """A square of counts; a cell is the darker, the larger its share of its row is. At most 25 rows are drawn."""
    names = [fit(clean(name), 16) for name in names[:_MOST_LABELS]]
    size = max(22.0, min(64.0, 440.0 / max(len(names), 1)))
    longest = max(map(width, names), default=1) * _CELL
    left, top = 46 + longest, _TOP + 24
    across = left + size * len(names)
    parts = [f'<text class="small" x="{left:.0f}" y="{_TOP + 12:.0f}">{_told(column_label)}</text>']
    parts.append(f'<text class="small" x="20" y="{_TOP + 12:.0f}">{_told(row_label)}</text>')
    for row, name in enumerate(names):
        at = top + size * (row + 0.5)
        parts.append(f'<text class="small end" x="{left - 8:.0f}" y="{at + 4:.1f}">{escape(name)}</text>')
        total = sum(counts[row]) or 1
        for column in range(len(names)):
            count = counts[row][column]
            x = left + size * column
            if count:
                color = _COLORS[0] if row == column else _COLORS[1]
                parts.append(
                    f'<rect fill="{color}" opacity="{0.08 + 0.72 * count / total:.2f}" x="{x:.1f}" '
                    f'y="{top + size * row:.1f}" width="{size:.1f}" height="{size:.1f}"/>'
                )
                parts.append(f'<text class="small middle" x="{x + size / 2:.1f}" y="{at + 4:.1f}">{count}</text>')
    bottom = top + size * len(names)
    for number in range(len(names) + 1):
        line = size * number
        parts.append(
            f'<path class="grid" d="M{left:.0f} {top + line:.1f}H{across:.0f}M{left + line:.1f} {top:.0f}V{bottom:.0f}"/>'
        )
    for column, name in enumerate(names):
        x, y = left + size * (column + 0.5), bottom + 14
        parts.append(
            f'<text class="small end" x="{x:.1f}" y="{y:.0f}" transform="rotate(-40 {x:.1f} {y:.0f})">{escape(name)}</text>'
        )
    return _picture(title, parts, width_=max(across + 20, 300), height=bottom + 24 + longest * 0.7)


def shade_chart(title: str, names: Sequence[str], values: Sequence[Sequence[float]], *, span: Range) -> str:
    """A square of numbers between things; a cell is the darker, the farther its number is from 0. At most 25 rows are drawn.

    Args:
        span: the least and the largest number that there can be; those below 0 have the second color.
    """
    names = [fit(clean(name), 16) for name in names[:_MOST_LABELS]]
    size = max(30.0, min(64.0, 440.0 / max(len(names), 1)))
    longest = max(map(width, names), default=1) * _CELL
    left, top = 24 + longest, _TOP + 8
    most = max(abs(span[0]), abs(span[1])) or 1.0
    parts = []
    for row, name in enumerate(names):
        at = top + size * (row + 0.5)
        parts.append(f'<text class="small end" x="{left - 8:.0f}" y="{at + 4:.1f}">{escape(name)}</text>')
        for column in range(len(names)):
            value = values[row][column]
            x = left + size * column
            color = _COLORS[1 if value < 0 else 0]
            parts.append(
                f'<rect fill="{color}" opacity="{0.05 + 0.75 * min(1.0, abs(value) / most):.2f}" x="{x:.1f}" '
                f'y="{top + size * row:.1f}" width="{size:.1f}" height="{size:.1f}"/>'
            )
            parts.append(f'<text class="small middle" x="{x + size / 2:.1f}" y="{at + 4:.1f}">{value:.2f}</text>')
    across, bottom = left + size * len(names), top + size * len(names)
    for column, name in enumerate(names):
        x, y = left + size * (column + 0.5), bottom + 14
        parts.append(
            f'<text class="small end" x="{x:.1f}" y="{y:.0f}" transform="rotate(-40 {x:.1f} {y:.0f})">{escape(name)}</text>'
        )
    return _picture(title, parts, width_=max(across + 20, 300), height=bottom + 24 + longest * 0.7)


def parallel_chart(
    title: str, axes: Sequence[tuple[str, Sequence[Tick]]], lines: Sequence[Sequence[float | None]]
) -> str:
    """An axis beside the other, and a line across them for each row; the last axis says how strongly a line is drawn.

    Args:
        axes: names, and what is written at which height from 0 to 1.
        lines: for each axis the height from 0 to 1; None: the line is interrupted.
    """
    lines = sorted(lines, key=lambda line: line[-1] or 0.0)[-_MOST_POINTS:]
    wide = max(_WIDTH, 120.0 * len(axes))
    left, bottom = 60.0, _HEIGHT - _BOTTOM
    gap = (wide - left - 60.0) / max(len(axes) - 1, 1)
    parts = []
    for line in lines:
        path, is_on = "", False
        for number, height in enumerate(line):
            if height is not None:
                path += f"{'L' if is_on else 'M'}{left + number * gap:.1f} {bottom - height * (bottom - _TOP - 16):.1f}"
            is_on = height is not None
        strength = line[-1] or 0.0
        color = _COLORS[1] if strength > 0.9 else _COLORS[0]
        parts.append(f'<path class="line" stroke="{color}" opacity="{0.15 + 0.6 * strength:.2f}" d="{path}"/>')
    for number, (name, ticks) in enumerate(axes):
        x = left + number * gap
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP + 16:.0f}V{bottom:.0f}"/>')
        parts.append(
            f'<text class="small middle" x="{x:.1f}" y="{bottom + 22:.0f}">{_told(fit(clean(name), 16))}</text>'
        )
        for height, text in ticks:
            y = bottom - height * (bottom - _TOP - 16)
            parts.append(
                f'<text class="small over" x="{x + 5:.1f}" y="{y + 4:.1f}">{_told(fit(clean(text), 12))}</text>'
            )
    return _picture(title, parts, width_=wide)


def below_each_other(title: str, pictures: Sequence[str]) -> str:
    """Several charts in one picture."""
    parts, top = [], 40.0
    for picture in pictures:
        height = float(picture.partition(' height="')[2].partition('"')[0])
        parts.append(f'<svg y="{top:.0f}" ' + picture.removeprefix("<svg ").rstrip())
        top += height
    return _picture(title, parts, height=top)


def _picture(title: str, parts: Sequence[str], *, width_: float = _WIDTH, height: float = _HEIGHT) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{_told(title)}" width="{width_:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width_:.0f} {height:.0f}">',
            f"<style>\n{_STYLE}\n</style>",
            f'<text class="title" x="20" y="28">{_told(title)}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _legend(entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    for number, (name, color) in enumerate(entries[:8]):
        y = _TOP + 16 + number * 18
        yield f'<path class="line" stroke="{color}" d="M{_LEFT + 10:.0f} {y:.0f}h18"/>'
        yield f'<text class="small" x="{_LEFT + 34:.0f}" y="{y + 4:.0f}">{escape(fit(clean(name), 40))}</text>'
    if len(entries) > 8:
        yield f'<text class="small" x="{_LEFT + 10:.0f}" y="{_TOP + 164:.0f}">and {len(entries) - 8} more</text>'


def _told(text: str) -> str:
    return escape(clean(text))


def _finite(line: Line) -> Line:
    points = [point for point in line.points if all(map(math.isfinite, point))]
    band = [point for point in line.band if all(map(math.isfinite, point))]
    return Line(line.name, points, band, line.is_guide)


def _thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """So many of them at most, evenly taken, with the first and the last."""
    if len(points) <= most:
        return points
    return [points[round(number * (len(points) - 1) / (most - 1))] for number in range(most)]


def _span(numbers: Sequence[float]) -> Range:
    return (min(numbers), max(numbers)) if numbers else (0.0, 1.0)


def _opened(span: Range) -> Range:
    """The range, wide enough to draw in."""
    low, high = span
    if high - low > 1e-12 * max(abs(low), abs(high), 1e-300):
        return span
    wide = abs(low) * 0.1 or 1.0
    return (low - wide, high + wide)


def _wider(span: Range) -> Range:
    """With some room at both ends, so that no dot lies on the edge."""
    low, high = _opened(span)
    room = (high - low) * _ROOM
    return (low - room, high + room)


def _ticks(span: Range) -> list[float]:
    """Some five round numbers in the range."""
    low, high = span
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]
