"""A graph in Mermaid's notation, which GitHub and many editors draw."""

from __future__ import annotations

import html

from partita.drawing.graph import Graph, Node

__all__ = ["mermaid_text"]


def mermaid_text(graph: Graph) -> str:
    """A `flowchart`; flows that are laid out become subgraphs."""
    lines = ["---", f"title: {_quoted(graph.title)}", "---", "flowchart TD"]
    groups: dict[tuple[str, ...], list[Node]] = {}
    for node in graph.nodes:
        groups.setdefault(node.inside, []).append(node)
    _add(lines, groups, (), [0], "    ")
    lines += [f"    n{source} --> n{target}" for source, target in graph.edges]
    later = [f"n{node.number}" for node in graph.nodes if node.is_later]
    if later:
        lines += ["    classDef later stroke-dasharray: 5 4", f"    class {','.join(later)} later"]
    return "\n".join(lines)


def _add(
    lines: list[str], groups: dict[tuple[str, ...], list[Node]], inside: tuple[str, ...], count: list[int], indent: str
) -> None:
    for node in groups.get(inside, ()):
        lines.append(f"{indent}{_box(node)}")
    depth = len(inside)
    for below in dict.fromkeys(path[: depth + 1] for path in groups if len(path) > depth and path[:depth] == inside):
        count[0] += 1
        lines.append(f"{indent}subgraph s{count[0]}[{_quoted(below[-1])}]")
        _add(lines, groups, below, count, indent + "    ")
        lines.append(f"{indent}end")


def _box(node: Node) -> str:
    label = _quoted(node.label)
    if node.kind == "settle":
        return f"n{node.number}([{label}])"
    return f"n{node.number}[[{label}]]" if node.is_later else f"n{node.number}[{label}]"


def _quoted(text: str) -> str:
    escaped = html.escape(text, quote=False).replace('"', "#quot;").replace("`", "#96;")
    return f'"{escaped}"'
