"""What a version of a flow changes, for people."""

from __future__ import annotations

from typing import Any

from partita.cli.output import Output
from partita.protocol.publications import FlowDiffView, StepDiff

__all__ = ["tell_diff"]

_SIGNS = {"added": ("+", "good"), "removed": ("-", "bad"), "renamed": ("~", "warn"), "changed": ("~", "warn")}


def tell_diff(output: Output, found: FlowDiffView) -> None:
    """What differs between two versions."""
    output.line(f"{found['before']} -> {found['after']}", "bold")
    if found["is_same"]:
        output.line("  nothing differs")
        return
    if found["is_breaking"]:
        output.line("  " + output.paint("calls that were right are not any more", "bad"))
    if found["flow"]:
        output.line(f"  the flow is {found['flow'][1]}; it was {found['flow'][0]}")
    if found["returns"]:
        output.line(f"  it gives {found['returns'][1]}; it gave {found['returns'][0]}")
    _part(output, "inputs", [(item["change"], item["name"], "; ".join(item["told"])) for item in found["parameters"]])
    if not found["has_graphs"]:
        output.line()
        output.note("Its steps are known when its inputs are given; they are not compared.")
    _part(output, "steps", [(step["change"], step["path"], _step(step)) for step in found["steps"]])
    edges = [("added", f"{source} -> {target}", "") for source, target in found["edges_added"]]
    edges += [("removed", f"{source} -> {target}", "") for source, target in found["edges_removed"]]
    _part(output, "edges", edges)
    functions = [
        (item["change"], item["name"], "a step of it" if item["is_used"] else "") for item in found["functions"]
    ]
    _part(output, "functions", functions)
    _part(output, "files", [(change, path, "") for path, change in found["files"]])


def _part(output: Output, title: str, rows: list[tuple[str, str, str]]) -> None:
    if not rows:
        return
    output.line()
    output.line(title, "dim")
    for change, name, told in rows:
        sign, style = _SIGNS[change]
        output.line(f"  {output.paint(sign, style)} {name}" + (f"   {told}" if told else ""))


def _step(step: StepDiff) -> str:
    parts = [f"it was {step['was']}"] if step["was"] else []
    parts += [f"{name} {_text(before)} -> {_text(after)}" for name, (before, after) in step["options"].items()]
    if step["change"] in ("added", "removed"):
        parts.append(step["function"])
    return "; ".join(parts)


def _text(value: Any) -> str:
    return "default" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
