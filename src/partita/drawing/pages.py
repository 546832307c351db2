"""Runs, their steps and graphs as HTML, for notebooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from partita.drawing.graph import Graph
from partita.drawing.html import (
    STATE_COLORS,
    block,
    error_html,
    folded,
    page_part,
    problem_html,
    symbol,
    table,
    text,
    traceback_text,
)
from partita.drawing.progress import FINAL_STATES, Group, Progress
from partita.drawing.svg import svg_text
from partita.protocol.requests import RunView, StepView
from partita.units import duration_text

__all__ = ["graph_html", "outcome_html", "run_html", "run_text", "runs_html", "steps_html"]

_ROWS = 25
_FAILURES = 3
_DRAWN_NODES = 120

#: Gives the end of a step's log.
LogTail = Callable[[int], str]


def run_html(
    progress: Progress,
    *,
    failures: Sequence[StepView] = (),
    log: LogTail | None = None,
    graph: Graph | None = None,
    result: str = "",
    note: str = "",
) -> str:
    """A run as far as it is known.

    Args:
        failures: the steps where its failure began.
        log: gives the end of a step's log.
        graph: its graph, once that is whole.
        result: a preview of its value.
        note: what else is to be said, such as how to go on.
    """
    run = progress.run
    if run is None:
        return page_part('<span class="dim">starting …</span>')
    parts = [_head(progress, run), _rows(progress)]
    if note:
        parts.append(f"<div>{note}</div>")
    parts += [_failure(step, log, number == 0) for number, step in enumerate(failures[:_FAILURES])]
    if len(failures) > _FAILURES:
        parts.append(f'<div class="dim">and {len(failures) - _FAILURES:,} more failed steps</div>')
    if not failures and run["error"] is not None and run["state"] == "failed":
        parts.append(error_html(run["error"]))
    if result:
        parts.append(f'<div><span class="dim">result</span> <code>{text(result)}</code></div>')
    if graph is not None and 1 < len(graph.nodes) <= _DRAWN_NODES:
        parts.append(folded('<span class="dim">graph</span>', _scrolled(svg_text(graph, is_inline=True))))
    return page_part(*parts)


def run_text(run: RunView) -> str:
    """A run on one line."""
    started, ended = run["started_at"] or run["created_at"], run["ended_at"]
    took = f" in {duration_text(ended - started)}" if ended is not None else ""
    counts = ", ".join(f"{count:,} {state}" for state, count in run["counts"].items() if count)
    return f"{run['title']} {run['state']}{took} ({counts})   run {run['id']}"


def _head(progress: Progress, run: RunView) -> str:
    done, total = progress.done()
    started = run["started_at"] or run["created_at"]
    elapsed = duration_text((run["ended_at"] or time.time()) - started)
    is_over = run["state"] in FINAL_STATES
    steps = f"{total:,} step{'s' * (total != 1)}" if is_over else f"{done:,} of {total:,} steps"
    told = f"in {elapsed}" if is_over else f"for {elapsed}"
    color = STATE_COLORS.get(run["state"], "inherit")
    told = (
        f'{symbol(run["state"])} <b>{text(run["title"])}</b> <span style="color:{color}">{run["state"]}</span> {told}'
    )
    return f'<div>{told} <span class="dim">· {steps} · <code>{text(run["id"])}</code></span></div>'


def _rows(progress: Progress) -> str:
    now = time.time()
    groups = progress.rows()
    cells = [cell for group in groups[:_ROWS] for cell in _row(group, now)]
    more = f'<div class="dim">and {len(groups) - _ROWS:,} more rows</div>' if len(groups) > _ROWS else ""
    return f'<div class="rows">{"".join(cells)}</div>{more}' if cells else ""


def _row(group: Group, now: float) -> list[str]:
    elapsed = group.elapsed_s(now)
    remark = text(_remark(group), 200)
    return [
        f"<span>{symbol(group.state)}</span>",
        f'<span title="{text(group.title)}">{text(group.title, 80)}</span>',
        f"<span>{_meter(group)}</span>",
        f'<span class="num dim">{duration_text(elapsed) if elapsed is not None else ""}</span>',
        f'<span class="dim" title="{remark}">{remark}</span>',
    ]


def _meter(group: Group) -> str:
    if group.total > 1:
        return _bar(group.done, group.total, "failed" if group.counts.get("failed") else group.state)
    told = group.latest["progress"] if group.latest is not None and group.state == "running" else None
    if told and isinstance(told[1], (int, float)) and told[1] > 0:
        return _bar(told[0], told[1], "running")
    return f'<span style="color:{STATE_COLORS.get(group.state, "inherit")}">{group.state}</span>'


def _bar(done: float, total: float, state: str) -> str:
    share = min(max(done / total, 0.0), 1.0)
    color = STATE_COLORS.get(state, "inherit")
    return f'<span class="bar"><i style="width:{share:.0%};background:{color}"></i></span>{done:,.10g}/{total:,.10g}'


def _remark(group: Group) -> str:
    parts: list[str] = []
    if group.total > 1:
        parts = [
            f"{group.counts[state]:,} {state}" for state in ("running", "failed", "skipped") if group.counts.get(state)
        ]
    latest = group.latest
    if latest is not None and group.total == 1:
        if latest["attempts"] > 1:
            parts.append(f"attempt {latest['attempts']}")
        if latest["progress"] and len(latest["progress"]) > 2 and latest["progress"][2]:
            parts.append(str(latest["progress"][2]))
        if latest["error"] is not None and group.state in ("failed", "waiting"):
            parts.append(latest["error"].get("message", "").split("\n")[0])
        elif group.state == "succeeded":
            parts.append(latest["preview"])
    if group.is_adopted:
        parts.append("adopted")
    if group.is_cached:
        parts.append("cached")
    return ", ".join(part for part in parts if part)


def _failure(step: StepView, log: LogTail | None, is_open: bool) -> str:
    error = step["error"] or {}
    tries = f" after {step['attempts']} attempts" if step["attempts"] > 1 else ""
    place = f' <span class="dim">{text(step["place"])}</span>' if step["place"] else ""
    kind = error.get("type", "").rpartition(".")[2]
    told = text(f"{kind}: {error.get('message', '')}".strip(": ").split("\n")[0], 160)
    title = f"{symbol('failed')} <b>{text(step['path'])}</b> failed{tries}{place} · {told}"
    tail = log(step["id"]) if log is not None else ""
    inside = error_html(error)
    if tail.strip():
        inside += folded('<span class="dim">the end of its log</span>', block(tail))
    return folded(title, inside, is_open=is_open)


def _scrolled(drawn: str) -> str:
    return f'<div style="overflow:auto;max-height:44em">{drawn}</div>'


def graph_html(graph: Graph, problems: Iterable[Mapping[str, Any]] = ()) -> str:
    """A graph, and what is wrong with it."""
    told = "".join(problem_html(dict(problem)) for problem in problems)
    if len(graph.nodes) > _DRAWN_NODES:
        return page_part(f"<div>{text(graph.title)}: {len(graph.nodes):,} kinds of steps, too many to draw</div>", told)
    return page_part(_scrolled(svg_text(graph, is_inline=True)), told)


def runs_html(runs: Sequence[RunView]) -> str:
    """Runs as a table."""
    if not runs:
        return page_part('<span class="dim">no runs</span>')
    return page_part(table(["", "run", "flow", "started", "took", "steps", ""], map(_run_row, runs)))


def _run_row(run: RunView) -> list[str]:
    started, ended = run["started_at"], run["ended_at"]
    took = duration_text((ended or time.time()) - started) if started is not None else ""
    error = run["error"] or {}
    told = (
        f"{error.get('step', '')} {error.get('type', '').rpartition('.')[2]}: {error.get('message', '')}"
        if error
        else ""
    )
    return [
        symbol(run["state"]),
        f"<code>{text(run['id'])}</code>",
        text(run["title"], 60),
        _moment(run["created_at"]),
        took,
        f"{sum(run['counts'].values()):,}",
        text(told.strip(" :").split("\n")[0], 90),
    ]


def steps_html(steps: Sequence[StepView], limit: int = 200) -> str:
    """Steps as a table."""
    if not steps:
        return page_part('<span class="dim">no steps</span>')
    shown = table(["", "step", "took", "attempts", "value", "place"], map(_step_row, steps[:limit]))
    more = f'<div class="dim">and {len(steps) - limit:,} more</div>' if len(steps) > limit else ""
    return page_part(shown, more)


def _step_row(step: StepView) -> list[str]:
    started, ended = step["started_at"], step["ended_at"]
    marks = f' <span class="dim">{text(", ".join(step["marks"]))}</span>' if step["marks"] else ""
    error = step["error"] or {}
    return [
        symbol(step["state"]),
        f"{text(step['path'], 80)}{marks}",
        duration_text(ended - started) if started is not None and ended is not None else "",
        f"{step['attempts']}",
        text(error.get("message", "").split("\n")[0] if error else step["preview"], 120),
        text(step["place"], 60),
    ]


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def outcome_html(is_ok: bool, value: str, kind: str = "", message: str = "", traceback: str = "") -> str:
    """What `settle` gave: the text of a value, or an error."""
    if is_ok:
        return page_part(f"{symbol('succeeded')} <code>{text(value, 2000)}</code>")
    told = f"{symbol('failed')} <b>{text(kind)}</b> {text(message, 2000)}"
    return page_part(folded(told, block(traceback_text(traceback))) if traceback else told)
