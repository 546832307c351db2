"""A plan's Gantt chart as an SVG picture of its own, which follows the reader's light or dark colours."""

from __future__ import annotations

from html import escape

from partita.drawing.cells import clean, fit, width
from partita.drawing.gantt import BRIEFEST_S, Row, bar_title, chart_rows, fit_name, tick_seconds
from partita.protocol.plans import PlanView
from partita.units import duration_text

__all__ = ["NODE_COLORS", "gantt_svg", "node_colors", "summary"]

_WIDTH, _ROW, _TOP, _RIGHT = 1000.0, 24.0, 74.0, 20.0
_CELL = 7.3  # width of a character of a label in pixels, generously
_LABEL_CELLS, _LEGEND_NODES = 34, 8
_LEAST_BAR = 2.5

#: Between light and dark, so that they are told from either; further nodes begin anew.
NODE_COLORS = ("#4a86d8", "#35a06a", "#a86fd0", "#d08a2e", "#3aa5b5", "#c8637f", "#8a9a3c", "#7d8794")

_STYLE = """\
  svg { background: #ffffff; font: 13px system-ui, "Noto Sans", sans-serif; }
  text { fill: #1d2733; }
  .small { font-size: 11.5px; fill: #5b6774; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #dde3ea; stroke-width: 1; }
  .stripe { fill: #f5f7fa; }
  .bar { opacity: .62; }
  .critical { opacity: 1; stroke: #1d2733; stroke-width: 1.6; }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181d; }
    text { fill: #e3e8ee; }
    .small { fill: #9aa6b2; }
    .grid { stroke: #2c343d; }
    .stripe { fill: #191f26; }
    .critical { stroke: #f2f5f8; }
  }"""


def node_colors(plan: PlanView) -> dict[str, str]:
    """A colour for each node that runs something."""
    used = [node["id"] for node in plan["nodes"] if node["steps"]]
    return {node: NODE_COLORS[number % len(NODE_COLORS)] for number, node in enumerate(used)}


def summary(plan: PlanView) -> str:
    """What the plan comes to, in a line."""
    finish = plan["finish"]
    told = f"{len(plan['steps']):,} steps in {duration_text(plan['makespan_s'])}"
    told += (
        f", P10 {duration_text(finish['p10'])}, P50 {duration_text(finish['p50'])}, P90 {duration_text(finish['p90'])}"
    )
    return told + (f", cost {plan['cost']:.4g}" if plan["cost"] else "")


def gantt_svg(plan: PlanView) -> str:
    """The picture; every bar tells what is known of its step."""
    rows, hidden = chart_rows(plan)
    labels = [fit_name(row.title, _LABEL_CELLS) for row in rows]
    left = 24 + max(map(width, labels)) * _CELL + 12
    scale = (_WIDTH - left - _RIGHT) / max(plan["makespan_s"], BRIEFEST_S)
    bottom = _TOP + len(rows) * _ROW
    height = bottom + (52 if hidden else 34)
    title = clean(plan["title"])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape("Plan of " + title)}" '
        f'width="{_WIDTH:.0f}" height="{height:.0f}" viewBox="0 0 {_WIDTH:.0f} {height:.0f}">',
        f"<style>\n{_STYLE}\n</style>",
        f'<text class="title" x="24" y="28">{escape(title)}</text>',
        f'<text class="small" x="24" y="48">{escape(summary(plan))}</text>',
    ]
    for number in range(1, len(rows), 2):
        top = _TOP + number * _ROW
        lines.append(f'<rect class="stripe" x="12" y="{top:.1f}" width="{_WIDTH - 24:.0f}" height="{_ROW:.0f}"/>')
    for tick in tick_seconds(plan["makespan_s"], 8):
        x = left + tick * scale
        told = duration_text(tick) if tick else "0"
        anchor = "end" if x > _WIDTH - 40 else "middle"
        lines.append(f'<path class="grid" d="M{x:.1f} {_TOP - 4:.1f}V{bottom:.1f}"/>')
        lines.append(f'<text class="small" text-anchor="{anchor}" x="{x:.1f}" y="{_TOP - 9:.1f}">{told}</text>')
    colors = node_colors(plan)
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        lines += _row(plan, row, label, _TOP + number * _ROW, left, scale, colors)
    if hidden:
        lines.append(f'<text class="small" x="24" y="{bottom + 18:.1f}">and {hidden:,} more rows</text>')
    lines += _legend(colors, height - 12)
    return "\n".join([*lines, "</svg>", ""])


def _row(
    plan: PlanView, row: Row, label: str, top: float, left: float, scale: float, colors: dict[str, str]
) -> list[str]:
    lines = [
        f'<text x="24" y="{top + 16.5:.1f}">{escape(label)}'
        + (f"<title>{escape(row.title)}</title>" if label != row.title else "")
        + "</text>"
    ]
    for bar in sorted(row.bars, key=lambda bar: bar.is_critical):
        kind = "bar critical" if bar.is_critical else "bar"
        size = max((bar.end_s - bar.start_s) * scale, _LEAST_BAR)
        x = min(left + bar.start_s * scale, _WIDTH - _RIGHT - _LEAST_BAR)
        color = colors[plan["steps"][bar.step]["node"]]
        lines.append(
            f'<rect class="{kind}" fill="{color}" x="{x:.1f}" y="{top + 4:.1f}" width="{size:.1f}" '
            f'height="{_ROW - 8:.0f}" rx="2.5"><title>{escape(bar_title(plan, row, bar))}</title></rect>'
        )
    return lines


def _legend(colors: dict[str, str], y: float) -> list[str]:
    x, lines = 24.0, []
    for node, color in list(colors.items())[:_LEGEND_NODES]:
        told = fit(clean(node), 18)
        lines.append(f'<rect class="bar" fill="{color}" x="{x:.0f}" y="{y - 10:.0f}" width="14" height="11" rx="2"/>')
        lines.append(f'<text class="small" x="{x + 19:.0f}" y="{y:.0f}">{escape(told)}</text>')
        x += 34 + width(told) * 6.8
    first = next(iter(colors.values()), NODE_COLORS[0])
    lines.append(
        f'<rect class="bar critical" fill="{first}" x="{x:.0f}" y="{y - 10:.0f}" width="14" height="11" rx="2"/>'
    )
    lines.append(f'<text class="small" x="{x + 19:.0f}" y="{y:.0f}">on the critical path</text>')
    return lines
