"""A graph as an SVG picture that follows the reader's light or dark colours.

As a file it has a background of its own. In a page it takes the colours of the page around it, and shows the states.
"""

from __future__ import annotations

from hashlib import blake2b
from html import escape
from itertools import pairwise

from partita.drawing.cells import clean, fit, width
from partita.drawing.graph import Graph, Node
from partita.drawing.html import STATE_COLORS
from partita.drawing.layers import Point, draw

__all__ = ["svg_text"]

_HEIGHT = 44.0
_TITLE_HEIGHT = 34.0
_CELL = 7.6  # width of a character in pixels, generously
_LABEL_CELLS = 32

_STYLE = """\
  svg { background: #ffffff; font: 13px system-ui, "Noto Sans", sans-serif; }
  .box { fill: #f3f6fb; stroke: #5b7aa8; stroke-width: 1.2; }
  .later { fill: #fdf7ec; stroke: #b98a2f; stroke-dasharray: 5 4; }
  .outcome { fill: #f2f2f2; stroke: #8a8a8a; }
  .edge { fill: none; stroke: #8b98ab; stroke-width: 1.3; }
  .tip { fill: #8b98ab; }
  text { fill: #1d2733; text-anchor: middle; }
  .small { font-size: 10.5px; fill: #66727f; }
  .title { font-size: 15px; font-weight: 600; text-anchor: start; }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181d; }
    .box { fill: #1e2732; stroke: #7c9cc9; }
    .later { fill: #2b2518; stroke: #c79c48; }
    .outcome { fill: #262626; stroke: #9a9a9a; }
    .edge { stroke: #6e7a89; }
    .tip { fill: #6e7a89; }
    text { fill: #e3e8ee; }
    .small { fill: #9aa6b2; }
  }"""


_INLINE_STYLE = """\
  .partita-graph { font: 13px system-ui, "Noto Sans", sans-serif; }
  .partita-graph .box { fill: rgba(110,140,190,.13); stroke: #6f8fbf; stroke-width: 1.2; }
  .partita-graph .later { stroke-dasharray: 5 4; }
  .partita-graph .outcome { fill: rgba(128,136,150,.12); stroke: #8a8f98; }
  .partita-graph .edge { fill: none; stroke: #8b98ab; stroke-width: 1.3; }
  .partita-graph .tip { fill: #8b98ab; }
  .partita-graph text { fill: currentColor; text-anchor: middle; }
  .partita-graph .small { font-size: 10.5px; opacity: .7; }
  .partita-graph .title { font-size: 14px; font-weight: 600; text-anchor: start; }
""" + "\n".join(
    f"  .partita-graph .{state} {{ stroke: {color}; fill: {color}; fill-opacity: .16; }}"
    for state, color in STATE_COLORS.items()
    if state != "pending"
)


def svg_text(graph: Graph, *, is_inline: bool = False) -> str:
    """The picture; every box has its full path and place as a tooltip.

    Args:
        is_inline: to stand in an HTML page.
    """
    # A page's pictures share their ids, and a marker in a hidden one is not drawn in the others.
    tip = f"tip-{blake2b(repr(graph).encode('utf-8', 'replace'), digest_size=6).hexdigest()}" if is_inline else "tip"
    widths = [_box_width(node) for node in graph.nodes]
    drawing = draw(widths, _HEIGHT, graph.edges)
    total_width = max(drawing.width, width(graph.title) * 9 + 48)
    shift = (total_width - drawing.width) / 2
    kind = ' class="partita-graph"' if is_inline else ""
    lines = [
        f'<svg{kind} xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape("Graph of " + clean(graph.title))}"'
        f' width="{total_width:.0f}" height="{drawing.height + _TITLE_HEIGHT:.0f}"'
        f' viewBox="0 0 {total_width:.0f} {drawing.height + _TITLE_HEIGHT:.0f}">',
        f"<style>\n{_INLINE_STYLE if is_inline else _STYLE}\n</style>",
        f'<defs><marker id="{tip}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0.8 L8 4 L0 7.2 z"/></marker></defs>',
        f'<text class="title" x="24" y="28">{escape(clean(graph.title))}</text>',
        f'<g transform="translate({shift:.1f} {_TITLE_HEIGHT:.0f})">',
    ]
    lines += [f'<path class="edge" marker-end="url(#{tip})" d="{_curve(points)}"/>' for points in drawing.lines]
    for node, center, size in zip(graph.nodes, drawing.centers, widths, strict=True):
        lines += _box(node, center, size, is_inline)
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _label(node: Node) -> str:
    return fit(node.label, _LABEL_CELLS)


def _caption(node: Node) -> str:
    """The small line below the name: where the step belongs, or what is special about it."""
    if node.inside:
        return fit("in " + "/".join(node.inside), _LABEL_CELLS)
    if node.is_later:
        return "laid out later"
    return "outcome" if node.kind == "settle" else ""


def _box_width(node: Node) -> float:
    return max(width(_label(node)) * _CELL, width(_caption(node)) * 6.2) + 30


def _curve(points: list[Point]) -> str:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        parts.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return " ".join(parts)


def _box(node: Node, center: Point, size: float, has_states: bool) -> list[str]:
    left, top = center[0] - size / 2, center[1] - _HEIGHT / 2
    kind = "box later" if node.is_later else "box outcome" if node.kind == "settle" else "box"
    told_state = ""
    if has_states and set(node.states) != {"pending"}:
        kind += f" {node.state}"
        told_state = ", " + ", ".join(
            f"{count:,} {state}" if node.count > 1 else state for state, count in node.states.items()
        )
    radius = _HEIGHT / 2 if node.kind == "settle" else 7
    told = "/".join((*node.inside, node.label)) + (f" ({node.place})" if node.place else "") + told_state
    lines = [f"<g><title>{escape(clean(told))}</title>"]
    if node.is_map:
        lines += [_rectangle(kind, left + back, top + back, size, radius) for back in (6, 3)]
    lines.append(_rectangle(kind, left, top, size, radius))
    caption = _caption(node)
    baseline = center[1] + (-1 if caption else 4.5)
    lines.append(f'<text x="{center[0]:.1f}" y="{baseline:.1f}">{escape(_label(node))}</text>')
    if caption:
        lines.append(f'<text class="small" x="{center[0]:.1f}" y="{center[1] + 13:.1f}">{escape(caption)}</text>')
    lines.append("</g>")
    return lines


def _rectangle(kind: str, left: float, top: float, size: float, radius: float) -> str:
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{size:.1f}" height="{_HEIGHT:.0f}" rx="{radius:g}"/>'
    )
