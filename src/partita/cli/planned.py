"""A plan of a flow as people read it."""

from __future__ import annotations

from partita.cli.output import Output
from partita.drawing.cells import clean
from partita.drawing.gantt import gantt_text
from partita.protocol.plans import MoreView, PlanView
from partita.units import duration_text

__all__ = ["tell_plan"]

_STYLES = {"critical": "warn", "other": "busy", "dim": "dim", "": ""}
_WIDTH_IN_PIPES = 100
_PATH_STEPS = 8
_MORE_LINES = 4


def tell_plan(output: Output, plan: PlanView) -> None:
    """The chart, and below it what it comes to."""
    is_unicode = output.can_show("█▒▏×→…")
    columns = output.columns(output.out) or _WIDTH_IN_PIPES
    for line in gantt_text(plan, columns, is_unicode=is_unicode):
        output.line("".join(output.paint(piece.text, _STYLES[piece.style]) for piece in line))
    output.line()
    rows = [("plan", _plan(plan)), ("finish", _finish(plan)), *_cost(plan)]
    arrow = " → " if is_unicode else " -> "
    rows += [("critical path", _critical(plan, arrow)), ("bottleneck", _bottleneck(plan)), *_more(plan)]
    rows += _doubts(plan)
    size = max(len(head) for head, _ in rows)
    for head, told in rows:
        output.line(output.paint(head.ljust(size), "dim") + "  " + clean(told))


def _plan(plan: PlanView) -> str:
    steps, nodes = len(plan["steps"]), len(plan["nodes"])
    told = f"{_count(steps, 'step')} on {_count(nodes, 'node')} in {duration_text(plan['makespan_s'])}"
    if plan["is_optimal"]:
        return told + ", which nothing can beat"
    if plan["beta"]:
        over = plan["objective"] / plan["bound"] - 1.0 if plan["bound"] else 0.0
        return f"{told}; the objective {plan['objective']:.4g} is at most {over:.1%} above the best there can be"
    return f"{told}; nothing can take less than {duration_text(plan['bound'] / (plan['alpha'] or 1.0))}"


def _finish(plan: PlanView) -> str:
    finish = plan["finish"]
    low, middle, high = (duration_text(finish[key]) for key in ("p10", "p50", "p90"))
    told = f"in 8 of 10 cases between {low} and {high} (P10, P90), half of them by {middle}"
    if finish["chance"] is not None and plan["deadline_s"] is not None:
        told += f"; by {duration_text(plan['deadline_s'])} in {finish['chance']:.0%} of cases"
    return told


def _cost(plan: PlanView) -> list[tuple[str, str]]:
    if not plan["cost"]:
        return []
    parts = ", ".join(f"{node['id']} {node['cost']:.4g}" for node in plan["nodes"] if node["cost"])
    return [("cost", f"{plan['cost']:.4g}: {parts}")]


def _critical(plan: PlanView, arrow: str) -> str:
    names = [plan["steps"][number]["path"] for number in plan["critical"]]
    if len(names) > _PATH_STEPS:
        half = _PATH_STEPS // 2
        names = [*names[:half], f"{len(names) - 2 * half} more", *names[-half:]]
    return f"{duration_text(plan['critical_s'])}: {arrow.join(names)}"


def _bottleneck(plan: PlanView) -> str:
    narrow = plan["bottleneck"]
    if not narrow["node"]:
        return "the critical path: only faster steps or faster nodes shorten it"
    return f"{narrow['resource']} of {narrow['node']}, held {narrow['share']:.0%} of the time"


def _more(plan: PlanView) -> list[tuple[str, str]]:
    ranked = sorted(plan["more"], key=lambda more: more["makespan_s"])
    helpful = [more for more in ranked if more["makespan_s"] < plan["makespan_s"] * 0.999]
    if not helpful:
        return [("one more", "core or node would shorten nothing")] if plan["more"] else []
    return [("one more" if not number else "", _gain(plan, more)) for number, more in enumerate(helpful[:_MORE_LINES])]


def _gain(plan: PlanView, more: MoreView) -> str:
    nouns = {"cpu": "core of", "gpu": "GPU of", "": "node like"}
    told = (
        f"{nouns.get(more['resource'], more['resource'] + ' of')} {more['node']}: {duration_text(more['makespan_s'])}"
    )
    told += f" ({duration_text(plan['makespan_s'] - more['makespan_s'])} less)"
    change = more["cost"] - plan["cost"]
    return told + (f", cost {more['cost']:.4g}" if abs(change) > 1e-9 else "")


def _doubts(plan: PlanView) -> list[tuple[str, str]]:
    """What the plan rests on that nobody knows."""
    rows = []
    if plan["guessed"]:
        known = len(plan["steps"])
        rows.append(
            ("guessed", f"the durations of {plan['guessed']:,} of {_count(known, 'step')}: they have not run yet")
        )
    if plan["unknown"]:
        names = ", ".join(plan["unknown"][:4]) + (", ..." if len(plan["unknown"]) > 4 else "")
        rows.append(("unknown", f"what comes of {names}: it will take longer by that"))
    return rows


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
