"""A plan as one page: light and dark, on a phone and on a desk, without scripts and without anything from elsewhere.

A bar is a button, so that its tooltip comes by pointing, by tapping and by the keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from partita.drawing.cells import clean
from partita.drawing.frontier import cost_text, frontier_svg
from partita.drawing.gantt import BRIEFEST_S, Row, bar_title, basis_text, chart_rows, tick_seconds
from partita.drawing.gantt_svg import node_colors
from partita.drawing.graph import build_graph
from partita.drawing.html import text
from partita.drawing.plan_facts import plan_facts
from partita.drawing.svg import svg_text
from partita.protocol.plans import PlannedNodeView, PlanView
from partita.units import duration_text, size_text

__all__ = ["plan_page"]

_TABLE_ROWS = 500
_GRAPH_NODES = 60
_APART = 0.25  # of the range's width have labels to be apart so that they can be read

_STYLE = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2733;--dim:#5b6774;--line:#dde3ea;--soft:#f3f6fa;--mark:#1d2733}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e3e8ee;--dim:#9aa6b2;--line:#2c343d;--soft:#1b2128;--mark:#f2f5f8}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1.2rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif}
h1{font-size:1.35rem;margin:.2em 0 .1em;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:2em 0 .6em}
.dim{color:var(--dim)}
.refusal{border-left:4px solid #d9482b;background:var(--soft);padding:.6em .9em;margin:1em 0}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25em 1em;margin:1em 0}
.facts dt{color:var(--dim)}
.facts dd{margin:0;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:.3em 1.1em;font-size:.87rem;color:var(--dim);margin:.5em 0}
.legend i{display:inline-block;width:1em;height:.75em;border-radius:2px;margin-right:.4em;vertical-align:baseline}
.axis,.row{display:grid;grid-template-columns:minmax(7rem,16rem) minmax(0,1fr);gap:0 .8rem;align-items:center}
.row{padding:.12rem 0}
.row:nth-child(even){background:var(--soft)}
.name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.9rem;padding-left:.3rem}
.lane{position:relative;height:1.35rem}
.axis .lane{height:1.2rem;font-size:.78rem;color:var(--dim)}
.axis .lane span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.axis .lane span:first-child{transform:none}
.lane button{position:absolute;top:.15rem;bottom:.15rem;min-width:3px;padding:0;border:0;border-radius:2px;opacity:.62;
cursor:default}
.lane button.critical{opacity:1;box-shadow:inset 0 0 0 1.6px var(--mark)}
.lane button:focus-visible{outline:2px solid var(--mark);outline-offset:1px}
.told{display:none;position:absolute;z-index:5;left:0;right:0;top:1.5rem;width:fit-content;max-width:min(100%,34rem);
white-space:pre-line;text-align:left;font-size:.85rem;line-height:1.4;color:var(--ink);background:var(--paper);
border:1px solid var(--dim);border-radius:5px;
padding:.45em .7em;box-shadow:0 3px 12px rgba(0,0,0,.25);overflow-wrap:anywhere;pointer-events:none}
.told.late{left:auto}
.lane button:hover+.told,.lane button:focus+.told{display:block}
.range{position:relative;height:3.6rem;margin:.6rem 0;max-width:44rem}
.range .track{position:absolute;left:0;right:0;top:1.55rem;height:.4rem;border-radius:.2rem;background:var(--line)}
.range .band{position:absolute;top:1.55rem;height:.4rem;border-radius:.2rem;background:#4a86d8}
.range b{position:absolute;top:1.3rem;width:3px;height:.9rem;background:var(--mark)}
.range span{position:absolute;top:2.3rem;transform:translateX(-50%);font-size:.78rem;color:var(--dim);white-space:nowrap}
.range span.above{top:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem}
td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top;white-space:nowrap}
th{color:var(--dim);font-weight:500;border-bottom:1px solid var(--line)}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums}
td.wide{white-space:normal;min-width:12rem}
svg.front{max-width:40rem;width:100%;height:auto}
svg.front text{fill:var(--ink);font:13px system-ui,sans-serif}
@media(max-width:40rem){.axis,.row{grid-template-columns:minmax(0,1fr)}.axis .name{display:none}.name{padding-top:.2rem}
.facts{grid-template-columns:minmax(0,1fr);gap:0}.facts dd{margin-bottom:.5em}}"""


def plan_page(plan: PlanView) -> str:
    """The page."""
    title = clean(plan["title"])
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Plan of {escape(title)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{text(title)}</h1>",
        '<div class="dim">planned before it runs</div>',
    ]
    if plan["refusal"]:
        parts.append(f'<div class="refusal">{text(plan["refusal"])}; this is the nearest plan.</div>')
    parts += [_facts(plan), "<h2>What runs when</h2>", _chart(plan), "<h2>When it will be done</h2>", _range(plan)]
    if plan["frontier"]:
        parts += ["<h2>Time against cost</h2>", frontier_svg(plan["frontier"]), _front_table(plan)]
    parts += ["<h2>Nodes</h2>", _nodes(plan["nodes"]), _graph(plan), "<h2>Steps</h2>", _steps(plan)]
    return "\n".join([*parts, "</body></html>", ""])


def _facts(plan: PlanView) -> str:
    rows = "".join(f"<dt>{text(head)}</dt><dd>{text(told, 1000)}</dd>" for head, told in plan_facts(plan))
    return f'<dl class="facts">{rows}</dl>'


def _chart(plan: PlanView) -> str:
    rows, hidden = chart_rows(plan)
    colors = node_colors(plan)
    makespan = plan["makespan_s"]
    legend = "".join(f'<span><i style="background:{color}"></i>{text(node)}</span>' for node, color in colors.items())
    legend += '<span><i style="box-shadow:inset 0 0 0 1.6px var(--mark)"></i>on the critical path</span>'
    ticks = "".join(
        f'<span style="left:{_percent(tick, makespan)}">{duration_text(tick) if tick else "0"}</span>'
        for tick in tick_seconds(makespan * 0.94, 5)
    )
    lines = "\n".join(_row(plan, row, colors) for row in rows)
    more = f'<div class="dim">and {hidden:,} more rows</div>' if hidden else ""
    axis = f'<div class="axis"><div class="name"></div><div class="lane">{ticks}</div></div>'
    return f'<div class="legend">{legend}</div>{axis}<div class="chart">\n{lines}\n</div>{more}'


def _row(plan: PlanView, row: Row, colors: dict[str, str]) -> str:
    bars = []
    for bar in sorted(row.bars, key=lambda bar: bar.is_critical):
        left = _percent(min(bar.start_s, plan["makespan_s"] * 0.997), plan["makespan_s"])
        size = _percent(bar.end_s - bar.start_s, plan["makespan_s"])
        told = text(bar_title(plan, row, bar).replace("\n", "\u2028"), 800).replace("\u2028", "\n")
        kind = ' class="critical"' if bar.is_critical else ""
        label = text(plan["steps"][bar.step]["path"] if bar.size == 1 else row.label)
        side = " late" if bar.start_s > plan["makespan_s"] / 2 else ""
        bars.append(
            f'<button type="button" aria-label="{label}"{kind} style="left:{left};width:{size};'
            f'background:{colors[plan["steps"][bar.step]["node"]]}"></button>'
            f'<span class="told{side}" role="tooltip">{told}</span>'
        )
    name = f'<div class="name" title="{text(row.title)}">{text(row.title)}</div>'
    return f'<div class="row">{name}<div class="lane">{"".join(bars)}</div></div>'


def _percent(part: float, whole: float) -> str:
    return f"{100.0 * part / max(whole, BRIEFEST_S):.3f}%"


def _range(plan: PlanView) -> str:
    finish = plan["finish"]
    end = max(finish["p90"], plan["makespan_s"], plan["deadline_s"] or 0.0) * 1.08 or 1.0
    marks = [(finish["p10"], "P10"), (finish["p50"], "P50"), (finish["p90"], "P90")]
    band = f"left:{_percent(finish['p10'], end)};width:{_percent(finish['p90'] - finish['p10'], end)}"
    told = f'<b style="left:{_percent(finish["p50"], end)}"></b>'
    if plan["deadline_s"] is not None:
        told += f'<b style="left:{_percent(plan["deadline_s"], end)};background:#d9482b" title="deadline"></b>'
    is_wide = finish["p90"] - finish["p10"] > _APART * end
    for seconds, name in marks if is_wide else marks[1:2]:
        side = ' class="above"' if name == "P50" else ""
        left = 100 * min(max(seconds / end, 0.07), 0.93)
        told += f'<span{side} style="left:{left:.2f}%">{name} {duration_text(seconds)}</span>'
    words = ", ".join(f"{name} {duration_text(seconds)}" for seconds, name in marks)
    drawn = f'<div class="range" role="img" aria-label="{words}"><div class="track"></div>'
    drawn += f'<div class="band" style="{band}"></div>{told}</div>'
    note = f"{words}; of {finish['samples']:,} simulated runs, each step as long as it might take."
    if plan["deadline_s"] is not None:
        note += f" The red mark is the deadline of {duration_text(plan['deadline_s'])}."
    return drawn + f'<div class="dim">{text(note)}</div>'


def _front_table(plan: PlanView) -> str:
    rows = [
        [duration_text(point["makespan_s"]), cost_text(point["cost"]),
         text(", ".join(f"{count:,} on {node}" for node, count in point["nodes"].items())),
         "this plan" if point["is_chosen"] else ""]
        for point in plan["frontier"]
    ]  # fmt: skip
    return _table(["#time", "#cost", "steps", ""], rows)


def _nodes(nodes: Sequence[PlannedNodeView]) -> str:
    rows = [
        [text(node["id"]), f"{node['steps']:,}", f"{node['speed']:g}", f"{node['cost']:.4g}",
         text("; ".join(_resource(node, name) for name in node["capacity"]))]
        for node in nodes
    ]  # fmt: skip
    return _table(["node", "#steps", "#speed", "#cost", "held"], rows)


def _resource(node: PlannedNodeView, name: str) -> str:
    there = node["capacity"][name]
    amount = size_text(there) if name == "memory" else f"{there:g}"
    return f"{name} {node['busy'][name]:.0%} of {amount}"


def _graph(plan: PlanView) -> str:
    graph = build_graph(plan["title"], plan["graph"])
    if not 1 < len(graph.nodes) <= _GRAPH_NODES:
        return ""
    return f'<h2>What needs what</h2><div class="scroll">{svg_text(graph, is_inline=True)}</div>'


def _steps(plan: PlanView) -> str:
    steps = plan["steps"]
    rows = [
        [text(step["path"]), text(step["node"]), duration_text(step["start_s"]), duration_text(step["seconds"]),
         f"{duration_text(step['low_s'])} to {duration_text(step['high_s'])}", text(basis_text(step["basis"])),
         text(", ".join(steps[number]["path"] for number in step["needs"][:6])
              + (" and more" if len(step["needs"]) > 6 else ""))]
        for step in steps[:_TABLE_ROWS]
    ]  # fmt: skip
    more = f'<div class="dim">and {len(steps) - _TABLE_ROWS:,} more</div>' if len(steps) > _TABLE_ROWS else ""
    return _table(["step", "node", "#start", "#takes", "P10 to P90", "known", "needs"], rows) + more


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of HTML; heads that begin with # stand over numbers."""
    kinds = [' class="num"' if head.startswith("#") else "" for head in heads]
    top = "".join(f"<th{kind}>{head.lstrip('#')}</th>" for head, kind in zip(heads, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'
