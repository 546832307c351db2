"""Planning a flow before it runs: what `partita plan FLOW` tells."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING

from partita.errors import CheckError, Problem
from partita.plan.aims import Aim
from partita.plan.bounds import Bounds, lower_bounds
from partita.plan.evaluation import Schedule
from partita.plan.forecast import Forecast, simulate
from partita.plan.frontier import apart, cheapen, frontier
from partita.plan.insight import bottleneck, busy_shares, critical_path, node_costs, what_more_brings
from partita.plan.instance import Instance
from partita.plan.pareto import Point
from partita.plan.planner import Means, Plan, make_plan
from partita.protocol.plans import (
    BottleneckView,
    FinishView,
    FrontierView,
    MoreView,
    PlannedNodeView,
    PlannedStepView,
    PlanRequest,
    PlanView,
)
from partita.protocol.requests import ExpectationView
from partita.units import duration_text
from partita.workspace.checking import laid_step, lay_out
from partita.workspace.executors import node_classes_of
from partita.workspace.flow_instance import GUESS, Past, Prepared, prepare
from partita.workspace.flow_tasks import tasks_of
from partita.workspace.learned import Asked, Learned
from partita.workspace.past_runs import EarlierRun, PastRuns, Shape, has_run, past_runs, shapes_of
from partita.workspace.planning import plan_within
from partita.workspace.what_if import STEP, Machines, machines_of, read_machines

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["plan_flow", "view_of"]

#: How often something may come, beside others: twice as often as what counts half as much.
_Share = tuple[Prepared, int]
#: Questions that are asked of the engine at once.
_PAGE = 500
#: Steps that are simulated, in all, for a forecast of the finish; and how often at least and at most.
_SIMULATED, _FEWEST, _MOST = 100_000, 30, 1000
#: Steps that are simulated at most where it was said how often, and seconds after which what there is has to do.
_SIMULATED_IF_ASKED, _SIMULATE_S = 10_000_000, 120.0
_NEVER = float("inf")
#: Steps up to which plans between the fastest and the cheapest are always looked at.
_SMALL = 100
#: Seconds that a proof may take where nothing else is said.
_PROVE_S = 10.0
#: What is no slower than by this factor is equally fast, and may be cheaper.
_EQUALLY_FAST = 1.001
#: Rounds of search where no time was asked for, and seconds that they may take at most.
_ROUNDS, _BRIEF_S = 40, 0.25
#: Steps up to which it is worth beginning a search for so short a time.
_SEARCHED = 1000
_UNCONSTRAINED: PlanRequest = {"deadline_s": None, "budget": None}


def plan_flow(
    workspace: LocalWorkspace, flow: str, texts: dict[str, str], request: PlanRequest, title: str = ""
) -> PlanView:
    """Lay the flow out and plan it; nothing of it is run.

    Args:
        title: the flow's name for people; default: that of its function.

    Raises:
        CheckError: the flow is refused.
        PlanningError: it cannot be planned, on these nodes or at all.
    """
    settings = workspace.settings
    nodes = request.get("nodes") or ""
    machines = read_machines(Path(nodes), settings) if nodes else machines_of(settings)
    machines = _with_objective(machines, request)
    executor = request.get("executor") or ""
    laid = lay_out(workspace, flow, texts, executor=executor)
    refused = [problem for problem in laid.problems if not problem.get("is_warning")]
    # What no executor can run is not refused where the plan is for other nodes.
    if laid.rows is None or (refused and not machines.is_what_if):
        raise CheckError([Problem(**problem) for problem in refused or laid.problems])
    title = title or flow.rpartition(":")[2]
    known = tasks_of(laid.rows, laid.profiles)
    runs = past_runs(workspace, flow, with_options=any(task.kind == "flow" for task in known))
    default = executor or settings.executor
    shapes = shapes_of(known, runs)
    past = _past(workspace, flow, runs, default, shapes)
    usual, *others = _by_use([(prepare(title, tasks, machines, past, default), times) for tasks, times in shapes])
    made = view_of(usual[0], request, usual[1], others)
    paths = {task.path for task in usual[0].tasks}
    made["from_past"] = [task.path for task in known if task.path not in paths]
    made["past_runs"] = sum(shape.runs for shape in shapes) if made["from_past"] else 0
    made["graph"] = [laid_step(number, row) for number, row in enumerate(laid.rows)]
    made["problems"] = [problem for problem in laid.problems if problem.get("is_warning")]
    return made


def _past(
    workspace: LocalWorkspace,
    flow: str,
    runs: Sequence[EarlierRun],
    default: str,
    shapes: Sequence[Shape],
) -> Past:
    """What was learned of steps, and what the last runs show of the others."""

    def ask(asked: Sequence[Asked]) -> list[ExpectationView]:
        pages = (asked[first : first + _PAGE] for first in range(0, len(asked), _PAGE))
        return [view for page in pages for view in workspace.ask("expect", asked=[list(each) for each in page])]

    past = PastRuns([run.steps for run in runs])
    views = workspace.history() if runs or has_run(workspace) else []
    learned = Learned(views, node_classes_of(workspace.settings).get(default, ""), flow, ask, past)
    learned.look_up(task for shape in shapes for task in shape.tasks)
    return learned


def _by_use(shapes: Sequence[_Share]) -> list[_Share]:
    """The shape first of which half the runs took less work and half took more, then the others."""
    ranked = sorted(shapes, key=lambda shape: sum(shape[0].instance.durations))
    left = sum(count for _, count in ranked) / 2
    for usual in ranked:
        left -= usual[1]
        if left <= 0:
            break
    return [usual, *(shape for shape in shapes if shape is not usual)]


def _with_objective(machines: Machines, request: PlanRequest) -> Machines:
    alpha, beta = request.get("alpha"), request.get("beta")
    if alpha is not None:
        machines = replace(machines, alpha=alpha)
    return replace(machines, beta=beta) if beta is not None else machines


def view_of(prepared: Prepared, request: PlanRequest, count: int = 1, others: Sequence[_Share] = ()) -> PlanView:
    """The plan of what was prepared, with all that is to be told of it.

    Args:
        count: how often it counts beside the others.
        others: what may come instead, and how often: the finish is drawn from all of them.
    """
    instance = prepared.instance
    bounds = lower_bounds(instance)
    deadline, budget = request.get("deadline_s"), request.get("budget")
    plan, points, refusal = _first_plan(instance, bounds, request), [], ""
    is_small = bool(instance.beta) and len(instance) <= _SMALL
    if request.get("with_frontier") or deadline is not None or budget is not None or is_small:
        points = frontier(instance, bounds, _solve)
        plan = _better(plan, points)
    aim = Aim(deadline, budget)
    if aim.is_constrained:
        found = aim.chosen(instance, points)
        if found is None:
            refusal = _refusal(points, bounds, deadline, budget)
            aim = replace(aim, is_out_of_reach=True)
            found = aim.ends(points)
        plan = Plan(found.schedule, found.value, bounds.objective, plan.planner)
    asked: PlanRequest = {**request, **_UNCONSTRAINED} if refusal else request
    view = _view(prepared, plan, bounds, aim)
    alike = [(other, _planned(other.instance, request), times) for other, times in others]
    view["finish"] = _finish([(prepared, plan.schedule, count), *alike], asked)
    view["deadline_s"], view["budget"], view["refusal"] = deadline, budget, refusal
    if request.get("with_frontier"):
        view["frontier"] = _front(instance, points, Point(plan.schedule, plan.value))
    return view


def _first_plan(instance: Instance, bounds: Bounds, request: PlanRequest) -> Plan:
    """The plan by the instance's own objective; of equally fast ones a cheap one."""
    must_prove = bool(request.get("must_prove"))
    limit_s = request.get("time_limit_s") or (_PROVE_S if must_prove else 0.0)
    seed = request.get("seed", 0)
    plan = plan_within(instance, limit_s, must_prove, seed) if limit_s else _brief_plan(instance, seed)
    if must_prove or instance.beta or not any(any(node.price) for node in instance.nodes):
        return plan
    found = cheapen(instance, Point(plan.schedule, plan.value), plan.value.makespan * _EQUALLY_FAST)
    return replace(plan, schedule=found.schedule, value=found.value)


def _brief_plan(instance: Instance, seed: int = 0) -> Plan:
    """What quick rules and a few rounds of search find: the same each time, on a machine that is not too slow."""
    clock = time.perf_counter
    if len(instance) > _SEARCHED:
        return make_plan(instance)
    return make_plan(instance, Means(clock, clock() + _BRIEF_S, random.Random(seed), rounds=_ROUNDS))


def _better(plan: Plan, points: Sequence[Point]) -> Plan:
    """What is best by the objective may have been found with another one in mind."""
    best = min(points, key=lambda point: point.value.objective)
    if best.value.objective >= plan.value.objective:
        return plan
    return Plan(best.schedule, best.value, plan.bound, f"{plan.planner}, between time and cost")


def _solve(instance: Instance) -> Schedule:
    return _brief_plan(instance).schedule


def _refusal(points: Sequence[Point], bounds: Bounds, deadline: float | None, budget: float | None) -> str:
    """Why no plan keeps them."""
    if deadline is not None and bounds.makespan > deadline:
        return (
            f"no plan is done in {duration_text(deadline)}: what the steps need of each other and of the nodes takes "
            f"{duration_text(bounds.makespan)} at least"
        )
    if budget is not None and bounds.cost > budget:
        return f"no plan costs {budget:g} or less: the steps on their cheapest nodes cost {bounds.cost:.4g} at least"
    fastest, cheapest = points[0].value, points[-1].value
    if deadline is not None and fastest.makespan > deadline:
        return (
            f"no plan was found that is done in {duration_text(deadline)}: the fastest takes "
            f"{duration_text(fastest.makespan)}, and it is only proved that {duration_text(bounds.makespan)} are needed"
        )
    if budget is not None and cheapest.cost > budget:
        return (
            f"no plan was found that costs {budget:g} or less: the cheapest costs {cheapest.cost:.4g}, and it is only "
            f"proved that {bounds.cost:.4g} are needed"
        )
    assert deadline is not None and budget is not None
    in_time = [point for point in points if point.value.makespan <= deadline]
    return (
        f"no plan was found that is done in {duration_text(deadline)} and costs {budget:g} or less: in time the cheapest "
        f"found costs {in_time[-1].value.cost:.4g}"
    )


def _front(instance: Instance, points: Sequence[Point], chosen: Point) -> list[FrontierView]:
    """The front, the chosen plan in its place among the others."""
    made = []
    for point in apart(points, chosen):
        counts: dict[str, int] = {}
        for node in point.schedule.nodes:
            counts[instance.nodes[node].id] = counts.get(instance.nodes[node].id, 0) + 1
        made.append(
            FrontierView(
                makespan_s=point.value.makespan, cost=point.value.cost, nodes=counts, is_chosen=point is chosen
            )
        )
    return made


def _view(prepared: Prepared, plan: Plan, bounds: Bounds, aim: Aim) -> PlanView:
    instance, schedule = prepared.instance, plan.schedule
    path = critical_path(instance, schedule)
    narrow = bottleneck(instance, schedule, plan.value.makespan, path)
    more = what_more_brings(instance, schedule, aim.planned_like(schedule, _solve), aim.measure)
    names = [node.id for node in instance.nodes]
    steps = _steps(prepared, schedule, frozenset(path))
    return PlanView(
        title=instance.name,
        steps=steps,
        nodes=_nodes(instance, plan),
        alpha=instance.alpha,
        beta=instance.beta,
        makespan_s=plan.value.makespan,
        cost=plan.value.cost,
        objective=plan.value.objective,
        bound=min(plan.bound, plan.value.objective),
        least_s=min(bounds.makespan, plan.value.makespan),
        least_cost=min(bounds.cost, plan.value.cost),
        is_optimal=plan.is_optimal,
        planner=plan.planner,
        finish=FinishView(p10=0.0, p50=0.0, p90=0.0, samples=0, chance=None),
        critical=path,
        critical_s=sum(steps[task]["seconds"] for task in path),
        bottleneck=BottleneckView(
            node="" if narrow.node < 0 else names[narrow.node],
            resource="" if narrow.node < 0 else instance.resources[narrow.resource],
            share=narrow.share,
        ),
        more=[
            MoreView(
                node=names[item.node],
                resource="" if item.resource < 0 else instance.resources[item.resource],
                makespan_s=item.value.makespan,
                cost=item.value.cost,
            )
            for item in more
        ],
        frontier=[],
        guessed=sum(known.basis == GUESS for known in prepared.known),
        unknown=[
            task.path
            for task, known in zip(prepared.tasks, prepared.known, strict=True)
            if task.kind == "wait" or (task.kind == "flow" and known.basis == GUESS)
        ],
        from_past=[],
        past_runs=0,
        deadline_s=aim.deadline_s,
        budget=aim.budget,
        refusal="",
        graph=[],
        problems=[],
    )


def _steps(prepared: Prepared, schedule: Schedule, critical: frozenset[int]) -> list[PlannedStepView]:
    instance, made = prepared.instance, []
    for number, (task, known) in enumerate(zip(prepared.tasks, prepared.known, strict=True)):
        node = schedule.nodes[number]
        seconds, median = instance.seconds(number, node), known.spread.median
        made.append(
            PlannedStepView(
                path=task.path, title=task.title, kind=task.kind, place=task.place, needs=list(task.needs),
                node=instance.nodes[node].id, start_s=schedule.starts[number], seconds=seconds,
                low_s=seconds * known.spread.quantile(0.1) / median if median else 0.0,
                high_s=seconds * known.spread.quantile(0.9) / median if median else 0.0,
                basis=known.basis,
                demand={
                    instance.resources[resource]: amount
                    for resource, amount in instance.demands[number] if instance.resources[resource] != STEP
                },
                cost=instance.task_cost(number, node), is_critical=number in critical,
            )
        )  # fmt: skip
    return made


def _nodes(instance: Instance, plan: Plan) -> list[PlannedNodeView]:
    shares = busy_shares(instance, plan.schedule, plan.value.makespan)
    costs = node_costs(instance, plan.schedule)
    asked = {resource for demand in set(instance.demands) for resource, _ in demand}
    shown = [(number, name) for number, name in enumerate(instance.resources) if number in asked and name != STEP]
    return [
        PlannedNodeView(
            id=node.id,
            capacity={name: node.capacity[number] for number, name in shown},
            speed=node.speed,
            price={name: price for name, price in zip(instance.resources, node.price, strict=False) if price},
            rent=node.rent,
            steps=sum(place == number for place in plan.schedule.nodes),
            busy={name: shares[number][resource] for resource, name in shown},
            cost=costs[number],
        )
        for number, node in enumerate(instance.nodes)
    ]


def _planned(instance: Instance, request: PlanRequest) -> Schedule:
    """A plan towards the same aim, found in next to no time."""
    aim = Aim(request.get("deadline_s"), request.get("budget"))
    return aim.planned_briefly(instance)


def _finish(shapes: Sequence[tuple[Prepared, Schedule, int]], request: PlanRequest) -> FinishView:
    """When everything is done: draws from each shape, with its schedule, as often as it counts."""
    clock = time.perf_counter
    until_s = clock() + (request.get("simulate_s") or _SIMULATE_S)
    makespans: list[float] = []
    for makespan in _drawn(shapes, _samples(request, max(len(prepared.tasks) for prepared, _, _ in shapes)), request):
        makespans.append(makespan)
        if clock() >= until_s:
            break  # what there is by now tells nearly as much
    drawn = Forecast(tuple(sorted(makespans)))
    deadline = request.get("deadline_s")
    return FinishView(
        p10=drawn.quantile(0.1), p50=drawn.quantile(0.5), p90=drawn.quantile(0.9), samples=len(drawn.makespans),
        chance=None if deadline is None else drawn.chance(deadline),
    )  # fmt: skip


def _samples(request: PlanRequest, steps: int) -> int:
    """How many runs of so many steps are simulated: as many as asked for, as far as they may be."""
    asked = request.get("samples")
    if not asked:
        return min(max(_SIMULATED // steps, _FEWEST), _MOST)
    return min(asked, max((request.get("simulated_steps") or _SIMULATED_IF_ASKED) // steps, _FEWEST))


def _drawn(shapes: Sequence[tuple[Prepared, Schedule, int]], samples: int, request: PlanRequest) -> Iterator[float]:
    """Makespans, of the shapes in turn, so that each counts for what it should wherever it is broken off."""
    draw = random.Random(request.get("seed", 0)).random
    total = sum(count for _, _, count in shapes)
    runs = [
        simulate(prepared.instance, schedule, prepared.uncertain, draw) for prepared, schedule, _ in shapes
    ]  # fmt: skip
    turns = (_turns(shape, max(round(samples * count / total), 1)) for shape, (_, _, count) in enumerate(shapes))
    return (next(runs[shape]) for _, shape in merge(*turns))


def _turns(shape: int, count: int) -> Iterator[tuple[float, int]]:
    """When, from 0 to 1, it is the shape's turn, so many times."""
    return (((number + 0.5) / count, shape) for number in range(count))
