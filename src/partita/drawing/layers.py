"""A layered drawing after Sugiyama, Tagawa and Toda (1981): layers by longest path, few crossings by barycentres,
then places that pull neighbours together without letting boxes overlap.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

__all__ = ["Drawing", "draw"]

_GAP_X = 28.0
_GAP_Y = 54.0
_MARGIN = 24.0
_BEND_WIDTH, _BEND_GAP = 10.0, 8.0
_SWEEPS = 24
#: Sweeps after which nothing better is looked for when none of them helped; bends of which a drawing has no more than so many:
#: further long edges are straight.
_IN_VAIN, _MOST_BENDS = 6, 1200

Point = tuple[float, float]


@dataclass(slots=True)
class _Item:
    """A box, or a bend of an edge that passes a layer."""

    layer: int
    width: float
    above: list[int]
    below: list[int]
    x: float = 0.0  # of its middle


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where everything lies, in pixels from the upper left corner."""

    width: float
    height: float
    centers: list[Point]  # of the boxes
    lines: list[list[Point]]  # of each edge: its start, its bends and its end


def draw(
    widths: Sequence[float],
    height: float | Sequence[float],
    edges: Sequence[tuple[int, int]],
    *,
    margin: float = _MARGIN,
    most_width: float = inf,
) -> Drawing:
    """Lay out boxes of these widths; edges lead downwards.

    Args:
        height: of all boxes, or of each.
        margin: pixels around everything.
        most_width: a layer that is wider is broken into several.
    """
    if not widths:
        return Drawing(2 * margin, 2 * margin, [], [])
    heights = [height] * len(widths) if isinstance(height, (int, float)) else list(height)
    layers = _broken(_longest_paths(len(widths), edges), widths, most_width)
    items = [_Item(layer, width, [], []) for layer, width in zip(layers, widths, strict=True)]
    chains = _chains(items, edges)
    rows = _ordered(items)
    _place(items, rows)
    left = min(item.x - item.width / 2 for item in items) - margin
    for item in items:
        item.x -= left
    right = max(item.x + item.width / 2 for item in items)
    tallest = [max((heights[number] for number in row if number < len(widths)), default=0.0) for row in rows]
    tops = list(accumulate((size + _GAP_Y for size in tallest), initial=margin))
    middles = [(item.x, tops[item.layer] + tallest[item.layer] / 2) for item in items]
    spans = [(top, top + size) for top, size in zip(tops, tallest, strict=False)]
    lines = [_line(chain, items, middles, heights, spans) for chain in chains]
    return Drawing(right + margin, tops[-1] - _GAP_Y + margin, middles[: len(widths)], lines)


def _longest_paths(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box. An edge that closes a circle (between rounds that share a box) does not count."""
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        below[source].append(target)
        waiting[target] += 1
    layers = [0] * count
    left = set(range(count))
    ready = [number for number in range(count) if not waiting[number]]
    while left:
        if not ready:
            ready = [min(left, key=lambda number: (waiting[number], number))]
        number = ready.pop()
        if number not in left:
            continue
        left.discard(number)
        for target in below[number]:
            if target in left:
                layers[target] = max(layers[target], layers[number] + 1)
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return layers


def _broken(layers: list[int], widths: Sequence[float], most_width: float) -> list[int]:
    """Layers that are no wider, if need be with more of them than there were."""
    rows: list[list[int]] = [[] for _ in range(max(layers) + 1)]
    for number, layer in enumerate(layers):
        rows[layer].append(number)
    broken, layer = list(layers), -1
    for row in rows:
        layer += 1
        used = 0.0
        for number in row:
            if used and used + widths[number] > most_width:
                layer, used = layer + 1, 0.0
            broken[number] = layer
            used += widths[number] + _GAP_X
    return broken


def _chains(items: list[_Item], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Each edge as a chain of items, with a bend in each layer that it passes; the longest ones may go without."""
    spans = sorted(items[target].layer - items[source].layer - 1 for source, target in edges)
    longest = bisect_right(list(accumulate(max(span, 0) for span in spans)), _MOST_BENDS)
    limit = spans[longest] - 1 if longest < len(spans) else inf
    return [_chain(items, source, target, limit) for source, target in edges]


def _chain(items: list[_Item], source: int, target: int, limit: float) -> list[int]:
    first, last = items[source].layer, items[target].layer
    chain = [source]
    if last - first - 1 <= limit:
        for layer in range(first + 1, last):
            items.append(_Item(layer, _BEND_WIDTH, [], []))
            chain.append(len(items) - 1)
    chain.append(target)
    if first < last and last - first - 1 <= limit:
        for upper, lower in pairwise(chain):
            items[upper].below.append(lower)
            items[lower].above.append(upper)
    return chain


def _ordered(items: list[_Item]) -> list[list[int]]:
    """The items of each layer from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(item.layer for item in items) + 1)]
    for number, item in enumerate(items):
        rows[item.layer].append(number)
    places = [0] * len(items)
    for row in rows:
        _number(row, places)
    best, fewest, in_vain = [row[:] for row in rows], _crossings(items, rows, places), 0
    for sweep in range(_SWEEPS):
        if not fewest or in_vain == _IN_VAIN:
            break
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            _sort_row(items, row, places, is_down)
        crossings = _crossings(items, rows, places)
        in_vain += 1
        if crossings < fewest:
            best, fewest, in_vain = [row[:] for row in rows], crossings, 0
    return best


def _number(row: list[int], places: list[int]) -> None:
    for place, number in enumerate(row):
        places[number] = place


def _sort_row(items: list[_Item], row: list[int], places: list[int], is_down: bool) -> None:
    def barycentre(number: int) -> float:
        neighbours = items[number].above if is_down else items[number].below
        return sum(places[other] for other in neighbours) / len(neighbours) if neighbours else places[number]

    row.sort(key=barycentre)
    _number(row, places)


def _crossings(items: list[_Item], rows: list[list[int]], places: list[int]) -> int:
    crossings = 0
    for row in rows:
        seen: list[int] = []
        for number in row:
            ends = [places[other] for other in items[number].below]
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


def _place(items: list[_Item], rows: list[list[int]]) -> None:
    for row in rows:
        x = 0.0
        for place, number in enumerate(row):
            x += _distance(items, row[place - 1], number) if place else 0.0
            items[number].x = x
        for number in row:
            items[number].x -= x / 2
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            _pull(items, row, is_down)


def _pull(items: list[_Item], row: list[int], is_down: bool) -> None:
    """Move a row's items under (or above) their neighbours, keeping order and distance."""
    wished = []
    for number in row:
        item = items[number]
        neighbours = item.above if is_down else item.below
        wished.append(sum(items[other].x for other in neighbours) / len(neighbours) if neighbours else item.x)
    from_left, from_right = [0.0] * len(row), [0.0] * len(row)
    for place, number in enumerate(row):
        least = from_left[place - 1] + _distance(items, row[place - 1], number) if place else wished[place]
        from_left[place] = max(wished[place], least)
    for place in reversed(range(len(row))):
        is_last = place == len(row) - 1
        most = wished[place] if is_last else from_right[place + 1] - _distance(items, row[place], row[place + 1])
        from_right[place] = min(wished[place], most)
    for place, number in enumerate(row):
        items[number].x = (from_left[place] + from_right[place]) / 2


def _distance(items: list[_Item], left: int, right: int) -> float:
    gap = _GAP_X if max(items[left].width, items[right].width) > _BEND_WIDTH else _BEND_GAP
    return (items[left].width + items[right].width) / 2 + gap


def _line(
    chain: list[int], items: list[_Item], middles: list[Point], heights: Sequence[float], spans: Sequence[Point]
) -> list[Point]:
    (start_x, start_y), (end_x, end_y) = middles[chain[0]], middles[chain[-1]]
    bends: list[Point] = []
    for bend in chain[1:-1]:
        x = middles[bend][0]
        top, bottom = spans[items[bend].layer]
        # Past boxes the line goes straight down, or it would cut their corners.
        bends += [(x, top), (x, bottom)]
    below, above = spans[items[chain[0]].layer][1], spans[items[chain[-1]].layer][0]
    if below < above:
        bends = [(start_x, below), *bends, (end_x, above)]
    line = [(start_x, start_y + heights[chain[0]] / 2), *bends, (end_x, end_y - heights[chain[-1]] / 2)]
    return [line[0], *(point for before, point in pairwise(line) if point != before)]
