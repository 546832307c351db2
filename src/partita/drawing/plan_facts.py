"""What a plan comes to, in words: the same on a terminal and in a page."""

from __future__ import annotations

from partita.protocol.plans import MoreView, PlanView
from partita.units import duration_text

__all__ = ["plan_facts"]

_PATH_STEPS = 8
_MORE_LINES = 4
_LESS = 0.99  # of a makespan is told from the makespan


def plan_facts(plan: PlanView, *, is_unicode: bool = True) -> list[tuple[str, str]]:
    """Pairs of a topic and what is to be said of it; the topic is empty where the one before goes on."""
    rows = [("plan", _plan(plan)), ("finish", _finish(plan)), *_cost(plan)]
    rows += [("critical path", _critical(plan, " → " if is_unicode else " -> ")), ("bottleneck", _bottleneck(plan))]
    return [*rows, *_more(plan), *_doubts(plan)]


def _plan(plan: PlanView) -> str:
    steps, nodes = len(plan["steps"]), len(plan["nodes"])
    told = f"{_count(steps, 'step')} on {_count(nodes, 'node')}, {duration_text(plan['makespan_s'])}"
    told += " if each takes its usual time"
    if plan["deadline_s"] is not None or plan["budget"] is not None:
        least = f"less than {duration_text(plan['least_s'])}, and none costs less than {plan['least_cost']:.4g}"
        return f"{told}; no plan takes {least}"
    if plan["is_optimal"]:
        return told + ", which no plan can beat"
    if plan["beta"]:
        over = plan["objective"] / plan["bound"] - 1.0 if plan["bound"] else 0.0
        goal = f"{plan['alpha']:g} × time + {plan['beta']:g} × cost"
        return f"{told}; {goal} is {plan['objective']:.4g}, at most {over:.1%} above the best there can be"
    over = plan["makespan_s"] / plan["least_s"] - 1.0 if plan["least_s"] else 0.0
    return f"{told}; at most {over:.1%} above the best there can be"


def _finish(plan: PlanView) -> str:
    finish = plan["finish"]
    low, middle, high = (duration_text(finish[key]) for key in ("p10", "p50", "p90"))
    told = f"8 of 10 cases between {low} and {high} (P10, P90), half of them by {middle} (P50)"
    if finish["chance"] is not None and plan["deadline_s"] is not None:
        told += f"; {finish['chance']:.0%} by the deadline of {duration_text(plan['deadline_s'])}"
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
    ranked = sorted(plan["more"], key=lambda more: (more["makespan_s"], more["cost"]))
    helpful = [more for more in ranked if _helps(plan, more)]
    if not helpful:
        return [("one more", "core or node would bring nothing")] if plan["more"] else []
    return [("one more" if not number else "", _gain(plan, more)) for number, more in enumerate(helpful[:_MORE_LINES])]


def _helps(plan: PlanView, more: MoreView) -> bool:
    return more["makespan_s"] < plan["makespan_s"] * _LESS or more["cost"] < plan["cost"] * _LESS


def _gain(plan: PlanView, more: MoreView) -> str:
    nouns = {"cpu": "core of", "gpu": "GPU of", "": "node like"}
    told = (
        f"{nouns.get(more['resource'], more['resource'] + ' of')} {more['node']}: {duration_text(more['makespan_s'])}"
    )
    change = more["makespan_s"] - plan["makespan_s"]
    if abs(change) > 1e-9:
        told += f" ({duration_text(abs(change))} {'more' if change > 0 else 'less'})"
    return told + (f", cost {more['cost']:.4g}" if abs(more["cost"] - plan["cost"]) > 1e-9 else "")


def _doubts(plan: PlanView) -> list[tuple[str, str]]:
    """What the plan rests on that nobody knows."""
    rows = []
    if plan["guessed"]:
        steps = len(plan["steps"])
        which = "all steps" if plan["guessed"] == steps else f"{plan['guessed']:,} of {_count(steps, 'step')}"
        rows.append(("guessed", f"the durations of {which}, of which nothing is known yet"))
    if plan["from_past"]:
        rows.append(("as before", f"{_names(plan['from_past'])}: {_as_before(plan['past_runs'])}"))
    if plan["unknown"]:
        rows.append(("unknown", f"what comes of {_names(plan['unknown'])}: the run takes longer by that"))
    return rows


def _as_before(runs: int) -> str:
    if runs == 1:
        return "the steps that came of it in the last run"
    return f"the steps that came of it in a usual run; the finish counts what came of it in {runs:,} runs"


def _names(paths: list[str]) -> str:
    return ", ".join(paths[:4]) + (", ..." if len(paths) > 4 else "")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
