"""Artifacts and their lineage as tables, trees and graphs."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from partita.cli.output import Cell, Output
from partita.drawing.cells import clean
from partita.drawing.graph import Graph, Node
from partita.drawing.record import record_lines
from partita.drawing.results import result_text
from partita.errors import NotFoundError
from partita.protocol.artifacts import ArtifactView, FoundArtifact, LineageNode, LineageView
from partita.units import duration_text, size_text

__all__ = ["lineage_graph", "tell_artifact", "tell_artifacts", "tell_lineage"]

Record = dict[str, Any] | None

_PICTURES = ("image", "html")
_NICE = ("├─ ", "└─ ", "│  ")
_PLAIN = ("|- ", "`- ", "|  ")
_HOW = {"layout": "by a flow laid out from it"}


def tell_artifacts(output: Output, views: list[ArtifactView], *, is_cut: bool) -> None:
    """One row an artifact."""
    if not views:
        output.flush()
        output.note("No step has made such a value.")
        return
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(view["name"], "bold"), view["type"], size_text(view["size_bytes"]), _age(view["made_at"], now),
         view["hash"][:10], ", ".join(view["made_from"][:3]) + (", …" if len(view["made_from"]) > 3 else ""),
         view["preview"]]
        for view in views
    ]  # fmt: skip
    output.table(["ARTIFACT", "TYPE", "SIZE", "AGE", "HASH", "MADE FROM", "VALUE"], rows)
    if is_cut:
        output.flush()
        output.note("There are more; --limit shows them.")


def _age(moment: float | None, now: float) -> str:
    return duration_text(max(now - moment, 0.0)) if moment is not None else ""


def tell_artifact(output: Output, found: FoundArtifact, lineage: LineageView, record: dict[str, Any] | None) -> None:
    """Everything about one."""
    view = found["view"]
    output.line(output.paint(clean(view["name"]), "bold"))
    start = next(node["number"] for node in lineage["nodes"] if node["is_start"])
    made_from = [_label(lineage, one, view["run"]) for one, other, how in lineage["edges"] if other == start]
    users = [_label(lineage, other, view["run"]) for one, other, how in lineage["edges"] if one == start]
    about = [
        ("type", view["type"]),
        ("codec", view["codec"]),
        ("size", size_text(view["size_bytes"])),
        ("hash", view["hash"]),
        ("made by", f"{view['path']} of run {view['run']} ({view['flow']})"),
        ("how", ", ".join(view["marks"])),
        ("made", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view["made_at"])) if view["made_at"] else ""),
        ("made from", _some(made_from)),
        ("used by", _some(users)),
    ]
    for name, told in about:
        if told:
            output.line(f"  {output.paint(f'{name:<10}', 'dim')} {clean(told)}")
    text = "" if view["kind"] == "blob" else result_text(found["node"], output.columns(output.out) or 100)
    output.line()
    lines = record_lines(record, output.columns(output.out) or 120, is_unicode=output.can_show("▁█")) if record else []
    for line in lines or [text if text and len(text) < 4000 else clean(view["preview"])]:
        output.line(line)
    if found["parts"] and view["kind"] == "parts":
        output.line()
        rows: list[list[Cell | str]] = [
            [part["name"], part["type"], size_text(part["size_bytes"]), part["hash"][:10], part["preview"]]
            for part in found["parts"][:50]
        ]
        output.table(["PART", "TYPE", "SIZE", "HASH", "VALUE"], rows)


def write_picture(output: Output, found: FoundArtifact, record_of: Callable[[str], Record], file: Path) -> None:
    """Write what is kept of a value to be looked at elsewhere; of a structure, what is kept of the only part that has such.

    Args:
        record_of: what is kept of a blob.

    Raises:
        NotFoundError: no picture and no HTML is kept of it, or of several parts; names them.
    """
    from partita.workspace.inventory import shown_hash

    name = found["view"]["name"]
    digests = {name: shown_hash(found), **{part["name"]: part["hash"] for part in found["parts"]}}
    records = {one: record_of(digest) for one, digest in digests.items() if digest}
    pictures = {one: record for one, record in records.items() if record and record["kind"] in _PICTURES}
    shown, record = (
        (name, pictures.get(name)) if name in pictures or len(pictures) != 1 else next(iter(pictures.items()))
    )
    if record is None:
        told = f"name one of its parts: {_some(list(pictures))}" if pictures else ""
        told = told or f"`partita artifacts get {shlex.quote(name)}` writes the value itself"
        raise NotFoundError(f"no picture is kept of {name} as a whole; {told}")
    file.write_bytes(record["png"] if record["kind"] == "image" else record["html"].encode())
    output.flush()
    output.note(f"Wrote {file}{f', the picture of {shown}' if shown != name else ''}.")


def _some(labels: list[str]) -> str:
    return ", ".join(labels[:8]) + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")


def _label(lineage: LineageView, number: int, run: str) -> str:
    node = lineage["nodes"][number]
    return node["path"] if node["run"] == run else f"{node['run']}:{node['path']}"


def tell_lineage(output: Output, lineage: LineageView, ways: str) -> None:
    """As trees: what it came from, and what came of it."""
    start = next(node for node in lineage["nodes"] if node["is_start"])
    marks = _NICE if output.can_show("├─└│") else _PLAIN
    output.line(output.paint(clean(lineage["name"]), "bold"))
    for way, title in (("up", "came from"), ("down", "went into")):
        if ways in ("both", way):
            output.line(f"  {title}", "dim")
            lines = _tree(lineage, start, marks, is_up=way == "up")
            for line in lines or ["nothing"]:
                output.line(f"  {line}")
    if lineage["is_cut"]:
        output.flush()
        output.note("There is more; --depth and --limit show it.")


def _tree(lineage: LineageView, start: LineageNode, marks: tuple[str, ...], *, is_up: bool) -> list[str]:
    """A step that comes twice is drawn with what is behind it the first time only."""
    near: dict[int, list[tuple[int, str]]] = {}
    for one, other, how in lineage["edges"]:
        near.setdefault(other if is_up else one, []).append((one if is_up else other, how))
    branch, last, bar = marks
    lines: list[str] = []
    seen = {start["number"]}
    stack = [
        (number, how, "", place == 0) for place, (number, how) in enumerate(reversed(near.get(start["number"], [])))
    ]
    while stack:
        number, how, indent, is_last = stack.pop()
        node = lineage["nodes"][number]
        again = number in seen
        told = clean(node["path"] if node["run"] == start["run"] else f"{node['run']}:{node['path']}")
        notes = [_HOW.get(how, how)] if how != "value" else []
        notes += [node["state"]] if node["state"] != "succeeded" else []
        notes += ["see above"] if again and near.get(number) else []
        lines.append(f"{indent}{last if is_last else branch}{told}" + (f"  ({', '.join(notes)})" if notes else ""))
        if again:
            continue
        seen.add(number)
        below = indent + ("   " if is_last else bar)
        stack += [(n, h, below, place == 0) for place, (n, h) in enumerate(reversed(near.get(number, [])))]
    return lines


def lineage_graph(lineage: LineageView) -> Graph:
    """The lineage as a graph to be drawn."""
    graph = Graph(lineage["name"])
    home = next(node["run"] for node in lineage["nodes"] if node["is_start"])
    for node in lineage["nodes"]:
        *inside, name = node["path"].split("/")
        outer = () if node["run"] == home else (f"run {node['run']}",)
        graph.nodes.append(Node(node["number"], name, (*outer, *inside), "task"))
    graph.edges = [(one, other) for one, other, _ in lineage["edges"]]
    return graph
