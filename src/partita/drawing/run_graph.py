"""The graph of a run as an SVG picture for a page: every step and every box is a link, and each state has its sign.

The picture holds no scripts and no styles of its own elements, so that it may stand in a page with a strict content policy. A
script may change states while the run goes on, with what `group_states` gives: it never changes where things lie.

    <g|a data-step="12" class="node is-running" aria-label="..."> ... <use class="sign" href="#run-running"/> ...
    <g data-group="fit[]" class="group is-running has-failed"> ... <text class="small caption">812 of 1,000</text>
        <svg> <rect class="part is-succeeded" x="0%" width="81.2%"/> ... </svg>
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import log2
from typing import Any, NamedTuple

from partita.drawing.cells import fit, plain, width
from partita.drawing.outline import PAGE, Box, Outline, Page, outline_of, state_of
from partita.drawing.picture_style import picture_style, sign, signs
from partita.drawing.run_layout import HEAD, Arrangement, Item, Line, Tell, arranged, caption_of, seen
from partita.protocol.paths import short_path
from partita.protocol.requests import StepView

__all__ = ["GraphLinks", "GraphNode", "group_states", "run_graph"]

_PARTS = ("succeeded", "failed", "running", "waiting")
_LABEL_CELLS = 30
_NAMED_INPUTS = 3
_BAR = 5


class GraphNode(NamedTuple):
    """What a link leads to."""

    step: int | None  # None: a map or many calls of one task, which are no step of their own
    path: str  # of the step; else the box's key
    kind: str  # "task", "flow", "map", "repeat", "settle", "wait", "undo"


def _nowhere(*_: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class GraphLinks:
    """Addresses for a graph's links; an empty one is no link."""

    step: Callable[[GraphNode], str] = _nowhere  # of a step, or of all steps of a map
    toggle: Callable[[str], str] = _nowhere  # of the page on which the box of this key is open, or closed
    turn: Callable[[str, str], str] = _nowhere  # of the page with page "3" or "failed-1" of the box of this key


def run_graph(
    steps: Sequence[StepView] | Outline,
    links: GraphLinks,
    *,
    opened: Collection[str] | None = None,
    pages: Mapping[str, str] | None = None,
    title: str = "",
    prefix: str = "run",
    tell: Tell = str,
    has_style: bool = False,
) -> str:
    """The picture.

    Args:
        opened: keys of the boxes that are open; None: as `Outline.opened_at_first` has it.
        pages: for boxes of very many by key what is shown: "3" (the third hundred) or "failed-1".
        title: the run's name, for screen readers.
        prefix: of the ids in the picture; pictures of one page need different ones.
        tell: gives words and sentences with names in braces in the reader's language.
        has_style: put `picture_style.STYLE` in; else the page has it.
    """
    outline = steps if isinstance(steps, Outline) else outline_of(steps)
    shown = arranged(outline, outline.opened_at_first() if opened is None else opened, pages or {}, tell)
    return _Picture(shown, links, prefix, tell).drawn(title, has_style)


def group_states(
    steps: Sequence[StepView] | Outline,
    *,
    opened: Collection[str] | None = None,
    pages: Mapping[str, str] | None = None,
    tell: Tell = str,
) -> dict[str, dict[str, dict[str, Any]]]:
    """What a graph with these boxes open shows by now: for "steps" and "groups" by the values of `data-step` and `data-group`.

    Each has "state", "label" (for `aria-label`) and "caption"; groups also have "counts" by state, "total", "failed", and "bar",
    which says for each part of the bar where it begins and how wide it is, in percent.
    """
    outline = steps if isinstance(steps, Outline) else outline_of(steps)
    items = seen(outline, outline.opened_at_first() if opened is None else opened, pages or {})
    found: dict[str, dict[str, dict[str, Any]]] = {"steps": {}, "groups": {}}
    for item in items[1:]:
        told: dict[str, Any] = {
            "state": state_of(item.child), "label": _spoken(item, tell), "caption": caption_of(item, tell)
        }  # fmt: skip
        box = item.box
        if box is None:
            found["steps"][str(item.child["id"])] = told  # type: ignore[index]
        else:
            told |= {"counts": box.counts, "total": box.total, "failed": box.failed, "bar": _shares(box)}
            found["groups"][box.key] = told
    return found


def _shares(box: Box) -> dict[str, list[float]]:
    at, total, shares = 0.0, max(box.total, 1), {}
    for state in _PARTS:
        share = round(100 * box.counts.get(state, 0) / total, 2)
        shares[state] = [round(at, 2), share]
        at += share
    return shares


def _spoken(item: Item, tell: Tell) -> str:
    """What a screen reader says, but for what it comes after."""
    box, step, state = item.box, item.step, state_of(item.child)
    if box is None:
        assert step is not None
        caption = caption_of(item, tell)
        return plain(short_path(step["path"])) + f", {tell(state)}" + (f", {caption}" if caption else "")
    kind = tell({"map": "map", "repeat": "calls"}.get(box.kind, "flow"))
    return f"{plain(_path(item))}, {kind}, {tell(state)}, {caption_of(item, tell)}"


def _path(item: Item) -> str:
    if item.step is not None:
        return short_path(item.step["path"])
    assert item.box is not None
    around = item.parent.step if item.parent is not None and item.parent.parent is not None else None
    return (f"{short_path(around['path'])}/" if around is not None else "") + item.box.label


class _Picture:
    def __init__(self, shown: Arrangement, links: GraphLinks, prefix: str, tell: Tell) -> None:
        self._shown = shown
        self._links = links
        self._prefix = escape(prefix)
        self._tell = tell

    def drawn(self, title: str, has_style: bool) -> str:
        top = self._shown.top
        told = self._tell("Graph of {name}").format(name=plain(title)) if title else self._tell("Graph")
        left_out = self._shown.left_out
        is_noted = left_out or not self._shown.items[1:]
        wide, high = max(top.width, 300.0 if is_noted else 0.0), top.height + (28 if is_noted else 0)
        lines = [
            f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{escape(told)}" '
            f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}">',
            picture_style(is_alone=has_style),
            f'<defs>{signs(self._prefix)}<marker id="{self._prefix}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto">'
            '<path class="tip" d="M0 0.8 L8 4 L0 7.2 z"/></marker></defs>',
        ]
        ahead: list[Item | str] = [top]
        while ahead:
            item = ahead.pop()
            if isinstance(item, str):
                lines.append(item)
            elif item.is_open:
                if item.parent is not None:
                    lines += self._frame(item)
                    ahead.append("</g>")
                lines += self._edges(item)
                lines += self._pager(item)
                ahead.extend(reversed(item.shown))
            elif item.box is not None:
                lines += self._closed(item, item.box)
            else:
                lines += self._node(item)
        if is_noted:
            note = self._tell("no steps yet") if not left_out else self._tell("{count} edges are not drawn")
            note = note.format(count=f"{left_out:,}")
            lines.append(f'<text class="small" x="16" y="{high - 12:.0f}">{escape(note)}</text>')
        return "\n".join([*filter(None, lines), "</svg>", ""])

    # Edges

    def _edges(self, item: Item) -> list[str]:
        if not item.lines:
            return []
        return ['<g aria-hidden="true">', *(self._edge(item, line) for line in item.lines), "</g>"]

    def _edge(self, item: Item, line: Line) -> str:
        kind = "edge is-fallback" if line.is_fallback else "edge"
        # To a border from inside there is no tip: the edge goes on from there.
        tip = "" if line.target == item.number else f' marker-end="url(#{self._prefix}-tip)"'
        size = f' stroke-width="{min(1.3 + log2(line.count) / 3, 5):.1f}"' if line.count > 1 else ""
        told = f"<title>{line.count:,} {escape(self._tell('edges'))}</title>" if line.count > 1 else ""
        path = f'<path class="{kind}"{size}{tip} d="{_curve(line, item.x, item.y)}"'
        return f"{path}>{told}</path>" if told else f"{path}/>"

    # Boxes

    def _node(self, item: Item) -> list[str]:
        step, state = item.child, state_of(item.child)
        assert not isinstance(step, Box)
        caption = caption_of(item, self._tell)
        kinds = f"node is-{state}" + (" is-later" if item.is_later else "")
        address = self._links.step(GraphNode(step["id"], step["path"], step["kind"]))
        middle = item.height / 2
        y = middle - 3 if caption else middle + 4.5
        lines = [
            self._opening(address, f'class="{kinds}" data-step="{step["id"]}"', item, self._label(item)),
            f"<title>{escape(self._tooltip(step))}</title>",
            _rectangle(item, item.height / 2 if step["kind"] == "settle" else 7),
            sign(self._prefix, state, 9, y - 11.5),
            f'<text class="name" x="30" y="{y:.0f}">{escape(fit(item.label, _LABEL_CELLS))}</text>',
        ]
        if caption:
            lines.append(f'<text class="small caption" x="12" y="{middle + 14:.0f}">{escape(caption)}</text>')
        done = step["progress"] if state == "running" else None
        if done and done[1]:
            share = min(max(done[0] / done[1], 0.0), 1.0) * (item.width - 4)
            lines.append(
                f'<rect class="part is-running" x="2" y="{item.height - 4:.0f}" width="{share:.0f}" height="3" rx="1.5"/>'
            )
        return [*lines, "</a>" if address else "</g>"]

    def _closed(self, item: Item, box: Box) -> list[str]:
        state, bar = box.state, item.width - 24
        lines = [
            f'<g class="{_kinds(box)}" {_keys(box)} role="group" aria-label="{escape(_spoken(item, self._tell))}" '
            f'transform="translate({item.x:.0f} {item.y:.0f})">'
        ]
        if box.kind != "flow":
            wide, high = item.width, item.height
            lines += [
                f'<path class="back" d="M{wide - 2:.0f} {back}h{back + 2}V{high + back:.0f}H{back}v-{back + 2}"/>'
                for back in (6, 3)
            ]
        lines.append(_rectangle(item, 7))
        lines += self._named(item, box, 8, 6)
        lines.append(sign(self._prefix, state, 34, 6))
        lines.append(f'<svg x="12" y="29" width="{bar:.0f}" height="{_BAR}">')
        lines.append(f'<rect class="rest" width="100%" height="{_BAR}" rx="2"/>')
        lines += [
            f'<rect class="part is-{part}" x="{at:g}%" width="{share:g}%" height="{_BAR}"/>'
            for part, (at, share) in _shares(box).items()
        ]
        lines.append("</svg>")
        caption = caption_of(item, self._tell)
        lines.append(f'<text class="small caption" x="12" y="47">{escape(caption)}</text>')
        return [*lines, "</g>"]

    def _frame(self, item: Item) -> list[str]:
        box = item.box
        assert box is not None
        name = fit(item.label, _LABEL_CELLS)
        lines = [
            f'<g class="{_kinds(box)}" {_keys(box)} role="group" aria-label="{escape(_spoken(item, self._tell))}">',
            f'<rect class="frame" x="{item.x:.0f}" y="{item.y:.0f}" width="{item.width:.0f}" height="{item.height:.0f}" rx="9"/>',
            f'<g transform="translate({item.x:.0f} {item.y:.0f})">',
        ]
        lines += self._named(item, box, 8, 7, is_open=True)
        lines.append(sign(self._prefix, box.state, 34, 7))
        x = 54 + width(name) * 9.0 + 10
        caption = caption_of(item, self._tell)
        lines.append(f'<text class="small caption" x="{x:.0f}" y="{HEAD - 10:.0f}">{escape(caption)}</text></g>')
        return lines

    def _named(self, item: Item, box: Box, x: float, y: float, *, is_open: bool = False) -> list[str]:
        """What opens and closes a box, and its name."""
        name = escape(fit(item.label, _LABEL_CELLS))
        spoken = self._tell("close {name}" if is_open else "open {name}").format(name=plain(_path(item)))
        toggle = self._links.toggle(box.key)
        shape = (
            f'<rect class="reach" x="{x - 6:.0f}" y="{y - 5:.0f}" width="26" height="26"/>'
            f'<rect x="{x:.0f}" y="{y:.0f}" width="15" height="15" rx="3"/>'
            f'<path d="M{x + 3.5:g} {y + 7.5:g}h8{"" if is_open else "m-4-4v8"}"/>'
        )
        lines = []
        if toggle:
            told = f'aria-label="{escape(spoken)}" aria-expanded="{"true" if is_open else "false"}" role="button"'
            lines.append(f'<a class="toggle" href="{escape(toggle)}" {told}><title>{escape(spoken)}</title>{shape}</a>')
        step = box.step
        node = (
            GraphNode(step["id"], step["path"], "map" if box.kind == "map" else "flow")
            if step
            else GraphNode(None, box.key, box.kind)
        )
        address = self._links.step(node) or ("" if step else toggle)
        text = f'<text class="name strong" x="54" y="{y + 12.5:.0f}">{name}</text>'
        title = f"<title>{escape(plain(_path(item)))}</title>"
        lines.append(f'<a href="{escape(address)}">{title}{text}</a>' if address else f"<g>{title}{text}</g>")
        return lines

    def _pager(self, item: Item) -> list[str]:
        """Links to the other pages of a box of very many."""
        box, page = item.box, item.page
        if box is None or page is None:
            return []
        total = item.found if page.is_failed else len(box.children)
        last = max(-(-total // PAGE), 1)
        number = min(page.number, last)
        first = (number - 1) * PAGE + 1
        told = self._tell(
            "{first} to {last} of {total} that failed" if page.is_failed else "{first} to {last} of {total}"
        )
        told = told.format(first=f"{first:,}", last=f"{min(first + PAGE - 1, total):,}", total=f"{total:,}")
        links: list[tuple[str, str]] = []
        if number > 1:
            links.append((str(Page(number - 1, page.is_failed)), "previous"))
        if number < last:
            links.append((str(Page(number + 1, page.is_failed)), "next"))
        if page.is_failed:
            links.append(("1", "all"))
        elif item.found:
            links.append(("failed-1", "only those that failed"))
        x, y = item.x + 16, item.y + item.height - 12
        lines = [f'<text class="small" x="{x:.0f}" y="{y:.0f}">{escape(told)}</text>']
        x += len(told) * 6.4 + 14
        for name, word in links:
            address = self._links.turn(box.key, name)
            shown = self._tell(word)
            if address:
                spoken = escape(f"{plain(_path(item)) or self._tell('run')}: {shown}")
                lines.append(
                    f'<a class="turn" href="{escape(address)}" aria-label="{spoken}">'
                    f'<rect x="{x - 4:.0f}" y="{y - 16:.0f}" width="{len(shown) * 6.6 + 8:.0f}" height="24" fill-opacity="0"/>'
                    f'<text class="small" x="{x:.0f}" y="{y:.0f}">{escape(shown)}</text></a>'
                )
                x += len(shown) * 6.6 + 16
        return lines

    # Words

    def _label(self, item: Item) -> str:
        told = _spoken(item, self._tell)
        names = [
            self._shown.items[number].label if number else "" for number in list(item.sources)[: _NAMED_INPUTS + 1]
        ]
        names = [name for name in names if name]
        if not names:
            return told
        more = len(item.sources) - _NAMED_INPUTS
        named = ", ".join(names[:_NAMED_INPUTS])
        if more > 0:
            named = self._tell("{names} and {count} more").format(names=named, count=f"{more:,}")
        return f"{told}, " + self._tell("after {names}").format(names=named)

    def _tooltip(self, step: StepView) -> str:
        told = plain(short_path(step["path"])) + (f" ({plain(step['place'])})" if step["place"] else "")
        error = step["error"]
        if error is not None:
            told += "\n" + fit(plain(f"{error.get('type', '')}: {error.get('message', '')}".strip(": ")), 200)
        elif step["preview"]:
            told += "\n" + fit(plain(step["preview"]), 100)
        return told

    def _opening(self, address: str, told: str, item: Item, label: str) -> str:
        place = f'transform="translate({item.x:.0f} {item.y:.0f})" aria-label="{escape(label)}"'
        return f'<a {told} href="{escape(address)}" {place}>' if address else f'<g {told} role="img" {place}>'


def _kinds(box: Box) -> str:
    return f"group is-{box.state}" + (" has-failed" if box.failed else "")


def _keys(box: Box) -> str:
    step = f' data-step="{box.step["id"]}"' if box.step is not None else ""
    return f'data-group="{escape(box.key)}"{step}'


def _rectangle(item: Item, radius: float) -> str:
    return f'<rect class="shape" width="{item.width:.0f}" height="{item.height:.0f}" rx="{radius:g}"/>'


def _curve(line: Line, x: float, y: float) -> str:
    points = line.points
    if line.is_back:
        first, *others = (f"{across + x:.0f} {down + y:.0f}" for across, down in points)
        return f"M{first}C{' '.join(others)}"
    parts = [f"M{points[0][0] + x:.0f} {points[0][1] + y:.0f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 1:
            parts.append(f"V{y1 + y:.0f}")
        else:
            middle = (y0 + y1) / 2 + y
            parts.append(f"C{x0 + x:.0f} {middle:.0f} {x1 + x:.0f} {middle:.0f} {x1 + x:.0f} {y1 + y:.0f}")
    return "".join(parts)
