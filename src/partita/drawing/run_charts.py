"""Small pictures for pages: how much ran over time, and how a number went over versions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from partita.drawing.cells import plain
from partita.drawing.gantt import tick_seconds
from partita.drawing.picture_style import picture_style
from partita.units import duration_text

__all__ = ["density", "density_chart", "density_path", "sparkline"]

_BINS = 200


def density(spans: Iterable[tuple[float, float, float]], begin: float, end: float, bins: int = _BINS) -> list[float]:
    """How much there was on average in each of so many equal parts of a time.

    Args:
        spans: from when to when, and how much: 1 for a step, or what it holds of a resource.
    """
    events: list[tuple[float, float]] = []
    for start, stop, amount in spans:
        start, stop = max(start, begin), min(stop, end)
        if stop > start:
            events.append((start, amount))
            events.append((stop, -amount))
    events.sort()
    size = (end - begin) / bins
    found, place, level, at = [], 0, 0.0, begin
    for number in range(1, bins + 1):
        edge, held = begin + number * size if number < bins else end, 0.0
        while place < len(events) and events[place][0] <= edge:
            moment, change = events[place]
            held += level * (moment - at)
            level, at, place = level + change, moment, place + 1
        held += level * (edge - at)
        at = edge
        found.append(max(held / size, 0.0) if size > 0 else 0.0)
    return found


def density_path(values: Sequence[float], left: float, bottom: float, width: float, height: float, most: float) -> str:
    """The `d` of an area that has these values as its steps."""
    if not values or most <= 0:
        return f"M{left:.0f} {bottom:.0f}h{width:.0f}"
    step = width / len(values)
    parts, before = [f"M{left:.1f} {bottom:.1f}"], ""
    for place, value in enumerate(values):
        y = f"{bottom - min(value / most, 1.0) * height:.1f}"
        if y != before:
            parts.append(f"H{left + place * step:.1f}V{y}")
            before = y
    return "".join(parts) + f"H{left + width:.1f}V{bottom:.1f}z"


def density_chart(
    spans: Sequence[tuple[float, float, float]],
    begin: float,
    end: float,
    *,
    title: str,
    limit: float | None = None,
    width: int = 640,
    height: int = 120,
    has_style: bool = False,
) -> str:
    """How much ran, or was held of a resource, over time.

    Args:
        spans: from when to when in seconds, and how much.
        title: what is shown, for people and screen readers.
        limit: how much there is of it.
    """
    values = density(spans, begin, end) if end > begin else []
    peak = max(values, default=0.0)
    most = max(peak, limit or 0.0, 1e-9)
    left, top, bottom = 44.0, 26.0, height - 20.0
    across = width - left - 12
    told = f"{plain(title)}: {_number(peak)} at most" + (f" of {_number(limit)}" if limit is not None else "")
    lines = [
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(told)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        picture_style(is_alone=has_style),
        f'<text class="strong" x="{left:.0f}" y="16">{escape(plain(title))}</text>',
    ]
    for tick in tick_seconds(end - begin, 6) if end > begin else []:
        x = left + tick / (end - begin) * across
        anchor = "end" if x > width - 40 else "middle"
        lines.append(f'<path class="grid" d="M{x:.1f} {top:.0f}V{bottom:.0f}"/>')
        lines.append(
            f'<text class="small {anchor}" x="{x:.1f}" y="{height - 5}">{duration_text(tick) if tick else "0"}</text>'
        )
    shape = density_path(values, left, bottom, across, bottom - top, most)
    lines.append(f'<path class="area is-running" d="{shape}"><title>{escape(told)}</title></path>')
    if limit is not None:
        y = bottom - limit / most * (bottom - top)
        lines.append(f'<path class="limit" d="M{left:.0f} {y:.1f}h{across:.0f}"/>')
    lines.append(
        f'<text class="small end" x="{left - 6:.0f}" y="{top + 9:.0f}">{_number(most if peak or limit else 0)}</text>'
    )
    lines.append(f'<text class="small end" x="{left - 6:.0f}" y="{bottom + 3:.0f}">0</text>')
    return "\n".join([*filter(None, lines), "</svg>", ""])


def sparkline(
    values: Sequence[float | None],
    *,
    title: str,
    marked: int | None = None,
    is_told: bool = True,
    width: int = 140,
    height: int = 32,
    has_style: bool = False,
) -> str:
    """A number over versions or time as a line as high as one of text; gaps where there is none.

    Args:
        marked: position of the value that is pointed out; None: the last.
        is_told: whether the numbers are said beside the title.
    """
    finite = [(place, float(value)) for place, value in enumerate(values) if value is not None and math.isfinite(value)]
    marked = finite[-1][0] if marked is None and finite else marked
    numbers = [value for _, value in finite]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    shift = {value: 0.5 if high == low else _share(value, low, high) for value in set(numbers)}
    step = (width - 12) / max(len(values) - 1, 1)
    points = {place: (6 + place * step, height - 5 - shift[value] * (height - 10)) for place, value in finite}
    told = plain(title)
    if numbers and is_told:
        told += f": {_number(numbers[0])} to {_number(numbers[-1])}, between {_number(low)} and {_number(high)}"
    parts = [
        f"{'L' if place - 1 in points else 'M'}{x:.1f} {y:.1f}"
        + ("" if place + 1 in points or place - 1 in points else "h.1")
        for place, (x, y) in points.items()
    ]
    lines = [
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(told)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        picture_style(is_alone=has_style),
        f"<title>{escape(told)}</title>",
    ]
    if parts:
        lines.append(f'<path class="line is-running" d="{"".join(parts)}"/>')
    if marked is not None and marked in points:
        lines.append(
            f'<circle class="dot is-running" cx="{points[marked][0]:.1f}" cy="{points[marked][1]:.1f}" r="3"/>'
        )
    return "\n".join([*filter(None, lines), "</svg>", ""])


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between two; halves are taken first, as the difference of large ones has no end."""
    return (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:.4g}"
