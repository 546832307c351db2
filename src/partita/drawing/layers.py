"""A layered drawing after Sugiyama, Tagawa and Toda (1981): layers by longest path, few crossings by barycentres,
then places that pull neighbours together without letting boxes overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Drawing", "draw"]

_GAP_X = 28.0
_GAP_Y = 54.0
_MARGIN = 24.0
_BEND_WIDTH = 10.0
_SWEEPS = 24

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


def draw(widths: Sequence[float], height: float, edges: Sequence[tuple[int, int]]) -> Drawing:
    """Lay out boxes of these widths and one height; edges lead downwards."""
    if not widths:
        return Drawing(2 * _MARGIN, 2 * _MARGIN, [], [])
    layers = _longest_paths(len(widths), edges)
    items = [_Item(layer, width, [], []) for layer, width in zip(layers, widths, strict=True)]
    chains = [_chain(items, source, target) for source, target in edges]
    rows = _ordered(items)
    _place(items, rows)
    left = min(item.x - item.width / 2 for item in items) - _MARGIN
    for item in items:
        item.x -= left
    right = max(item.x + item.width / 2 for item in items)
    step = height + _GAP_Y
    middles = [(item.x, _MARGIN + item.layer * step + height / 2) for item in items]
    lines = [_line(chain, middles, height) for chain in chains]
    bottom = 2 * _MARGIN + (len(rows) - 1) * step + height
    return Drawing(right + _MARGIN, bottom, middles[: len(widths)], lines)


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


def _chain(items: list[_Item], source: int, target: int) -> list[int]:
    """The edge as a chain of items, with a bend in each layer that it passes."""
    chain = [source]
    for layer in range(items[source].layer + 1, items[target].layer):
        items.append(_Item(layer, _BEND_WIDTH, [], []))
        chain.append(len(items) - 1)
    chain.append(target)
    if items[source].layer < items[target].layer:
        for upper, lower in pairwise(chain):
            items[upper].below.append(lower)
            items[lower].above.append(upper)
    return chain


def _ordered(items: list[_Item]) -> list[list[int]]:
    """The items of each layer from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(item.layer for item in items) + 1)]
    for number, item in enumerate(items):
        rows[item.layer].append(number)
    best, fewest = [row[:] for row in rows], _crossings(items, rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            _sort_row(items, rows, row, is_down)
        crossings = _crossings(items, rows)
        if crossings < fewest:
            best, fewest = [row[:] for row in rows], crossings
    return best


def _sort_row(items: list[_Item], rows: list[list[int]], row: list[int], is_down: bool) -> None:
    places = {number: place for other in rows for place, number in enumerate(other)}

    def barycentre(number: int) -> float:
        neighbours = items[number].above if is_down else items[number].below
        return sum(places[other] for other in neighbours) / len(neighbours) if neighbours else places[number]

    row.sort(key=barycentre)


def _crossings(items: list[_Item], rows: list[list[int]]) -> int:
    places = {number: place for row in rows for place, number in enumerate(row)}
    crossings = 0
    for row in rows:
        ends = [sorted(places[other] for other in items[number].below) for number in row]
        seen: list[int] = []
        for below in ends:
            crossings += sum(1 for end in below for before in seen if before > end)
            seen.extend(below)
    return crossings


def _place(items: list[_Item], rows: list[list[int]]) -> None:
    for row in rows:
        x = 0.0
        for number in row:
            items[number].x = x + items[number].width / 2
            x += items[number].width + _GAP_X
        for number in row:
            items[number].x -= (x - _GAP_X) / 2
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
    return (items[left].width + items[right].width) / 2 + _GAP_X


def _line(chain: list[int], middles: list[Point], height: float) -> list[Point]:
    start, end = middles[chain[0]], middles[chain[-1]]
    return [(start[0], start[1] + height / 2), *(middles[bend] for bend in chain[1:-1]), (end[0], end[1] - height / 2)]
