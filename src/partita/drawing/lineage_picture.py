"""What a value came from and what came of it, as an SVG picture for a page: every step is a link, what is newer lies below.

Its style is that of `picture_style.STYLE`, which the page has.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import pairwise

from partita.drawing.cells import fit, plain, width
from partita.drawing.layers import Point, draw
from partita.drawing.picture_style import sign, signs
from partita.protocol.artifacts import LineageNode, LineageView
from partita.protocol.paths import short_path

__all__ = ["lineage_picture"]

_HEIGHT = 46.0
_CELL, _SMALL_CELL = 7.6, 6.6  # width of a character in pixels, generously
_CELLS = 34
_MOST_WIDTH = 1800.0

Tell = Callable[..., str]


def lineage_picture(
    lineage: LineageView, address: Callable[[LineageNode], str], *, tell: Tell = str, prefix: str = "lineage"
) -> str:
    """The picture.

    Args:
        address: of the page of a step's value; empty: it is no link.
        tell: gives words in the reader's language.
        prefix: of the ids in the picture; pictures of one page need different ones.
    """
    nodes = lineage["nodes"]
    places = {node["number"]: place for place, node in enumerate(nodes)}
    widths = [_width(node) for node in nodes]
    edges = [(places[one], places[other]) for one, other, _ in lineage["edges"]]
    drawing = draw(widths, _HEIGHT, edges, most_width=_MOST_WIDTH)
    lines = [
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{escape(tell("Lineage"))}" '
        f'width="{drawing.width:.0f}" height="{drawing.height:.0f}" viewBox="0 0 {drawing.width:.0f} {drawing.height:.0f}">',
        f'<defs>{signs(prefix)}<marker id="{prefix}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" '
        'markerWidth="9" markerHeight="9" orient="auto"><path class="tip" d="M0 0.8 L8 4 L0 7.2 z"/></marker></defs>',
        '<g aria-hidden="true">',
    ]
    for (_, _, how), points in zip(lineage["edges"], drawing.lines, strict=True):
        kind = "edge" if how == "value" else "edge is-fallback"
        lines.append(f'<path class="{kind}" marker-end="url(#{prefix}-tip)" d="{_curve(points)}"/>')
        if how != "value":
            x, y = _middle(points)
            lines.append(f'<text class="small" x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(fit(tell(how), 24))}</text>')
    lines.append("</g>")
    for node, center, size in zip(nodes, drawing.centers, widths, strict=True):
        lines += _box(node, center, size, address(node), tell, prefix)
    return "\n".join([*lines, "</svg>", ""])


def _name(node: LineageNode) -> str:
    return fit(plain(short_path(node["path"])), _CELLS)


def _caption(node: LineageNode) -> str:
    return fit(f"{plain(node['flow'])} {node['run']}", _CELLS + 4)


def _width(node: LineageNode) -> float:
    return max(width(_name(node)) * _CELL + 42, width(_caption(node)) * _SMALL_CELL + 24)


def _box(node: LineageNode, center: Point, size: float, address: str, tell: Tell, prefix: str) -> list[str]:
    left, top = center[0] - size / 2, center[1] - _HEIGHT / 2
    marks = "".join(f", {tell(mark)}" for mark in node["marks"])
    label = escape(f"{plain(node['path'])}, {plain(node['flow'])} {node['run']}, {tell(node['state'])}{marks}")
    kinds = f"node is-{node['state']}" + (" is-start" if node["is_start"] else "")
    is_here = ' aria-current="true"' if node["is_start"] else ""
    opening = (
        f'<a href="{escape(address)}" class="{kinds}" aria-label="{label}"{is_here}'
        if address
        else f'<g class="{kinds}"'
    )
    return [
        f'{opening} transform="translate({left:.1f} {top:.1f})">',
        f"<title>{label}</title>",
        f'<rect class="shape" width="{size:.1f}" height="{_HEIGHT:.0f}" rx="7"/>',
        sign(prefix, node["state"], 9, 6),
        f'<text class="name{" strong" if node["is_start"] else ""}" x="30" y="19">{escape(_name(node))}</text>',
        f'<text class="small" x="12" y="36">{escape(_caption(node))}</text>',
        "</a>" if address else "</g>",
    ]


def _curve(points: list[Point]) -> str:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        parts.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return " ".join(parts)


def _middle(points: list[Point]) -> Point:
    (x0, y0), (x1, y1) = points[(len(points) - 1) // 2], points[(len(points) - 1) // 2 + 1]
    return (x0 + x1) / 2, (y0 + y1) / 2
