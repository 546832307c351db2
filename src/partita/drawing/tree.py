"""A graph as text: flows hold their steps, and an arrow names what a step needs."""

from __future__ import annotations

from collections.abc import Iterator

from partita.drawing.graph import Graph, Node

__all__ = ["tree_text"]

_Tree = dict[str, "Node | _Tree"]
_NICE = ("├─ ", "└─ ", "│  ", "←", "×")
_PLAIN = ("|- ", "`- ", "|  ", "<-", "x")


def tree_text(graph: Graph, *, is_unicode: bool = True) -> str:
    """The graph as an indented tree, in the order in which the flow's body made it."""
    tree: _Tree = {}
    for node in graph.nodes:
        at = tree
        for name in node.inside:
            below = at.setdefault(f"{name}/", {})
            assert isinstance(below, dict)
            at = below
        at[f"{node.name}#{node.number}"] = node
    marks = _NICE if is_unicode else _PLAIN
    return "\n".join([graph.title, *_lines(graph, tree, "", marks)])


def _lines(graph: Graph, tree: _Tree, indent: str, marks: tuple[str, ...]) -> Iterator[str]:
    branch, last, bar, arrow, times = marks
    for position, (name, item) in enumerate(tree.items()):
        is_last = position == len(tree) - 1
        head = indent + (last if is_last else branch)
        if isinstance(item, Node):
            needed = ", ".join(_short(node, item) for node in graph.inputs_of(item.number))
            what = "map" if item.is_map else "flow"
            later = f"  (a {what}, laid out when its inputs are known)" if item.is_later else ""
            kind = "  (outcome)" if item.kind == "settle" else ""
            label = item.label.replace("×", times)
            yield f"{head}{label}{later}{kind}" + (f"  {arrow} {needed}" if needed else "")
        else:
            yield head + name
            yield from _lines(graph, item, indent + ("   " if is_last else bar), marks)


def _short(node: Node, reader: Node) -> str:
    """The node's name, as short as it is clear where the reader stands."""
    return node.name if node.inside == reader.inside else "/".join((*node.inside, node.name))
