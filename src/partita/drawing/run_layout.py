"""What of a run's boxes is seen, what leads where, and where it lies.

Each open box is laid out by itself and is then one box of the layout around it. An edge between boxes that lie at different
depths runs to the border of the open box around its end, and on from there inside; edges side by side are one with a count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

from partita.drawing.cells import fit, plain, width
from partita.drawing.layers import Drawing, Point, draw
from partita.drawing.outline import Box, Outline, Page, state_of
from partita.protocol.requests import StepView

__all__ = ["HEAD", "Arrangement", "Item", "Line", "Tell", "arranged", "caption_of", "seen"]

#: Gives a word or a sentence with names in braces in the reader's language.
Tell = Callable[[str], str]

#: However many boxes are to be open, no more are drawn than so many.
MOST_ITEMS = 1500
#: Edges of one layout; of more, each box keeps one in and one out, and then those that stand for most.
MOST_EDGES = 400

HEAD, FOOT = 30.0, 28.0
_CELL, _BOLD_CELL, _SMALL_CELL = 8.0, 9.0, 6.8
_LABEL_CELLS = 30
_HEIGHT, _TALL = 44.0, 52.0
_MARGIN, _GAP = 16.0, 10.0
_BACK = 44.0  # room for edges that lead upwards
_MOST_WIDTH = 1500.0


@dataclass(slots=True, eq=False)
class Item:
    """One box of the drawing."""

    number: int  # position among the items
    child: Box | StepView
    parent: Item | None
    is_open: bool = False
    shown: list[Item] = field(default_factory=list)  # what lies in it, while it is open
    page: Page | None = None  # of an open box that does not show everything
    found: int = 0  # how many there are on all pages of this kind
    depth: int = 0
    sources: dict[int, int] = field(
        default_factory=dict
    )  # numbers of the items that it needs, with the number of edges
    x: float = 0.0  # of its upper left corner; in the box around it, and in the picture once all is laid out
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    lines: list[Line] = field(default_factory=list)  # of its inside

    @property
    def box(self) -> Box | None:
        return self.child if isinstance(self.child, Box) else None

    @property
    def step(self) -> StepView | None:
        return self.child.step if isinstance(self.child, Box) else self.child

    @property
    def label(self) -> str:
        """Its name; an element of a map has only its key."""
        if isinstance(self.child, Box):
            name = self.child.label
        else:
            name = self.child["name"]
            if self.child["kind"] == "flow" and name.endswith("[]"):
                name = f"{name[:-2]} ×n"
        around = self.parent.box if self.parent is not None else None
        if (
            around is not None
            and around.kind == "map"
            and "[" in name
            and (self.box is None or self.box.kind == "flow")
        ):
            name = name[name.index("[") :]
        return plain(name)

    @property
    def is_later(self) -> bool:
        """Whether it is laid out when its inputs are known."""
        return (
            not isinstance(self.child, Box) and self.child["kind"] == "flow" and state_of(self.child) not in _NOT_LATER
        )


_NOT_LATER = frozenset({"succeeded", "failed", "cancelled", "skipped"})


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as it is drawn."""

    source: int  # number of an item; of an open box's own, where it runs from its border
    target: int
    count: int  # edges between steps that it stands for
    points: Sequence[Point]
    is_fallback: bool
    is_back: bool = False  # leads upwards; its points are those of one curve


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A run as it is drawn."""

    outline: Outline
    top: Item  # what holds everything
    items: Sequence[Item]  # from the outside in, `top` first
    edges: int  # between items that are seen
    left_out: int  # of them, because they are too many


def arranged(outline: Outline, opened: Collection[str], pages: Mapping[str, str], tell: Tell = str) -> Arrangement:
    """Lay out a run with these boxes open; `tell` gives words in the reader's language."""
    items = seen(outline, opened, pages)
    edges, fallbacks = _edges(outline, items)
    left_out = 0
    bundles, passages = _lifted(items, edges)
    for item in reversed(items):
        if item.is_open:
            left_out += _lay_out(items, item, bundles.get(item.number, {}), passages, fallbacks, tell)
        else:
            item.width, item.height = _size(item, tell)
    for item in items:
        for inner in item.shown:
            inner.x += item.x
            inner.y += item.y
    return Arrangement(outline, items[0], items, len(edges), left_out)


def caption_of(item: Item, tell: Tell = str) -> str:
    """The small line below a name."""
    box = item.box
    if box is not None:
        told = tell("{done} of {total}").format(done=f"{box.done:,}", total=f"{box.total:,}")
        failed = box.counts.get("failed", 0) or box.failed
        return told + (" · " + tell("{count} failed").format(count=f"{failed:,}") if failed else "")
    step = item.step
    assert step is not None
    parts = [tell(mark) for mark in step["marks"] if mark in _TOLD_MARKS]
    if step["fallback_of"] >= 0:
        parts.insert(0, tell("fallback"))
    if step["kind"] in _TOLD_KINDS:
        parts.insert(0, tell(_TOLD_KINDS[step["kind"]]))
    if item.is_later:
        parts.insert(0, tell("laid out later"))
    if step["attempts"] > 1:
        parts.append(tell("attempt {number}").format(number=f"{step['attempts']:,}"))
    done = step["progress"] if step["state"] == "running" else None
    if done and done[1]:
        parts.append(f"{min(done[0] / done[1], 1.0):.0%}")
    return fit(" · ".join(parts), _LABEL_CELLS)


_TOLD_MARKS = frozenset({"adopted", "cached", "crashed", "compensated", "lost", "handled", "unmet"})
_TOLD_KINDS = {"settle": "outcome", "wait": "wait", "undo": "undo"}


def seen(outline: Outline, opened: Collection[str], pages: Mapping[str, str]) -> list[Item]:
    """What is seen with these boxes open, from the outside in."""
    top = Item(0, outline.root, None, is_open=True)
    items, ahead = [top], [top]
    while ahead:
        item = ahead.pop()
        box = item.box
        assert box is not None
        shown = outline.shown(box, pages)
        if item is not top and (box.key not in opened or len(items) + len(shown) > MOST_ITEMS):
            continue
        item.is_open = True
        page = outline.page(box, pages)
        if len(shown) < len(box.children):
            item.page = page
            item.found = sum(
                state_of(child) == "failed" or (isinstance(child, Box) and child.failed > 0) for child in box.children
            )
        for child in shown:
            inner = Item(len(items), child, item, depth=item.depth + 1)
            items.append(inner)
            item.shown.append(inner)
        ahead.extend(inner for inner in reversed(item.shown) if inner.box is not None)
    return items


def _edges(outline: Outline, items: Sequence[Item]) -> tuple[dict[tuple[int, int], int], set[tuple[int, int]]]:
    """Edges between items that are seen, with how many edges between steps each stands for; and those to a fallback."""
    item_of = _items_of_boxes(outline, items)
    number_of = {number: item_of[box] for number, box in outline.inside.items()}
    number_of.update((number, item_of[box]) for number, box in outline.boxes.items())
    number_of.update((item.child["id"], item.number) for item in items if not isinstance(item.child, Box))
    gathered: dict[int, list[int]] = {}
    for step in outline.gathers:
        gathered[step["id"]] = _gathered(outline, step, item_of, number_of, gathered)
    edges: dict[tuple[int, int], int] = {}
    fallbacks = set()
    for step in outline.steps:
        target = number_of.get(step["id"])
        if target is None:
            continue
        for needed in step["inputs"]:
            source = number_of.get(needed)
            if source is not None:
                if source != target:
                    edges[source, target] = edges.get((source, target), 0) + 1
            elif needed in gathered:
                for source in gathered[needed]:
                    if source != target:
                        edges[source, target] = edges.get((source, target), 0) + 1
        if step["fallback_of"] >= 0:
            source = number_of.get(step["fallback_of"], target)
            if source != target:
                edges[source, target] = edges.get((source, target), 0) + 1
                fallbacks.add((source, target))
    for source, target in edges:
        items[target].sources[source] = edges[source, target]
    return edges, fallbacks


def _items_of_boxes(outline: Outline, items: Sequence[Item]) -> dict[Box, int]:
    """The item that stands for each box: its own, or that of the closed box around it."""
    found = {item.child: item.number for item in items if isinstance(item.child, Box)}
    ahead = [outline.root]
    while ahead:
        box = ahead.pop()
        for child in box.children:
            if isinstance(child, Box):
                found.setdefault(child, found[box])
                ahead.append(child)
    return found


def _gathered(
    outline: Outline,
    step: StepView,
    item_of: Mapping[Box, int],
    number_of: Mapping[int, int],
    known: Mapping[int, list[int]],
) -> list[int]:
    """The items that a list of elements comes from: where they are those of one map, its box."""
    around = {outline.inside.get(number) for number in step["inputs"]}
    if len(around) == 1:
        box = around.pop()
        if box is not None and box.kind in ("map", "repeat"):
            return [item_of[box]]
    found: dict[int, None] = {}
    for number in step["inputs"]:
        if number in known:
            found.update(dict.fromkeys(known[number]))
        elif number in number_of:
            found[number_of[number]] = None
    return list(found)


#: What runs within a box: pairs of an item in it and 0 (it needs what comes in) or 1 (what goes out comes from it).
_Passages = dict[tuple[int, int], int]


def _lifted(
    items: Sequence[Item], edges: Mapping[tuple[int, int], int]
) -> tuple[dict[int, dict[tuple[int, int], int]], _Passages]:
    """Edges as those between items of one box, by its number; and what runs from borders inwards."""
    bundles: dict[int, dict[tuple[int, int], int]] = {}
    passages: _Passages = {}
    for (first, second), count in edges.items():
        source, target = items[first], items[second]
        out: list[int] = []
        into: list[int] = []
        while source is not target and source.parent is not target.parent:
            if source.depth >= target.depth and source.parent is not None:
                out.append(source.number)
                source = source.parent
            else:
                assert target.parent is not None
                into.append(target.number)
                target = target.parent
        if source is target or source.parent is None:
            continue  # from a box to what lies in it
        around = bundles.setdefault(source.parent.number, {})
        pair = (source.number, target.number)
        around[pair] = around.get(pair, 0) + count
        for number in out:
            passages[number, 1] = passages.get((number, 1), 0) + count
        for number in into:
            passages[number, 0] = passages.get((number, 0), 0) + count
    return bundles, passages


def _lay_out(
    items: Sequence[Item],
    item: Item,
    bundles: Mapping[tuple[int, int], int],
    passages: _Passages,
    fallbacks: set[tuple[int, int]],
    tell: Tell,
) -> int:
    """Place what lies in an open box; gives how many edges are left out."""
    is_top, box = item.parent is None, item.box
    assert box is not None
    shown = item.shown
    head = 0.0 if is_top else HEAD
    foot = FOOT if item.page is not None else 0.0
    if box.kind in ("map", "repeat"):
        widest = max((inner.width for inner in shown if not inner.is_open), default=0.0)
        for inner in shown:
            inner.width = inner.width if inner.is_open else widest
    least = _head_width(item, tell)
    if not bundles and (
        box.kind in ("map", "repeat")
        or (len(shown) > 6 and not any((each.number, way) in passages for each in shown for way in (0, 1)))
    ):
        item.width, item.height = _grid(shown, head)
        item.width, item.height = max(item.width, least), item.height + foot
        return 0
    kept = _kept(bundles)
    position = {inner.number: place for place, inner in enumerate(shown)}
    pairs = [(position[source], position[target]) for source, target in kept]
    widths, heights = [inner.width for inner in shown], [inner.height for inner in shown]
    told = [(source, target, bundles[source, target], (source, target) in fallbacks) for source, target in kept]
    if not is_top:
        for way in (0, 1):
            ends = [inner for inner in shown if (inner.number, way) in passages]
            if not ends:
                continue
            port = len(widths)
            widths.append(2.0)
            heights.append(0.0)
            pairs += [(port, position[end.number]) if way == 0 else (position[end.number], port) for end in ends]
            told += [
                (item.number, end.number, passages[end.number, way], False) if way == 0
                else (end.number, item.number, passages[end.number, way], False) for end in ends
            ]  # fmt: skip
            # What has no edge on this side must not lie beyond the border's end of the others.
            touched = {pair[1 - way] for pair in pairs}
            pairs += [(port, at) if way == 0 else (at, port) for at in range(len(shown)) if at not in touched]
            told += [(-1, -1, 0, False)] * (len(pairs) - len(told))
    drawing = draw(widths, heights, pairs, margin=_MARGIN, most_width=_MOST_WIDTH)
    middle = drawing.width / 2
    for (source, target, _, _), line in zip(told, drawing.lines, strict=True):
        if item.number == source:
            # From where the edge from outside ends, if that does not lead through the name.
            line.insert(
                0, (line[0][0], 2.0) if middle + max(least - drawing.width, 0.0) / 2 < least else (middle, -head)
            )
        elif item.number == target:
            line.append((middle, drawing.height + foot))
    shift = max(least - drawing.width, 0.0) / 2
    _take(item, drawing, told, shift, head)
    item.width, item.height = drawing.width + 2 * shift, drawing.height + head + foot
    if any(line.points[-1][1] < line.points[0][1] for line in item.lines):
        item.width += _BACK
        _lead_back(items, item)
    return len(bundles) - len(kept)


def _take(item: Item, drawing: Drawing, told: Sequence[tuple[int, int, int, bool]], shift: float, head: float) -> None:
    for inner, (x, y) in zip(item.shown, drawing.centers, strict=False):
        inner.x, inner.y = x - inner.width / 2 + shift, y - inner.height / 2 + head
    item.lines = [
        Line(source, target, count, [(x + shift, y + head) for x, y in points], is_fallback)
        for (source, target, count, is_fallback), points in zip(told, drawing.lines, strict=True)
        if count
    ]


def _lead_back(items: Sequence[Item], item: Item) -> None:
    """Edges that lead upwards, between boxes whose steps take turns, run around their right."""
    lines = []
    for line in item.lines:
        if line.points[-1][1] < line.points[0][1]:
            source, target = items[line.source], items[line.target]
            start = (source.x + source.width, source.y + source.height / 2)
            end = (target.x + target.width, target.y + target.height / 2)
            beyond = max(start[0], end[0]) + _BACK
            line = replace(line, points=[start, (beyond, start[1]), (beyond, end[1]), end], is_back=True)
        lines.append(line)
    item.lines = lines


def _kept(bundles: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    if len(bundles) <= MOST_EDGES:
        return list(bundles)
    kept: dict[tuple[int, int], None] = {}
    has_source, has_target = set(), set()
    for pair in bundles:
        if pair[1] not in has_source or pair[0] not in has_target:
            kept[pair] = None
            has_source.add(pair[1])
            has_target.add(pair[0])
    for pair in sorted(bundles, key=lambda pair: -bundles[pair]):
        if len(kept) >= MOST_EDGES:
            break
        kept[pair] = None
    return [pair for pair in bundles if pair in kept]


def _grid(shown: Sequence[Item], head: float) -> tuple[float, float]:
    """Rows from left to right, about as wide as a screen."""
    area = sum((inner.width + _GAP) * (inner.height + _GAP) for inner in shown)
    widest = max((inner.width for inner in shown), default=0.0)
    most = max(min(sqrt(area * 3.0), 1200.0), widest, 240.0)
    x, y, tallest, right = _MARGIN, head + _MARGIN, 0.0, 0.0
    for inner in shown:
        if x > _MARGIN and x + inner.width > _MARGIN + most:
            x, y, tallest = _MARGIN, y + tallest + _GAP, 0.0
        inner.x, inner.y = x, y
        x += inner.width + _GAP
        right, tallest = max(right, x - _GAP), max(tallest, inner.height)
    return right + _MARGIN, y + tallest + _MARGIN


def _size(item: Item, tell: Tell) -> tuple[float, float]:
    label, caption = fit(item.label, _LABEL_CELLS), caption_of(item, tell)
    if item.box is not None:
        return max(width(label) * _BOLD_CELL + 68, width(caption) * _SMALL_CELL + 28, 120.0), _TALL
    around = item.parent.box if item.parent is not None else None
    is_small = around is not None and around.kind == "map" and not caption
    return max(width(label) * _CELL + 46, width(caption) * _SMALL_CELL + 26), 30.0 if is_small else _HEIGHT


def _head_width(item: Item, tell: Tell) -> float:
    if item.parent is None:
        return 0.0
    told = width(fit(item.label, _LABEL_CELLS)) * _BOLD_CELL + width(caption_of(item, tell)) * _SMALL_CELL + 90
    return max(told, 420.0 if item.page is not None and item.found else 300.0 if item.page is not None else 0.0)
