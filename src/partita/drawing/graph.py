"""Steps as nodes of a drawing: the elements of a map are one node, and what only gathers them is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from partita.drawing.cells import clean
from partita.drawing.progress import FINAL_STATES, group_name, is_map_name
from partita.protocol.requests import StepView

__all__ = ["Graph", "Node", "build_graph"]

#: So far up an edge into a flow is looked for.
_DEEPEST = 32


@dataclass(slots=True)
class Node:
    """One box."""

    number: int
    name: str  # last part of the path, without map keys
    inside: tuple[str, ...]  # names of the flows around it, from the outside in
    kind: str
    count: int = 1  # how many steps it stands for
    is_map: bool = False
    is_later: bool = False  # a flow or a map that is laid out when its inputs are known
    place: str = ""  # "file.py:12" of the call
    states: dict[str, int] = field(default_factory=dict)  # how many of its steps are in which state

    @property
    def state(self) -> str:
        """The state that a reader wants to know first."""
        for state in ("running", "failed", "waiting", "ready", "pending", "cancelled", "succeeded"):
            if self.states.get(state):
                return state
        return "skipped"

    @property
    def label(self) -> str:
        if not self.is_map:
            return f"{self.name} ×{self.count:,}" if self.count > 1 else self.name
        return f"{self.name} ×n" if self.is_later else f"{self.name} ×{self.count:,}"


@dataclass(slots=True)
class Graph:
    """What is known of a flow before it runs."""

    title: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)  # (from, to), in the order of the steps

    def inputs_of(self, number: int) -> list[Node]:
        return [self.nodes[source] for source, target in self.edges if target == number]


def build_graph(title: str, steps: Sequence[StepView]) -> Graph:
    """The graph of steps that a layout made. Steps name what they need by number; unknown numbers are left out."""
    by_number = {step["id"]: step for step in steps}
    paths = _paths(steps)
    children: dict[int, list[int]] = {}
    for step in steps:
        children.setdefault(step["parent"], []).append(step["id"])
    root = steps[0]["id"] if steps and _is_root(steps, children) else -1
    graph = Graph(title)
    node_of: dict[int, int] = {}
    numbers: dict[tuple[str, ...], int] = {}
    for step in steps:
        if step["id"] == root or step["kind"] == "gather" or (step["kind"] == "flow" and step["id"] in children):
            continue
        path = _without_rounds([group_name(part) for part in paths[step["id"]]])
        if path not in numbers:
            numbers[path] = len(graph.nodes)
            graph.nodes.append(_node(len(graph.nodes), path, step))
        else:
            graph.nodes[numbers[path]].count += 1
        states = graph.nodes[numbers[path]].states
        states[step["state"]] = states.get(step["state"], 0) + 1
        node_of[step["id"]] = numbers[path]
    sources = _Sources(by_number, children, node_of)
    edges: dict[tuple[int, int], None] = {}
    for step in steps:
        target = node_of.get(step["id"])
        if target is not None:
            needed = [*step["inputs"], step["fallback_of"]] if step["fallback_of"] >= 0 else step["inputs"]
            needed = needed or _inputs_of_flow(step, by_number)
            edges.update(dict.fromkeys((source, target) for source in sources.of(needed) if source != target))
    graph.edges = list(edges)
    return graph


def _is_root(steps: Sequence[StepView], children: dict[int, list[int]]) -> bool:
    return steps[0]["parent"] < 0 and len(children.get(-1, ())) == 1 and steps[0]["kind"] == "flow" and len(steps) > 1


def _paths(steps: Iterable[StepView]) -> dict[int, tuple[str, ...]]:
    paths: dict[int, tuple[str, ...]] = {}
    for step in steps:
        paths[step["id"]] = (*paths.get(step["parent"], ()), clean(step["name"]))
    first = next(iter(paths), None)
    if first is not None and len(paths) > 1 and all(path[0] == paths[first][0] for path in paths.values()):
        return {number: path[1:] or path for number, path in paths.items()}
    return paths


def _inputs_of_flow(step: StepView, steps: dict[int, StepView]) -> list[int]:
    """What the flow around a step waited for before it was laid out."""
    for _ in range(_DEEPEST):
        flow = steps.get(step["parent"])
        if flow is None or flow["inputs"]:
            return flow["inputs"] if flow is not None else []
        step = flow
    return []


def _without_rounds(names: list[str]) -> tuple[str, ...]:
    """The rounds of a flow that calls itself share their boxes."""
    return tuple(name for place, name in enumerate(names) if not place or names[place - 1] != name)


def _node(number: int, path: tuple[str, ...], step: StepView) -> Node:
    name = path[-1]
    return Node(
        number,
        name.replace("[]", "") if is_map_name(name) else name,
        path[:-1],
        step["kind"],
        is_map=any(map(is_map_name, path)),
        is_later=step["kind"] == "flow" and step["state"] not in FINAL_STATES,
        place=step["place"],
    )


class _Sources:
    """Finds the nodes that a needed step stands for: itself, what a gather gathers, or the last steps of a flow."""

    def __init__(self, steps: dict[int, StepView], children: dict[int, list[int]], node_of: dict[int, int]) -> None:
        self._steps = steps
        self._children = children
        self._node_of = node_of
        self._known: dict[int, list[int]] = {}

    def of(self, needed: Iterable[int]) -> list[int]:
        found: dict[int, None] = {}
        for number in needed:
            found.update(dict.fromkeys(self._of_one(number)))
        return list(found)

    def _of_one(self, number: int) -> list[int]:
        known = self._known.get(number)
        if known is not None:
            return known
        if number in self._node_of:
            found = [self._node_of[number]]
        elif number not in self._steps:
            found = []
        elif self._steps[number]["kind"] == "gather":
            found = self.of(self._steps[number]["inputs"])
        else:
            found = self.of(self._last_of(self._children.get(number, [])))
        self._known[number] = found
        return found

    def _last_of(self, inside: list[int]) -> list[int]:
        needed = {source for number in inside for source in self._steps[number]["inputs"]}
        return [number for number in inside if number not in needed]
