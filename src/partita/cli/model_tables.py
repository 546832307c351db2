"""What is told of models."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from partita.cli.output import Cell, Output
from partita.protocol.models import ModelView, MoveView, VersionView
from partita.units import duration_text, size_text

__all__ = ["compared", "tell_comparison", "tell_model", "tell_models", "tell_verdicts", "tell_version"]

_METRICS = 4
_GATES = "gates:"


def tell_models(output: Output, models: Sequence[ModelView]) -> None:
    """All models."""
    if not models:
        output.note("There are no models yet; `register(model, name)` of partita.models, in a task, makes one.")
        return
    rows: list[list[Cell | str]] = [
        [
            Cell(one["name"], "bold"),
            f"{one['versions']:,}",
            str(one["latest"] or ""),
            _aliases(one["aliases"]),
            one["description"],
        ]
        for one in models
    ]
    output.table(["MODEL", "VERSIONS", "LATEST", "ALIASES", "DESCRIPTION"], rows)


def tell_model(output: Output, model: ModelView, versions: Sequence[VersionView], moves: Sequence[MoveView]) -> None:
    """One model with its versions and its history."""
    output.line(model["name"], "bold")
    if model["description"]:
        output.line(f"  {model['description']}")
    for name, text in model["tags"].items():
        output.line(f"  {name.removeprefix(_GATES) + ' needs' if name.startswith(_GATES) else name}: {text}")
    output.line()
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(str(one["number"]), "bold"), Cell(", ".join(one["aliases"]), "good"), one["title"], _metrics(one["metrics"]),
         size_text(one["size_bytes"]), _ago(one["created_at"], now), one["run"] or "no run", one["author"]]
        for one in versions
    ]  # fmt: skip
    output.table(["VERSION", "ALIASES", "MODEL", "METRICS", "SIZE", "AGE", "RUN", "BY"], rows, flexible=2)
    if not moves:
        return
    output.line()
    rows = [
        [_ago(move["moved_at"], now), Cell(move["alias"], "bold"), _moved(move), move["author"], _why(move)]
        for move in moves
    ]
    output.table(["AGE", "ALIAS", "MOVE", "BY", "WHY"], rows)


def tell_version(output: Output, view: VersionView, evaluations: Mapping[str, Mapping[str, Any]]) -> None:
    """One version."""
    record = view["record"]
    output.line(view["name"], "bold")
    signature = record.get("signature") or {}
    made = f"step {view['step']} of run {view['run']}" if view["run"] else "no run"
    facts = {
        "model": view["title"], "aliases": ", ".join(view["aliases"]), "description": view["description"],
        "tags": ", ".join(f"{key}={text}" for key, text in view["tags"].items()),
        "format": f"{record.get('format', '')} of {record.get('kind', '')}", "size": size_text(view["size_bytes"]),
        "takes": _fields(signature.get("inputs") or []), "gives": _gives(signature), "made by": made,
        "code": (record.get("fingerprint") or record.get("bundle") or "")[:16], "by": view["author"],
        "made": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view["created_at"])),
        "python": record.get("python", ""),
        "packages": ", ".join(f"{name} {version}" for name, version in (record.get("packages") or {}).items()),
        "notes": "; ".join(record.get("notes") or ()),
    }  # fmt: skip
    for name, text in facts.items():
        if text:
            output.line(f"  {name:<12}{text}")
    if view["metrics"]:
        output.line()
        output.table(["METRIC", "VALUE"], [[name, f"{value:.6g}"] for name, value in view["metrics"].items()])
    for data, found in evaluations.items():
        pictures = ", ".join(found.get("pictures") or ())
        told = f"{found.get('kind') or 'evaluation'} on {data}" + (
            f", {found['rows']:,} rows" if found.get("rows") else ""
        )
        output.line()
        output.line(told + (f"; pictures: {pictures}" if pictures else ""), "dim")
    files: list[list[Cell | str]] = [
        [name, codec, size_text(size), digest[:16]] for name, codec, digest, size in record.get("files") or ()
    ]
    if files:
        output.line()
        output.table(["FILE", "STORED AS", "SIZE", "HASH"], files)


def tell_verdicts(output: Output, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """What gates said."""
    if verdicts:
        rows: list[list[Cell | str]] = [
            [Cell("met" if one["is_met"] else "not met", "good" if one["is_met"] else "bad"), one["gate"], one["told"]]
            for one in verdicts
        ]
        output.table(["", "GATE", "NUMBERS"], rows)


def compared(one: VersionView, other: VersionView) -> dict[str, Any]:
    """What differs between two versions."""
    names = list(dict.fromkeys([*one["metrics"], *other["metrics"]]))
    metrics = {name: [one["metrics"].get(name), other["metrics"].get(name)] for name in names}
    facts = {
        name: [_fact(one, name), _fact(other, name)]
        for name in ("title", "format", "python", "packages", "signature", "run")
    }
    facts["size_bytes"] = [one["size_bytes"], other["size_bytes"]]
    differing = {name: pair for name, pair in facts.items() if pair[0] != pair[1]}
    return {"versions": [one["name"], other["name"]], "metrics": metrics, "differing": differing}


def tell_comparison(output: Output, found: Mapping[str, Any]) -> None:
    """What differs between two versions."""
    one, other = found["versions"]
    rows: list[list[Cell | str]] = []
    for name, (left, right) in found["metrics"].items():
        gap = f"{right - left:+.4g}" if left is not None and right is not None else ""
        rows.append([name, _number(left), _number(right), gap])
    if rows:
        output.table(["METRIC", one, other, "DIFFERENCE"], rows)
    told: list[list[Cell | str]] = []
    for name, (left, right) in found["differing"].items():
        if name == "size_bytes":
            told.append(["size", size_text(left), size_text(right)])
        elif isinstance(left, dict) and isinstance(right, dict):
            keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
            told += [[f"{name} {key}", _short(left.get(key)), _short(right.get(key))] for key in keys]
        else:
            told.append([name, _short(left), _short(right)])
    if told:
        output.line()
        output.table(["", one, other], told)
    elif not rows:
        output.note("Nothing that is known of them differs.")


def _fact(view: VersionView, name: str) -> Any:
    return view["run"] if name == "run" else view["record"].get(name)


def _aliases(aliases: Mapping[str, int]) -> str:
    return ", ".join(f"{alias} {number}" for alias, number in sorted(aliases.items()))


def _metrics(metrics: Mapping[str, float]) -> str:
    told = ", ".join(f"{name} {value:.4g}" for name, value in list(metrics.items())[:_METRICS])
    return told + (", …" if len(metrics) > _METRICS else "")


def _moved(move: MoveView) -> str:
    if move["record"].get("refused"):
        return "refused"
    return f"{move['before'] or '·'} → {move['after'] or '·'}"


def _why(move: MoveView) -> str:
    record = move["record"]
    words = [word for word in ("forced", "rollback") if record.get(word)]
    unmet = [f"{gate['gate']}: {gate['told']}" for gate in record.get("gates") or () if not gate["is_met"]]
    approval = record.get("approval") or {}
    approved = [f"approved by {approval['by']}"] if approval.get("by") else []
    return "; ".join([*words, *([move["why"]] if move["why"] else []), *approved, *unmet])


def _fields(fields: Sequence[Sequence[Any]]) -> str:
    def told(field: Sequence[Any]) -> str:
        name, kind, shape = field
        rest = "".join(f"[{'?' if size is None else size}]" for size in shape[1:])
        return f"{name}: {kind}{rest}" if name else f"{kind}{rest}"

    return ", ".join(map(told, fields[:8])) + (f", … ({len(fields)} in all)" if len(fields) > 8 else "")


def _gives(signature: Mapping[str, Any]) -> str:
    classes = signature.get("classes")
    if classes:
        told = f"one of {', '.join(map(str, classes[:8]))}{', …' if len(classes) > 8 else ''}"
        return told + (", with probabilities" if signature.get("has_probabilities") else "")
    return _fields(signature.get("outputs") or [])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _ago(moment: float, now: float) -> str:
    return f"{duration_text(max(now - moment, 0.0))} ago"
