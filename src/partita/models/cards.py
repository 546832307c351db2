"""A version's model card: what is known of it, as a page in Markdown or HTML that needs no other file.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019), as far as the registry knows what they ask for.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from partita.models.given_data import data_first
from partita.models.signature import Signature
from partita.units import size_text

__all__ = ["Card", "gather", "html_card", "markdown_card"]

_ROWS = 50
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1d2430;background:#fff}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid #d8dee8}h3{font-size:1rem}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid #e3e8f0;padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
code,pre{font:13px ui-monospace,monospace}pre{background:#f4f6fa;padding:.6rem;overflow:auto}
img,svg{max-width:100%;height:auto}.lead{color:#566174}
@media(prefers-color-scheme:dark){body{color:#dfe5ee;background:#151a21}td,th,h2{border-color:#303a48}pre{background:#1e2530}}
""".strip()


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a card, in the order in which its parts stand."""

    heading: str
    level: int = 2
    texts: Sequence[str] = ()
    table: Sequence[Mapping[str, Any]] = ()
    lists: Sequence[str] = ()
    report: str = ""
    pictures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a version."""

    title: str
    lead: str
    parts: Sequence[Part]


def gather(
    view: Mapping[str, Any], model: Mapping[str, Any], moves: Sequence[Mapping[str, Any]],
    evaluations: Mapping[str, Mapping[str, Any]], lineage: Sequence[Mapping[str, Any]] = (),
) -> Card:  # fmt: skip
    """The card of a version.

    Args:
        view: a VersionView; model: its ModelView; moves: MoveViews, the latest first.
        evaluations: by the name of their data, in plain data.
        lineage: the steps that it came from, as LineageNodes.
    """
    record = view["record"]
    parts = [_description(view, model), _signature(record)]
    for data, found in evaluations.items():
        parts += _evaluation(data, found)
    if not evaluations and view["metrics"]:
        parts.append(
            Part("Metrics", table=[{"metric": name, "value": value} for name, value in view["metrics"].items()])
        )
    parts += [_data(record, lineage), _environment(record), _history(view, moves)]
    aliases = f", {', '.join(view['aliases'])}" if view["aliases"] else ""
    lead = f"{view['title']}; {size_text(view['size_bytes'])}, {_day(view['created_at'])}{aliases}"
    return Card(view["name"], lead, [part for part in parts if _has_content(part)])


def markdown_card(card: Card) -> str:
    """The card in Markdown. Pictures are left out: HTML has them."""
    lines = [f"# {card.title}", "", card.lead]
    for part in card.parts:
        lines += ["", f"{'#' * part.level} {part.heading}"]
        for text in part.texts:
            lines += ["", text]
        if part.table:
            lines += ["", *_markdown_table(part.table)]
        if part.report:
            lines += ["", "```text", part.report.rstrip(), "```"]
        if part.lists:
            lines += ["", *(f"- {item}" for item in part.lists)]
    return "\n".join(lines) + "\n"


def html_card(card: Card) -> str:
    """The card as an HTML page with its pictures."""
    body = [f"<h1>{escape(card.title)}</h1>", f'<p class="lead">{escape(card.lead)}</p>']
    for part in card.parts:
        body.append(f"<h{part.level}>{escape(part.heading)}</h{part.level}>")
        body += [f"<p>{escape(text)}</p>" for text in part.texts]
        if part.table:
            body.append(_html_table(part.table))
        body += [f"<figure>{_picture(name, item)}</figure>" for name, item in part.pictures.items()]
        if part.report:
            body.append(f"<pre>{escape(part.report.rstrip())}</pre>")
        if part.lists:
            body.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in part.lists) + "</ul>")
    head = f'<meta charset="utf-8"><title>{escape(card.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(body) + "\n</body></html>\n"


def _description(view: Mapping[str, Any], model: Mapping[str, Any]) -> Part:
    record = view["record"]
    texts = [text for text in (model.get("description"), view["description"]) if text]
    tags = {
        name: text for name, text in {**model.get("tags", {}), **view["tags"]}.items() if not name.startswith("gates:")
    }
    rows = [{"": name, " ": text} for name, text in tags.items()]
    notes = [str(note) for note in record.get("notes") or ()]
    return Part("Description", texts=texts or ["Nobody has described it yet."], table=rows, lists=notes)


def _signature(record: Mapping[str, Any]) -> Part:
    if not record.get("signature"):
        return Part("What it takes and gives")
    signature = Signature.of(record["signature"])
    rows = [
        {
            "input": one.name or "(one)",
            "type": one.type,
            "shape": "rows" + "".join(f" x {'?' if n is None else n}" for n in one.shape[1:]),
        }
        for one in signature.inputs[:_ROWS]
    ]
    more = len(signature.inputs) - len(rows)
    gives = f"It tells {len(signature.classes)} classes apart: {_some(signature.classes)}." if signature.classes else ""
    if not gives and signature.outputs:
        gives = f"It gives {', '.join(map(str, signature.outputs))}."
    told = " It gives their probabilities." if signature.has_probabilities else ""
    texts = [
        text for text in (f"{gives}{told}".strip(), f"{more} more inputs are not shown." if more > 0 else "") if text
    ]
    return Part("What it takes and gives", texts=texts, table=rows)


def _evaluation(data: str, found: Mapping[str, Any]) -> list[Part]:
    kind, rows = str(found.get("kind") or ""), found.get("rows")
    lead = f"{kind.capitalize()}, {rows:,} rows." if kind and isinstance(rows, int) else kind.capitalize()
    ends = found.get("intervals") or {}
    column = f"{float(found.get('confidence') or 0.95) * 100:g} % interval"
    metrics = [
        {"metric": name, "value": value, **({column: _interval(ends.get(name))} if ends else {})}
        for name, value in (found.get("metrics") or {}).items()
        if not isinstance(value, Mapping)
    ]
    parts = [Part(f"Evaluation on {data}", texts=[lead] if lead else [], table=metrics)]
    if found.get("table"):
        parts.append(
            Part(
                f"Each class on {data}" if "class" in kind else f"Each part of {data}", 3, table=found["table"][:_ROWS]
            )
        )
    main = found.get("main") or next(iter(found.get("metrics") or {}), "")
    slices = [
        {
            "slice": f"{row.get('slice')}{' (few rows)' if row.get('is_small') else ''}", "rows": row.get("rows"),
            main: row.get("value"), "interval": _interval([row.get("low"), row.get("high")]), "gap": row.get("gap"),
        }
        for row in found.get("slices") or () if row.get("metric") in (main, None)
    ]  # fmt: skip
    if slices:
        parts.append(Part(f"Slices of {data}", 3, table=slices[:_ROWS]))
    pictures = found.get("pictures") or {}
    if pictures or found.get("report") or found.get("notes"):
        parts.append(
            Part(
                f"More on {data}", 3, report=str(found.get("report") or ""), lists=list(map(str, found.get("notes") or ())),
                texts=[f"Pictures: {', '.join(pictures)}."] if pictures else [], pictures=pictures,
            )
        )  # fmt: skip
    return parts


def _data(record: Mapping[str, Any], lineage: Sequence[Mapping[str, Any]]) -> Part:
    rows = [
        {"value": shown, "format": codec, "bytes": size_text(size), "hash": digest[:16]}
        for codec, digest, size, shown in data_first(record.get("data") or ())
    ]
    steps = [f"{node['path']} of run {node['run']} ({node['flow']})" for node in lineage if not node.get("is_start")]
    given = (
        "The step that made it was given these large values, and came from the steps below." if rows and steps else ""
    )
    text = given or (
        "The step that made it was given these large values." if rows else "It came from these steps." if steps else ""
    )
    return Part("Data and lineage", texts=[text] if text else [], table=rows, lists=steps)


def _environment(record: Mapping[str, Any]) -> Part:
    rows: list[dict[str, Any]] = [{"": "format", " ": record.get("format")}, {"": "Python", " ": record.get("python")}]
    rows += [{"": name, " ": version} for name, version in (record.get("packages") or {}).items()]
    if record.get("function"):
        rows.append({"": "made by", " ": record["function"]})
        rows.append({"": "code", " ": (record.get("fingerprint") or record.get("bundle") or "")[:16]})
    rows += [
        {"": name, " ": f"{codec}, {size_text(size)}{f', {digest[:16]}' if digest else ''}"}
        for name, codec, digest, size in record.get("files") or ()
    ]
    return Part("Environment and files", table=[row for row in rows if row[" "]])


def _history(view: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> Part:
    rows = []
    for move in moves:
        if view["number"] not in (move["before"], move["after"]):
            continue
        record = move["record"]
        words = [word for word in ("refused", "forced", "rollback") if record.get(word)]
        gates = [
            f"{'met' if gate['is_met'] else 'not met'}: {gate['gate']} ({gate['told']})"
            for gate in record.get("gates") or ()
        ]
        rows.append({
            "when": _day(move["moved_at"]), "alias": move["alias"], "from": move["before"] or "", "to": move["after"] or "",
            "by": move["author"], "why": "; ".join([*words, *([move["why"]] if move["why"] else []), *gates]),
        })  # fmt: skip
    made = f"Registered by {view['author'] or 'nobody known'}"
    made += f" in step {view['step']} of run {view['run']}." if view["run"] else ", outside of any run."
    return Part("History", texts=[made], table=rows)


def _has_content(part: Part) -> bool:
    return bool(part.texts or part.table or part.lists or part.report or part.pictures)


def _picture(name: str, item: Any) -> str:
    caption = f"<figcaption>{escape(name)}</figcaption>"
    if isinstance(item, bytes):
        kind = "svg+xml" if item.lstrip()[:5] in (b"<svg ", b"<?xml") else "png"
        data = base64.b64encode(item).decode()
    else:
        kind, data = "svg+xml", base64.b64encode(str(item).encode()).decode()
    # As an image, so that nothing in it runs.
    return f'<img alt="{escape(name)}" src="data:image/{kind};base64,{data}">{caption}'


def _interval(ends: Any) -> str:
    if not ends or ends[0] is None or ends[1] is None:
        return ""
    return f"{_cell(ends[0])} to {_cell(ends[1])}"


def _some(items: Sequence[Any]) -> str:
    return ", ".join(map(str, items[:12])) + (", ..." if len(items) > 12 else "")


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.6g}"
    return "" if value is None else str(value)


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _markdown_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = _columns(rows)

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(names), line("---" for _ in names), *(line(_cell(row.get(name)) for name in names) for row in rows)]


def _html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = _columns(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = ["".join(f"<td>{escape(_cell(row.get(name)))}</td>" for name in names) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"
