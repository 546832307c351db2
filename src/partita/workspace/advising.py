"""`partita advise`: what the last runs say should be asked for, cached, split, or run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from partita.core.records import Demand
from partita.errors import PlanningError
from partita.plan.advice import Advice, Attempt, Taken, repeats, requests
from partita.plan.evaluation import Evaluation
from partita.plan.insight import critical_path
from partita.plan.planner import Plan, make_plan
from partita.protocol.advice import AdviceReport, AdviceView
from partita.protocol.requests import RunView
from partita.units import duration_text
from partita.workspace.flow_instance import NoHistory, Past, Prepared, prepare
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.past_runs import PastRuns, expanded, past_steps
from partita.workspace.settings_file import write_task_settings
from partita.workspace.what_if import Machines, machines_of

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["advise", "executor_advice", "split_advice"]

_RUNS, _STEPS = 10, 50_000
#: What the settings can say of a task.
_SETTINGS = frozenset({"cpu", "memory", "gpu", "executor"})
#: A step dominates from this share of the critical path and these seconds on; it is thought of as cut in so many.
_DOMINATES, _LONG_S, _PARTS = 0.4, 2.0, 4
#: An executor has to be better by this share.
_BETTER = 0.05
_TASKS_TRIED = 20


def advise(workspace: LocalWorkspace, flow: str, apply: bool) -> AdviceReport:
    """What the last runs that succeeded give reason to propose.

    Args:
        flow: only of runs of this flow; empty: of all.
        apply: write what the settings can say into the project's file.

    Raises:
        SettingsError: that file cannot be added to.
    """
    taken, runs, attempts = _Reader(workspace).read(workspace.runs(flow=flow, states=["succeeded"], limit=_RUNS))
    found: list[AdviceView] = []
    for (run_flow, _), each in taken.items():
        found += [_view(advice, run_flow) for advice in (*requests(each), *repeats(each))]
    latest: dict[str, RunView] = {}
    for run in runs:
        latest.setdefault(run["flow"], run)
    for run in latest.values():
        demands = {title: each for (run_flow, title), each in taken.items() if run_flow == run["flow"]}
        found += [_view(advice, run["flow"]) for advice in _of_run(workspace, run, demands)]
    written = ""
    applied: dict[str, dict[str, Any]] = {}
    for advice in found:
        if advice["can_apply"]:
            applied.setdefault(advice["task"], {}).update(advice["option"])
    if apply and applied:
        written = write_task_settings(workspace.folder, applied).name
    return AdviceReport(runs=len(runs), attempts=attempts, advice=found, written=written)


def _view(advice: Advice, flow: str) -> AdviceView:
    return AdviceView(
        kind=advice.kind, task=advice.task, flow=flow, finding=advice.finding, proposal=advice.proposal,
        option=advice.option, can_apply=bool(advice.option) and advice.option.keys() <= _SETTINGS,
    )  # fmt: skip


class _Reader:
    """Reads runs into what each task has taken; what the newest run asked for counts."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.workspace = workspace
        self.taken: dict[tuple[str, str], Taken] = {}

    def read(self, runs: Sequence[RunView]) -> tuple[dict[tuple[str, str], Taken], list[RunView], int]:
        steps, read = 0, []
        for run in runs:
            steps += sum(run["counts"].values())
            if steps > _STEPS:
                break
            self._run(run)
            read.append(run)
        return self.taken, read, sum(len(each.attempts) for each in self.taken.values())

    def _run(self, run: RunView) -> None:
        ask = self.workspace.ask
        traits = ask("traits", run=run["id"])
        inputs = repr(sorted(traits["inputs"].items()))
        profiles: dict[int, int] = {}
        paths: dict[int, str] = {}
        after = -1
        while page := ask("step_traits", run=run["id"], after=after):
            for number, parent, name, kind, state, profile, digest, _, attempts, seconds in page:
                paths[number] = f"{paths.get(parent, '')}/{name}"
                if kind != "task" or state != "succeeded" or not attempts:
                    continue
                profiles[number] = profile
                code = traits["profiles"][profile][1]
                each = self._of(run, traits["asked"][profile])
                if code and digest and seconds is not None:
                    each.values.setdefault((code, paths[number], inputs), []).append((digest, seconds))
            after = page[-1][0]
        for attempt in self.workspace.attempts(run["id"]):
            if attempt["outcome"] == "succeeded" and attempt["step"] in profiles and attempt["ended_at"] is not None:
                seconds = max(attempt["ended_at"] - attempt["started_at"], 0.0)
                each = self._of(run, traits["asked"][profiles[attempt["step"]]])
                each.attempts.append(Attempt(seconds, attempt["cpu_s"], attempt["peak_bytes"]))

    def _of(self, run: RunView, asked: list[Any]) -> Taken:
        title, (cpu, memory_bytes, _), is_cached, executor = asked
        said = self.workspace.settings.tasks.get(title)
        if said is not None:  # perhaps since the run
            cpu = cpu if said.cpu is None else said.cpu
            memory_bytes = memory_bytes if said.memory_bytes is None else said.memory_bytes
            executor = said.executor or executor
        return self.taken.setdefault((run["flow"], title), Taken(title, cpu, memory_bytes, is_cached, executor))


def _of_run(workspace: LocalWorkspace, run: RunView, taken: dict[str, Taken]) -> Iterator[Advice]:
    """What the last run of a flow says of its critical path and of its executors."""
    steps = past_steps(workspace, run["id"])
    if not steps:
        return
    root = FlowTask(steps[0]["path"], "", "flow", "", Demand(), "", "", "", ())
    tasks = [
        replace(
            task, demand=Demand(taken[task.title].cpu, int(taken[task.title].memory_bytes)),
            executor=taken[task.title].executor,
        )
        if task.title in taken else task
        for task in expanded([root], steps)
    ]  # fmt: skip
    if tasks == [root]:
        return
    machines, past = machines_of(workspace.settings), PastRuns([steps])
    try:
        prepared = prepare(run["title"], tasks, machines, past, workspace.settings.executor)
    except PlanningError:  # what ran then does not fit the settings of now
        return
    plan = make_plan(prepared.instance)
    yield from split_advice(prepared, plan, machines, past, workspace.settings.executor)
    if len(machines.nodes) > 1:
        yield from executor_advice(prepared, plan, machines)


def split_advice(prepared: Prepared, plan: Plan, machines: Machines, past: Past, default: str) -> Iterator[Advice]:
    """The step that dominates the critical path, if one does and parts of it would make the flow faster."""
    instance, schedule = prepared.instance, plan.schedule
    path = critical_path(instance, schedule)
    whole = sum(instance.seconds(task, schedule.nodes[task]) for task in path)
    longest = max(path, key=lambda task: instance.seconds(task, schedule.nodes[task]))
    seconds = instance.seconds(longest, schedule.nodes[longest])
    if seconds < _LONG_S or seconds < _DOMINATES * whole:
        return
    task = prepared.tasks[longest]
    others = [replace(task, path=f"{task.path} (part {number})", title="") for number in range(2, _PARTS + 1)]
    parts = dict.fromkeys([task.path, *(other.path for other in others)], seconds / _PARTS)
    shorter = replace(machines, durations={**machines.durations, **parts})
    first = len(prepared.tasks)
    rest = [
        replace(each, needs=(*each.needs, *range(first, first + len(others)))) if longest in each.needs else each
        for each in prepared.tasks
    ]
    cut = make_plan(prepare(instance.name, [*rest, *others], shorter, past, default).instance)
    if cut.value.makespan > plan.value.makespan * (1.0 - _BETTER):
        return
    yield Advice(
        "split", task.title,
        f"{task.path} takes {duration_text(seconds)} of the {duration_text(whole)} of the critical path, "
        f"{seconds / whole:.0%}, which no further core shortens",
        f"split it, by a map for instance: in {_PARTS} parts the flow would take "
        f"{duration_text(cut.value.makespan)} instead of {duration_text(plan.value.makespan)}", {},
    )  # fmt: skip


def executor_advice(prepared: Prepared, plan: Plan, machines: Machines) -> Iterator[Advice]:
    """Tasks that would better run on another executor: each task of the flow tried on each, all else as it is."""
    titles = list(dict.fromkeys(task.title for task in prepared.tasks))[:_TASKS_TRIED]
    for title in titles:
        best, where = plan, ""
        for node in machines.nodes:
            moved = [replace(task, executor=node.executor) if task.title == title else task for task in prepared.tasks]
            if moved == list(prepared.tasks):
                continue
            try:
                found = make_plan(prepare("", moved, machines, _Same(prepared), machines.nodes[0].executor).instance)
            except PlanningError:
                continue
            if found.value.objective < best.value.objective:
                best, where = found, node.executor
        if where and best.value.objective < plan.value.objective * (1.0 - _BETTER):
            yield Advice(
                "executor", title,
                f"the flow takes {_told(plan.value)} where it runs now",
                f"run it on {where}: {_told(best.value)}",
                {"executor": where},
            )  # fmt: skip


def _told(value: Evaluation) -> str:
    return duration_text(value.makespan) + (f" and costs {value.cost:.4g}" if value.cost else "")


class _Same(NoHistory):
    """What is known of the tasks already."""

    def __init__(self, prepared: Prepared) -> None:
        self._known = {task.path: known for task, known in zip(prepared.tasks, prepared.known, strict=True)}

    def of(self, task: FlowTask) -> Any:
        return self._known[task.path]
