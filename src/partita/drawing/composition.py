"""What a composed model consists of, as an SVG picture for a page: members lead to what combines them, and that to the output.

It is read from left to right, as a tree whose leaves are a row each. A line is the wider the more its member weighs, and has the
weight on it. A member that is a composition has its own members before it, as long as there is room; else it says how many they
are. Its style is that of `picture_style.STYLE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any

from partita.drawing.cells import fit, plain, width

__all__ = ["composition_picture"]

_HEIGHT = 46.0
_CELL, _SMALL_CELL = 7.8, 6.8  # width of a character in pixels, generously
_CELLS = 26
_GAP_X, _GAP_Y, _MARGIN = 66.0, 14.0, 10.0
#: Boxes of one picture, and members of one composition in it.
_MOST, _BESIDE = 40, 12
_THIN, _WIDE = 1.2, 4.5  # of lines, in pixels

Tell = Callable[..., str]
Member = Mapping[str, Any]
Point = tuple[float, float]


@dataclass(slots=True)
class _Box:
    name: str
    caption: str = ""
    kind: str = "member"  # "member", "combiner", "output", "rest"
    address: str = ""
    told: list[str] = field(default_factory=list)  # what else is said of it to those who point at it, or do not see it


@dataclass(slots=True)
class _Edge:
    source: int
    target: int
    weight: float | None = None
    share: float = 0.0  # of the heaviest weight beside it


def composition_picture(
    title: str,
    members: Sequence[Member],
    output: str,
    version_of: Callable[[Member], tuple[str, str] | None],
    *,
    tell: Tell = str,
    prefix: str = "composition",
) -> str:
    """The picture.

    Args:
        title: what the model is, in a line.
        members: as records of models have them: "name", "title", and of some "weight", "parameters" and "members".
        output: what it gives, in a few words.
        version_of: the name and the address of the registered version that a member is; None: it is none.
        tell: gives words in the reader's language.
        prefix: of the ids in the picture; pictures of one page need different ones.
    """
    made = _Composition(version_of, tell)
    made.add_whole(title, members, output)
    widths = [_width(box) for box in made.boxes]
    places, whole = _placed(widths, made.edges)
    label = escape(tell("Graph of {name}").format(name=plain(title)))
    size = f"{whole[0]:.0f}", f"{whole[1]:.0f}"
    lines = [
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{label}" '
        f'width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">',
        f'<defs><marker id="{prefix}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" '
        'markerWidth="9" markerHeight="9" orient="auto"><path class="tip" d="M0 0.8 L8 4 L0 7.2 z"/></marker></defs>',
        '<g aria-hidden="true">',
    ]
    for edge in made.edges:
        (x0, y0), (x1, y1) = places[edge.source], places[edge.target]
        lines += _line(edge, (x0 + widths[edge.source], y0 + _HEIGHT / 2), (x1, y1 + _HEIGHT / 2), prefix)
    lines.append("</g>")
    # As it is read, so that keys go through it in the same order: a column after the other.
    for number in sorted(range(len(widths)), key=lambda box: (places[box][0] + widths[box], places[box][1])):
        lines += _drawn(made.boxes[number], places[number], widths[number])
    return "\n".join([*lines, "</svg>", ""])


class _Composition:
    """Boxes and lines of a composition, laid down from the inside."""

    def __init__(self, version_of: Callable[[Member], tuple[str, str] | None], tell: Tell) -> None:
        self.boxes: list[_Box] = []
        self.edges: list[_Edge] = []
        self._version_of = version_of
        self._tell = tell
        self._left = _MOST

    def add_whole(self, title: str, members: Sequence[Member], output: str) -> None:
        last = _Box(output, self._tell("output"), "output")
        if " > " in title:  # steps that hand on what they made; nothing combines them
            self._add_chain(members, self._put(last))
            return
        count = self._tell("{n} members").format(n=f"{len(members):,}")
        combiner = self._put(_Box(title.partition(" of ")[0], count, "combiner"))
        self._add_members(members, combiner)
        self.edges.append(_Edge(combiner, self._put(last)))

    def _put(self, box: _Box) -> int:
        self.boxes.append(box)
        self._left -= 1
        return len(self.boxes) - 1

    def _add_members(self, members: Sequence[Member], target: int) -> None:
        shown = _heaviest(members, _BESIDE)
        heaviest = max((abs(member["weight"]) for member in members if "weight" in member), default=0.0)
        places = []
        for member in shown:
            place = self._put(self._box_of(member))
            places.append(place)
            weight = member.get("weight")
            share = abs(weight) / heaviest if weight is not None and heaviest else 0.0
            self.edges.append(_Edge(place, target, weight, share))
        if len(shown) < len(members):
            text = self._tell("and {n} more").format(n=f"{len(members) - len(shown):,}")
            self.edges.append(_Edge(self._put(_Box(text, kind="rest")), target))
        for member, place in zip(shown, places, strict=True):
            self._unfold(member, place)

    def _add_chain(self, members: Sequence[Member], target: int) -> None:
        shown = members[:_BESIDE]
        places = [self._put(self._box_of(member)) for member in shown]
        if len(shown) < len(members):
            text = self._tell("and {n} more").format(n=f"{len(members) - len(shown):,}")
            places.append(self._put(_Box(text, kind="rest")))
        self.edges += [_Edge(one, other) for one, other in pairwise([*places, target])]
        for member, place in zip(shown, places, strict=False):
            self._unfold(member, place)

    def _unfold(self, member: Member, place: int) -> None:
        """Its own members above it, if there is room; else how many they are."""
        own = member.get("members") or ()
        if not own:
            return
        box = self.boxes[place]
        box.kind = "combiner"
        if min(len(own), _BESIDE) + 1 <= self._left:
            is_chain = member.get("title") == "Pipeline"
            (self._add_chain if is_chain else self._add_members)(own, place)
            return
        box.caption = f"{box.caption}, {self._tell('{n} members').format(n=f'{len(own):,}')}".removeprefix(", ")

    def _box_of(self, member: Member) -> _Box:
        name, title = plain(str(member.get("name", ""))), plain(str(member.get("title", "")))
        box = _Box(name, title if title != name else "")
        if "weight" in member:
            box.told.append(self._tell("weight {n}").format(n=_number(member["weight"])))
        if parameters := member.get("parameters"):
            box.told.append(self._tell("{n} parameters").format(n=f"{len(parameters):,}"))
        if version := self._version_of(member):
            box.told.insert(0, title)
            box.caption, box.address = version
        return box


def _heaviest(members: Sequence[Member], most: int) -> list[Member]:
    """So many of them, in their order."""
    if len(members) <= most:
        return list(members)
    ranked = sorted(range(len(members)), key=lambda place: (-abs(members[place].get("weight", 0.0)), place))
    return [members[place] for place in sorted(ranked[: most - 1])]


def _number(weight: float) -> str:
    return f"{weight:.3g}"


def _width(box: _Box) -> float:
    name, caption = fit(plain(box.name), _CELLS), fit(box.caption, _CELLS + 8)
    return max(width(name) * _CELL, width(caption) * _SMALL_CELL) + 26


def _placed(widths: Sequence[float], edges: Sequence[_Edge]) -> tuple[list[Point], Point]:
    """The upper left corner of each box, and how large the whole is: what leads to a box stands in the column before it."""
    sources: dict[int, list[int]] = {}
    for edge in edges:
        sources.setdefault(edge.target, []).append(edge.source)
    (root,) = set(range(len(widths))) - {edge.source for edge in edges}
    columns: dict[int, int] = {}  # counted from the output
    middles: dict[int, float] = {}
    rows = 0

    def lay(box: int, column: int) -> None:
        nonlocal rows
        columns[box] = column
        for source in sources.get(box, ()):
            lay(source, column + 1)
        if own := [middles[source] for source in sources.get(box, ())]:
            middles[box] = (min(own) + max(own)) / 2
        else:
            middles[box] = float(rows)
            rows += 1

    lay(root, 0)
    sizes = [
        max(widths[box] for box in columns if columns[box] == number) for number in range(max(columns.values()) + 1)
    ]
    ends = [_MARGIN + sum(sizes[number:]) + _GAP_X * (len(sizes) - 1 - number) for number in range(len(sizes))]
    places = [
        (ends[columns[box]] - widths[box], _MARGIN + middles[box] * (_HEIGHT + _GAP_Y)) for box in range(len(widths))
    ]
    return places, (ends[0] + _MARGIN, 2 * _MARGIN + rows * (_HEIGHT + _GAP_Y) - _GAP_Y)


def _line(edge: _Edge, start: Point, end: Point, prefix: str) -> list[str]:
    wide = _THIN + (_WIDE - _THIN) * edge.share
    (x0, y0), (x1, y1) = start, end
    # Lines turn in the gap before the column, however far they come: there no box is in their way.
    turn = x1 - _GAP_X
    middle = (turn + x1) / 2
    path = f"M{x0:.1f} {y0:.1f}L{turn:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    drawn = [f'<path class="edge" style="stroke-width:{wide:.1f}" marker-end="url(#{prefix}-tip)" d="{path}"/>']
    if edge.weight is not None:
        drawn.append(f'<text class="small" x="{x0 + 6:.1f}" y="{y0 - 6:.1f}">{_number(edge.weight)}</text>')
    return drawn


def _drawn(box: _Box, place: Point, wide: float) -> list[str]:
    left, top = place
    label = escape(", ".join(part for part in (plain(box.name), box.caption, *box.told) if part))
    kinds = f"node is-{box.kind}"
    opening = (
        f'<a href="{escape(box.address)}" class="{kinds}" aria-label="{label}"'
        if box.address
        else f'<g class="{kinds}"'
    )
    middle = wide / 2
    return [
        f'{opening} transform="translate({left:.1f} {top:.1f})">',
        f"<title>{label}</title>",
        f'<rect class="shape" width="{wide:.1f}" height="{_HEIGHT:.0f}" rx="{_HEIGHT / 2 if box.kind == "output" else 7:g}"/>',
        f'<text class="name middle{" strong" if box.kind != "rest" else ""}" x="{middle:.1f}" y="{19 if box.caption else 28}">'
        f"{escape(fit(plain(box.name), _CELLS))}</text>",
        f'<text class="small middle" x="{middle:.1f}" y="36">{escape(fit(box.caption, _CELLS + 8))}</text>'
        if box.caption
        else "",
        "</a>" if box.address else "</g>",
    ]
