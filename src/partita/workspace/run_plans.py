"""The plan of a run that goes on or is over, as `partita plan` tells one of a flow: made of the times that the engine kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.drawing.run_times import Span, critical_steps
from partita.protocol.plans import BottleneckView, FinishView, PlannedNodeView, PlannedStepView, PlanView
from partita.protocol.requests import RunView, StepView

__all__ = ["run_plan"]


def run_plan(run: RunView, steps: Sequence[StepView], times: Sequence[Sequence[Any]]) -> PlanView:
    """When steps were first thought to run; what a forecast does not know of a plan is 0 or empty.

    Args:
        times: [step, executor, seconds from the beginning of the run, seconds that it takes] of some of the steps.
    """
    known = {step["id"]: step for step in steps}
    kept = [time for time in times if time[0] in known]
    positions = {time[0]: position for position, time in enumerate(kept)}
    spans = [Span(start_s, start_s + seconds, "succeeded", number) for number, _, start_s, seconds in kept]
    critical = [positions[number] for number in critical_steps(steps, spans)]
    views = [_step(known[time[0]], time, positions) for time in kept]
    for position in critical:
        views[position]["is_critical"] = True
    told, began = run["notes"].get("planned"), run["started_at"] or run["created_at"]
    last_s = max((span.end_at for span in spans), default=0.0)
    finish = {name: told[name] - began if told else last_s for name in ("p10", "p50", "p90")}
    critical_s = sum(views[position]["seconds"] for position in critical)
    makespan_s = finish["p50"]
    return PlanView(
        title=run["title"], steps=views, nodes=_nodes(views), alpha=1.0, beta=0.0, makespan_s=makespan_s, cost=0.0,
        objective=makespan_s, bound=0.0, least_s=0.0, least_cost=0.0, is_optimal=False, planner="forecast",
        finish=FinishView(p10=finish["p10"], p50=makespan_s, p90=finish["p90"], samples=0, chance=None), critical=critical,
        critical_s=critical_s,
        bottleneck=BottleneckView(node="", resource="", share=min(critical_s / makespan_s, 1.0) if makespan_s > 0 else 0.0),
        more=[], frontier=[], guessed=0, unknown=[], from_past=[], past_runs=0, deadline_s=None, budget=None, refusal="",
        graph=[], problems=[],
    )  # fmt: skip


def _step(step: StepView, time: Sequence[Any], positions: dict[int, int]) -> PlannedStepView:
    _, executor, start_s, seconds = time
    return PlannedStepView(
        path=step["path"], title=step["name"].partition("[")[0], kind=step["kind"], place=step["place"],
        needs=[positions[source] for source in dict.fromkeys(step["inputs"]) if source in positions], node=executor,
        start_s=start_s, seconds=seconds, low_s=seconds, high_s=seconds, basis="forecast", demand={}, cost=0.0,
        is_critical=False,
    )  # fmt: skip


def _nodes(steps: Sequence[PlannedStepView]) -> list[PlannedNodeView]:
    counts: dict[str, int] = {}
    for step in steps:
        if step["node"]:
            counts[step["node"]] = counts.get(step["node"], 0) + 1
    return [
        PlannedNodeView(id=name, capacity={}, speed=1.0, price={}, rent=0.0, steps=count, busy={}, cost=0.0)
        for name, count in counts.items()
    ]
