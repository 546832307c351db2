"""The steps of a run as boxes in boxes: flows, maps, and what is called very often. Made in one pass, for 10,000 steps.

    run      what holds everything; it is not drawn
    flow     one call of a flow that has been laid out
    map      the elements of a map
    repeat   many calls of one task in one flow

The rounds of a flow that calls itself lie side by side in the box of its first round, not in each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count, pairwise
from operator import itemgetter

from partita.drawing.cells import plain
from partita.drawing.progress import FINAL_STATES, is_map_name
from partita.protocol.requests import STATES, StepView

__all__ = ["PAGE", "Box", "Outline", "Page", "base_name", "outline_of", "state_of"]

#: So many boxes of one box are shown at once.
PAGE = 100
#: So many are shown at first in all.
SHOWN_AT_FIRST = 150
#: A flow's calls of one task get a box of their own when there are so many.
_REPEATS = 13
#: A map of more elements is closed at first, if none of them failed.
_OPEN_MAP = 24
_KINDS_OF_ELEMENTS = frozenset({"task", "flow", "undo"})
_PAGE_NAME = re.compile(r"(failed-)?([1-9][0-9]{0,8})")


@dataclass(slots=True, eq=False)
class Box:
    """Steps that are shown as one, or in a frame."""

    key: str  # unique in the run and the same however the run goes on: "train/fit[]"
    name: str
    kind: str  # see the module's docstring
    step: StepView | None  # the flow's or the map's own; None: it has none
    parent: Box | None
    children: list[Box | StepView] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # elements of a map, or steps of a flow, by state
    failed: int = 0  # steps that failed, at whatever depth
    maps: dict[str, Box] = field(default_factory=dict)  # the maps in it that have no step of their own, by name
    first_round: Box | None = None  # of a flow that calls itself, where this is a later round
    rounds: int = 1  # how many there are by now; of a later one, which it is

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return sum(number for state, number in self.counts.items() if state in FINAL_STATES)

    @property
    def state(self) -> str:
        """That of its own step; without one, the state that a reader wants to know first."""
        if self.step is not None:
            return self.step["state"]
        for state in ("running", "failed", "waiting"):
            if self.counts.get(state):
                return state
        if self.counts.get("succeeded") and self.done < self.total:
            return "running"
        return next(
            (state for state in ("ready", "pending", "cancelled", "succeeded") if self.counts.get(state)), "skipped"
        )

    @property
    def label(self) -> str:
        if self.kind == "flow":
            return f"{self.name} ↻{self.rounds:,}" if self.rounds > 1 and self.first_round is not None else self.name
        return f"{self.name.replace('[]', '')} ×{len(self.children):,}"


@dataclass(frozen=True, slots=True)
class Page:
    """Which of a box's children are shown."""

    number: int = 1
    is_failed: bool = False  # only those that failed

    @staticmethod
    def of(name: str) -> Page:
        """What "3" and "failed-3" stand for; the first page for what stands for nothing."""
        found = _PAGE_NAME.fullmatch("failed-1" if name == "failed" else name)
        return Page(int(found[2]), bool(found[1])) if found else Page()

    def __str__(self) -> str:
        return f"failed-{self.number}" if self.is_failed else str(self.number)


@dataclass(frozen=True, slots=True)
class Outline:
    """The boxes of a run."""

    root: Box
    steps: Sequence[StepView]  # in order of their numbers
    boxes: Mapping[int, Box]  # of steps that have boxes of their own
    inside: Mapping[int, Box]  # in which box a step lies
    gathers: Sequence[StepView]  # what only gathers the elements of maps; not shown

    def opened_at_first(self, at_most: int = SHOWN_AT_FIRST) -> frozenset[str]:
        """Keys of the boxes to open when nobody has said which: the ways to what failed first, then from the outside in."""
        shown, opened, order = _cost(self.root), [], count()
        ahead = [_rank(child, 1, next(order)) for child in self.root.children if isinstance(child, Box)]
        heapify(ahead)
        while ahead:
            _, depth, _, _, box = heappop(ahead)
            is_long = box.kind != "flow" and len(box.children) > _OPEN_MAP
            cost = _cost(box)
            if shown + cost > at_most or (is_long and not box.failed):
                continue
            shown += cost
            opened.append(box.key)
            for child in self.shown(box, {}):
                if isinstance(child, Box):
                    heappush(ahead, _rank(child, depth + 1, next(order)))
        return frozenset(opened)

    def page(self, box: Box, pages: Mapping[str, str]) -> Page:
        """The page of a box that is asked for, or else the one to begin with: what failed of very many."""
        name = pages.get(box.key)
        if name is not None:
            return Page.of(name)
        return Page(1, _begins_with_failures(box))

    def shown(self, box: Box, pages: Mapping[str, str]) -> list[Box | StepView]:
        """The children of a box on its page."""
        page = self.page(box, pages)
        found = [child for child in box.children if _has_failed(child)] if page.is_failed else box.children
        first = min((page.number - 1) * PAGE, max(len(found) - 1, 0) // PAGE * PAGE)
        return found[first : first + PAGE]


def base_name(name: str) -> str:
    """Without the number that tells calls of one name apart."""
    return name.partition("#")[0]


def state_of(child: Box | StepView) -> str:
    return child.state if isinstance(child, Box) else child["state"]


def outline_of(steps: Sequence[StepView]) -> Outline:
    """The boxes of steps, whatever is missing among them: what has no parent here lies outermost."""
    if any(before["id"] > after["id"] for before, after in pairwise(steps)):
        steps = sorted(steps, key=itemgetter("id"))
    root = Box("", "", "run", None, None)
    parents = {step["parent"] for step in steps}
    boxes: dict[int, Box] = {}
    inside: dict[int, Box] = {}
    gathers: list[StepView] = []
    if steps and steps[0]["parent"] < 0 and steps[0]["kind"] == "flow" and steps[0]["id"] in parents:
        root.step, boxes[steps[0]["id"]] = steps[0], root
    for step in steps:
        number, name, kind = step["id"], step["name"], step["kind"]
        scope = boxes.get(step["parent"], root)
        if kind == "gather":
            gathers.append(step)
            continue
        if number in boxes:
            continue
        if (name[-1:] == "]" or "]#" in name) and kind in _KINDS_OF_ELEMENTS:
            scope = _map_of(scope, name, kind)
        elif kind == "flow" and scope.kind == "flow" and base_name(name) == base_name(scope.name):
            scope = scope.first_round or scope
        inside[number] = scope
        if number in parents:
            boxes[number] = _flow_box(scope, step)
            scope.children.append(boxes[number])
        else:
            scope.children.append(step)
    outline = Outline(root, steps, boxes, inside, gathers)
    order = list(_from_outside(root))
    for box in order:
        _gather_repeats(box, inside)
    for box in reversed(list(_from_outside(root))):
        _count(box)
    return outline


def _map_of(scope: Box, name: str, kind: str) -> Box:
    """The box of the map whose element has this name."""
    at = name.find("[")
    base = f"{name[:at]}[]{name[name.rindex(']') + 1 :]}"
    if base == name and kind == "flow":
        return scope  # the map itself, which is laid out when its input is known
    if scope.kind == "map" and scope.step is not None:
        return scope
    found = scope.maps.get(base)
    if found is None:
        found = scope.maps[base] = Box(_key(scope, base), base, "map", None, scope)
        scope.children.append(found)
    return found


def _flow_box(scope: Box, step: StepView) -> Box:
    name = step["name"]
    if scope.kind == "flow" and base_name(name) == base_name(scope.name):
        scope.rounds += 1
        key = _key(scope, f"{name}@{step['id']}")
        return Box(key, name, "flow", step, scope, first_round=scope, rounds=scope.rounds)
    return Box(_key(scope, name), name, "map" if is_map_name(name) else "flow", step, scope)


def _key(scope: Box, name: str) -> str:
    return f"{scope.key}/{plain(name)}" if scope.key else plain(name)


def _from_outside(root: Box) -> Iterator[Box]:
    """All boxes, each before those in it."""
    ahead = [root]
    while ahead:
        box = ahead.pop()
        yield box
        ahead.extend(child for child in reversed(box.children) if isinstance(child, Box))


def _gather_repeats(box: Box, inside: dict[int, Box]) -> None:
    """Put many calls of one task into a box."""
    if len(box.children) < _REPEATS or box.kind in ("map", "repeat"):
        return
    found: dict[str, int] = {}
    names = [
        "" if isinstance(child, Box) and child.kind != "flow" else base_name(_name_of(child)) for child in box.children
    ]
    for name in names:
        found[name] = found.get(name, 0) + 1
    many = {name for name, number in found.items() if name and number >= _REPEATS}
    if not many:
        return
    repeats: dict[str, Box] = {}
    kept: list[Box | StepView] = []
    for name, child in zip(names, box.children, strict=True):
        if name not in many:
            kept.append(child)
            continue
        if name not in repeats:
            repeats[name] = Box(_key(box, f"{name}#"), name, "repeat", None, box)
            kept.append(repeats[name])
        repeats[name].children.append(child)
        if isinstance(child, Box):
            child.parent = repeats[name]
        else:
            inside[child["id"]] = repeats[name]
    box.children = kept


def _name_of(child: Box | StepView) -> str:
    return child.name if isinstance(child, Box) else child["name"]


def _count(box: Box) -> None:
    is_flow, counts, failed = box.kind in ("flow", "run"), box.counts, 0
    for child in box.children:
        if isinstance(child, Box):
            failed += child.failed
            if is_flow:
                for state, number in child.counts.items():
                    counts[state] = counts.get(state, 0) + number
                continue
            state = child.state
        else:
            state = child["state"]
            failed += state == "failed"
        counts[state] = counts.get(state, 0) + 1
    box.counts = {state: counts[state] for state in STATES if state in counts}
    box.failed = failed


def _has_failed(child: Box | StepView) -> bool:
    return child.failed > 0 or child.state == "failed" if isinstance(child, Box) else child["state"] == "failed"


def _begins_with_failures(box: Box) -> bool:
    """Of a flow's steps the first are shown first: there they have an order that matters."""
    return box.failed > 0 and box.kind in ("map", "repeat") and len(box.children) > PAGE


def _failures(box: Box) -> int:
    return sum(map(_has_failed, box.children))


def _cost(box: Box) -> int:
    """How many boxes there are more when this one is open."""
    if _begins_with_failures(box):
        return min(_failures(box), PAGE)
    return min(len(box.children), PAGE)


def _rank(box: Box, depth: int, number: int) -> tuple[int, int, int, int, Box]:
    return (0 if box.failed else 1, depth, len(box.children), number, box)
