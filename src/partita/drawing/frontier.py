"""Time against cost: the plans of which none is both faster and cheaper, as a chart of text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from partita.drawing.cells import clean, pad
from partita.protocol.plans import FrontierView
from partita.units import duration_text

__all__ = ["frontier_svg", "frontier_text"]

_ROWS, _CELLS = 9, 56
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640.0, 300.0, 78.0, 46.0, 18.0

#: Colours are the page's own; `svg_text` of a chart says which those of a file are.
FRONTIER_STYLE = """\
  .front-line { fill: none; stroke: #8b98ab; stroke-width: 1.3; stroke-dasharray: 4 4; }
  .front-point { fill: #3b82d6; }
  .front-chosen { fill: #d9822b; }
  .front-axis { stroke: #8b98ab; stroke-width: 1; }"""


def cost_text(cost: float) -> str:
    """A cost for people, in whatever unit it is."""
    return f"{cost:.4g}" if cost < 1e6 else f"{cost:,.0f}"


def frontier_text(points: Sequence[FrontierView], *, is_unicode: bool = True) -> list[str]:
    """A scatter of cost over time, and a line for each plan."""
    chosen, other = ("●", "○") if is_unicode else ("*", "o")
    grid = [[" "] * _CELLS for _ in range(_ROWS)]
    for point, (x, y) in zip(points, _places(points), strict=True):
        grid[round((1.0 - y) * (_ROWS - 1))][round(x * (_CELLS - 1))] = chosen if point["is_chosen"] else other
    low, high = cost_text(points[-1]["cost"]), cost_text(points[0]["cost"])
    size = max(len(low), len(high), 4)
    wall, corner, floor = ("│", "└", "─") if is_unicode else ("|", "+", "-")
    lines = [pad("cost", size, is_right=True)]
    for number, row in enumerate(grid):
        head = high if number == 0 else low if number == _ROWS - 1 else ""
        lines.append(f"{pad(head, size, is_right=True)} {wall}{''.join(row)}".rstrip())
    lines.append(" " * size + f" {corner}{floor * _CELLS}")
    first, last = duration_text(points[0]["makespan_s"]), duration_text(points[-1]["makespan_s"])
    gap = _CELLS - len(first) - len(last)
    lines += [" " * (size + 2) + first + " " * gap + last, ""]
    for point in points:
        mark = chosen if point["is_chosen"] else other
        told = f"{mark} {pad(duration_text(point['makespan_s']), 8, is_right=True)}"
        told += f"  {pad(cost_text(point['cost']), size, is_right=True)}  {_shares(point)}"
        lines.append(told + ("  (this plan)" if point["is_chosen"] else ""))
    return lines


def _shares(point: FrontierView) -> str:
    parts = [f"{count:,} on {clean(node)}" for node, count in point["nodes"].items()]
    return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more nodes" if len(parts) > 4 else "")


def _places(points: Sequence[FrontierView]) -> list[tuple[float, float]]:
    """Each plan's place between the smallest and the largest time and cost, 0 to 1."""
    times, costs = [point["makespan_s"] for point in points], [point["cost"] for point in points]
    return [(_part(time, times), _part(cost, costs)) for time, cost in zip(times, costs, strict=True)]


def _part(value: float, values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.5


def frontier_svg(points: Sequence[FrontierView]) -> str:
    """The scatter as a picture that can stand in a page; each plan tells of itself."""
    span_x, span_y = _WIDTH - _LEFT - 40, _HEIGHT - _BOTTOM - _TOP - 16
    places = [(_LEFT + 16 + x * span_x, _TOP + (1.0 - y) * span_y + 8) for x, y in _places(points)]
    base = _HEIGHT - _BOTTOM
    line = " ".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(places))
    parts = [
        '<svg class="front" xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" role="img" '
        f'aria-label="Time against cost" '
        f'viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">',
        f"<style>\n{FRONTIER_STYLE}\n</style>",
        f'<path class="front-axis" fill="none" d="M{_LEFT:.0f} {_TOP:.0f}V{base:.0f}H{_WIDTH - 12:.0f}"/>',
        f'<path class="front-line" d="{line}"/>',
        f'<text x="{_LEFT - 8:.0f}" y="{places[0][1] + 4:.1f}" text-anchor="end">{cost_text(points[0]["cost"])}</text>',
        f'<text x="{_LEFT - 8:.0f}" y="{_TOP + 2:.0f}" dy="-4" text-anchor="end" opacity=".7">cost</text>',
        f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 6:.0f}" text-anchor="middle" opacity=".7">time</text>',
    ]
    if len(points) > 1:
        low = cost_text(points[-1]["cost"])
        parts.append(f'<text x="{_LEFT - 8:.0f}" y="{places[-1][1] + 4:.1f}" text-anchor="end">{low}</text>')
    taken = -1e9
    for point, (x, _) in zip(points, places, strict=True):
        told = duration_text(point["makespan_s"])
        if x - taken > len(told) * 7.5 + 12:
            parts.append(f'<text x="{x:.1f}" y="{base + 18:.0f}" text-anchor="middle">{told}</text>')
            taken = x
    for point, (x, y) in zip(points, places, strict=True):
        kind = "front-chosen" if point["is_chosen"] else "front-point"
        told = f"{duration_text(point['makespan_s'])}, cost {cost_text(point['cost'])}: {_shares(point)}"
        told += " (this plan)" if point["is_chosen"] else ""
        radius = 7 if point["is_chosen"] else 5
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{escape(told)}</title></circle>'
        )
    return "\n".join([*parts, "</svg>", ""])
