"""What is told of published flows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from partita.cli.output import Cell, Output
from partita.protocol.publications import (
    GateStateView,
    ParameterView,
    PromotionView,
    PublicationView,
    SourceView,
    StageMoveView,
    StageView,
)
from partita.units import duration_text

__all__ = [
    "tell_flows", "tell_gates", "tell_promotion", "tell_published", "tell_stages", "tell_version", "tell_versions",
]  # fmt: skip


def tell_flows(output: Output, flows: Sequence[tuple[PublicationView, Sequence[StageView]]]) -> None:
    """The published flows."""
    if not flows:
        output.note("No flow is published here yet; `partita publish FLOW` does it.")
        return
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(view["name"], "bold"), str(view["number"]), _held(stages), _ago(view["published_at"], now), view["by"],
         view["summary"]]
        for view, stages in flows
    ]  # fmt: skip
    output.table(["FLOW", "NEWEST", "STAGES", "AGE", "BY", "WHAT IT DOES"], rows, flexible=5)


def tell_versions(output: Output, versions: Sequence[PublicationView]) -> None:
    """The versions of a flow."""
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(view["version"], "bold"), Cell(", ".join(view["stages"]) or _standing(view), "good"),
         _ago(view["published_at"], now), view["by"], _source(view["source"]), view["note"]]
        for view in versions
    ]  # fmt: skip
    output.table(["VERSION", "STAGES", "AGE", "BY", "SOURCE", "NOTE"], rows, flexible=5)


def tell_published(output: Output, view: PublicationView) -> None:
    """What publishing gave."""
    if not view["is_new"]:
        output.line(f"{view['version']} is what it is already")
        return
    output.line(f"{view['version']} is published: {view['flow']}", "bold")
    for told in view["warnings"]:
        place = f"{told['place']}: " if told.get("place") else ""
        output.note(output.paint("warning:", "warn", output.err) + f" {place}{told['message']}")


def tell_version(output: Output, view: PublicationView) -> None:
    """One version."""
    output.line(view["version"], "bold")
    if view["summary"]:
        output.line(f"  {view['summary']}")
    facts = {
        "flow": view["flow"], "stages": ", ".join(view["stages"]), "standing": _standing(view), "note": view["note"],
        "source": _source(view["source"]), "repository": view["source"]["repository"],
        "published": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view["published_at"])), "by": view["by"],
        "code": view["code"][:16], "bundle": view["bundle"][:16], "gives": view["returns"]["type"],
    }  # fmt: skip
    for name, text in facts.items():
        if text:
            output.line(f"  {output.paint(f'{name:<11}', 'dim')} {text}")
    if view["parameters"]:
        output.line()
        rows: list[list[Cell | str]] = [
            [
                Cell(item["name"], "bold"),
                item["type"]["type"],
                _default(item),
                _choices(item),
                item.get("description", ""),
            ]
            for item in view["parameters"]
        ]
        output.table(["INPUT", "TYPE", "DEFAULT", "CHOICES", "WHAT IT IS"], rows, flexible=4)
    output.line()
    graph = view["graph"]
    if graph is None:
        output.note("Its steps are known when its inputs are given.")
        return
    from partita.drawing import build_graph, tree_text

    output.line(tree_text(build_graph(view["title"], graph["steps"]), is_unicode=output.can_show("├─←×")))
    if graph["total"] > len(graph["steps"]):
        output.note(f"... and {graph['total'] - len(graph['steps']):,} more steps")


def tell_stages(output: Output, stages: Sequence[StageView], moves: Sequence[StageMoveView]) -> None:
    """The stages of a flow, and what was done to them."""
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(item["stage"], "bold"), item["version"] or "none", _ago(item["moved_at"], now), item["by"], item["why"]]
        for item in stages
    ]
    output.table(["STAGE", "VERSION", "SINCE", "BY", "WHY"], rows, flexible=4)
    if moves:
        output.line()
        rows = [
            [_ago(move["moved_at"], now), Cell(move["stage"], "bold"), f"{move['before'] or 'none'} -> {move['after'] or 'none'}",
             move["by"], _why(move)]
            for move in moves
        ]  # fmt: skip
        output.table(["AGE", "STAGE", "MOVE", "BY", "WHY"], rows, flexible=4)


def tell_promotion(output: Output, found: PromotionView) -> None:
    """What became of a promotion."""
    if not found["is_moved"]:
        output.line(f"{found['stage']} gets {found['version']} when its gates are met: run {found['run']}")
    elif found["move"] is None:
        output.line(f"{found['stage']} has {found['version']} already")
    else:
        before = found["move"]["before"]
        was = f"; it had version {before}" if before else ""
        output.line(f"{found['stage']} has {found['version']} now{was}")


def tell_gates(output: Output, state: GateStateView) -> None:
    """How a version stands before a stage."""
    if state["stage"]:
        head = f"{state['version']} before {state['stage']}"
        told = "the stage has it" if state["has_stage"] else "the stage does not have it"
    else:
        head, told = f"{state['version']} on publishing", ""
    if state["run"]:
        told = "; ".join(
            filter(None, [told, f"run {state['run']} {state['state']}".strip(), f"asked by {state['by']}"])
        )
    output.line(f"{output.paint(head, 'bold')}" + (f"   {told}" if told else ""))
    if not state["gates"]:
        output.note("No gates are asked.")
        return
    words = {None: ("waiting", "not said"), True: ("succeeded", "met"), False: ("failed", "not met")}
    styles = {None: "", True: "good", False: "bad"}
    rows: list[list[Cell | str]] = [
        [Cell(f"{output.symbol(words[gate['is_met']][0])} {words[gate['is_met']][1]}", styles[gate["is_met"]]),
         Cell(gate["gate"], "bold"), gate["asks"], gate["told"]]
        for gate in state["gates"]
    ]  # fmt: skip
    output.table(["STATE", "GATE", "ASKS", "FOUND"], rows, flexible=3)


def _standing(view: PublicationView) -> str:
    if view["retired_at"] is not None:
        return "retired"
    return f"lacks {', '.join(view['lacks'])}" if view["lacks"] else ""


def _held(stages: Sequence[StageView]) -> str:
    return ", ".join(f"{item['stage']} {item['number']}" for item in stages if item["number"])


def _source(source: SourceView) -> str:
    if not source["commit"]:
        return ""
    where = source["tag"] or source["branch"]
    changed = "" if source["is_clean"] else ", with changes"
    return f"{source['commit'][:10]}" + (f" ({where}{changed})" if where or changed else "")


def _default(item: ParameterView) -> str:
    return "required" if item["is_required"] else item.get("default_text", "")


def _choices(item: ParameterView) -> str:
    choices: Sequence[Any] = item["type"].get("choices") or ()
    return ", ".join(map(str, choices))


def _why(move: StageMoveView) -> str:
    record = move["record"]
    marks = [word for word in ("rollback", "forced", "refused") if record.get(word)]
    if record.get("run"):
        marks.append(f"gates of run {record['run']}")
    return move["why"] + (f" ({', '.join(marks)})" if marks else "")


def _ago(moment: float | None, now: float) -> str:
    return duration_text(max(now - moment, 0.0)) if moment is not None else ""
