"""`partita advise`: what the last runs say should be asked for, cached, split, or run elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

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
from partita.workspace.past_runs import EarlierRun, PastRuns, expanded, past_steps
from partita.workspace.settings_file import write_task_settings
from partita.workspace.what_if import Machines, machines_of

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["advise", "executor_advice", "is_no_worse", "split_advice"]

#: Runs of each flow, and runs and steps in all, that are read; runs among which they are chosen.
_RUNS, _ALL_RUNS, _STEPS, _LISTED = 10, 100, 50_000, 1000
#: What the settings can say of a task.
_SETTINGS = frozenset({"cpu", "memory", "gpu", "executor"})
#: A step dominates from this share of the critical path and these seconds on; it is thought of as cut in so many.
_DOMINATES, _LONG_S, _PARTS = 0.4, 2.0, 4
#: An executor has to be better by this share.
_BETTER = 0.05
#: What is longer by no more than this share is as long.
_NO_WORSE = 1e-6
_TASKS_TRIED = 20


def advise(workspace: LocalWorkspace, flow: str, apply: bool) -> AdviceReport:
    """What the last runs that succeeded give reason to propose.

    What a task should ask for, and where it should run, rests on all flows that use it: the settings say it once for all.

    Args:
        flow: only of tasks of this flow; empty: of all.
        apply: write what the settings can say into the project's file.

    Raises:
        SettingsError: that file cannot be added to.
    """
    reader = _Reader(workspace, flow)
    reader.read()
    found: list[AdviceView] = []
    for flows, each, is_alone in _by_request(reader.taken):
        if not flow or flow in flows:
            found += [_view(advice, ", ".join(flows), is_alone) for advice in requests(each)]
    for (run_flow, _), each in reader.taken.items():
        if run_flow == (flow or run_flow):
            found += [_view(advice, run_flow, True) for advice in repeats(each)]
    planned = [made for run in reader.latest.values() if (made := _planned(workspace, run, reader.taken)) is not None]
    for last in planned:
        if last.flow == (flow or last.flow):
            found += _of_last_run(workspace, last, planned)
    written = ""
    applied: dict[str, dict[str, Any]] = {}
    for proposal in found:
        if proposal["can_apply"]:
            applied.setdefault(proposal["task"], {}).update(proposal["option"])
    if apply and applied:
        written = write_task_settings(workspace.folder, applied).name
    attempts = sum(len(each.attempts) for (_, title), each in reader.taken.items() if reader.concerns(title))
    return AdviceReport(runs=reader.runs, attempts=attempts, advice=found, written=written)


def _view(advice: Advice, flow: str, is_for_all: bool) -> AdviceView:
    """
    Args:
        is_for_all: it is no worse for other flows that use the task, so that the settings may say it.
    """
    return AdviceView(
        kind=advice.kind, task=advice.task, flow=flow, finding=advice.finding, proposal=advice.proposal,
        option=advice.option, can_apply=is_for_all and bool(advice.option) and advice.option.keys() <= _SETTINGS,
    )  # fmt: skip


#: (flow, name of a task)
_Place = tuple[str, str]


def _by_request(taken: Mapping[_Place, Taken]) -> list[tuple[list[str], Taken, bool]]:
    """What each task has taken in all flows in which it asks for the same: these, and whether it does so in all.

    Where it asks for something else in another one, the calls say so, and the settings should not speak over them.
    """
    groups: dict[tuple[str, float, float], tuple[list[str], Taken]] = {}
    for (flow, title), each in taken.items():
        key = (title, each.cpu, each.memory_bytes)
        flows, whole = groups.setdefault(key, ([], replace(each, attempts=[])))
        flows.append(flow)
        whole.attempts.extend(each.attempts)
    count = Counter(title for title, _, _ in groups)
    return [(flows, whole, count[whole.task] == 1) for flows, whole in groups.values()]


class _Reader:
    """Reads runs into what each task has taken in each flow; what the newest run of the flow asked for counts."""

    def __init__(self, workspace: LocalWorkspace, flow: str) -> None:
        """
        Args:
            flow: of others only runs are read that use a task of this one; empty: all are read.
        """
        self.workspace, self.flow = workspace, flow
        self.taken: dict[_Place, Taken] = {}
        self.latest: dict[str, RunView] = {}  # by flow
        self.runs = self._steps = 0

    def concerns(self, title: str) -> bool:
        """Whether the flow that is asked about has a task of this name."""
        return not self.flow or (self.flow, title) in self.taken

    def read(self) -> None:
        workspace = self.workspace
        own = workspace.runs(flow=self.flow, states=["succeeded"], limit=_RUNS) if self.flow else []
        ranked: list[tuple[int, RunView]] = []
        seen = Counter({self.flow: _RUNS} if self.flow else {})
        for run in workspace.runs(states=["succeeded"], limit=_LISTED):
            if seen[run["flow"]] < _RUNS:
                ranked.append((seen[run["flow"]], run))
                seen[run["flow"]] += 1
        ranked.sort(key=lambda pair: pair[0])  # the newest run of each flow before the second one of any
        for run in (*own, *(run for _, run in ranked)):
            steps = sum(run["counts"].values())
            if self.runs < _ALL_RUNS and self._steps + steps <= _STEPS:
                self._run(run, steps)

    def _run(self, run: RunView, steps: int) -> None:
        ask = self.workspace.ask
        traits = ask("traits", run=run["id"])
        if run["flow"] != self.flow and not any(self.concerns(title) for title, *_ in traits["asked"]):
            return
        self.runs += 1
        self._steps += steps
        self.latest.setdefault(run["flow"], run)
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
        title, (cpu, memory_bytes, _), is_cached, executor, _ = asked
        said = self.workspace.settings.tasks.get(title)
        if said is not None:  # perhaps since the run
            cpu = cpu if said.cpu is None else said.cpu
            memory_bytes = memory_bytes if said.memory_bytes is None else said.memory_bytes
            executor = said.executor or executor
        return self.taken.setdefault((run["flow"], title), Taken(title, cpu, memory_bytes, is_cached, executor))


class _Planned(NamedTuple):
    """The last run of a flow, planned as if it were to run again."""

    flow: str
    prepared: Prepared
    plan: Plan
    past: Past


def _planned(workspace: LocalWorkspace, run: RunView, taken: Mapping[_Place, Taken]) -> _Planned | None:
    """None: there is nothing of it to be planned."""
    steps = past_steps(workspace, run["id"])
    if not steps:
        return None
    root = FlowTask(steps[0]["path"], "", "flow", "", Demand(), "", "", "", ())
    tasks = []
    for task in expanded([root], EarlierRun(steps, {})):
        each = taken.get((run["flow"], task.title))
        if each is not None:
            demand = Demand(each.cpu, int(each.memory_bytes))
            task = replace(task, demand=demand, executor=each.executor)
        tasks.append(task)
    if tasks == [root]:
        return None
    machines, past = machines_of(workspace.settings), PastRuns([steps])
    try:
        prepared = prepare(run["title"], tasks, machines, past, workspace.settings.executor)
    except PlanningError:  # what ran then does not fit the settings of now
        return None
    return _Planned(run["flow"], prepared, make_plan(prepared.instance), past)


def _of_last_run(workspace: LocalWorkspace, last: _Planned, planned: Sequence[_Planned]) -> Iterator[AdviceView]:
    """What the last run of a flow says of its critical path and of its executors.

    Args:
        planned: the last runs of all flows.
    """
    machines = machines_of(workspace.settings)
    for advice in split_advice(last.prepared, last.plan, machines, last.past, workspace.settings.executor):
        yield _view(advice, last.flow, True)
    if len(machines.nodes) < 2:
        return
    for advice in executor_advice(last.prepared, last.plan, machines):
        title, where = advice.task, advice.option["executor"]
        is_for_all = all(is_no_worse(other.prepared, other.plan, machines, title, where) for other in planned)
        yield _view(advice, last.flow, is_for_all)


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
            found = _moved(prepared, machines, title, node.executor)
            if found is not None and found.value.objective < best.value.objective:
                best, where = found, node.executor
        if where and best.value.objective < plan.value.objective * (1.0 - _BETTER):
            yield Advice(
                "executor", title,
                f"the flow takes {_told(plan.value)} where it runs now",
                f"run it on {where}: {_told(best.value)}",
                {"executor": where},
            )  # fmt: skip


def is_no_worse(prepared: Prepared, plan: Plan, machines: Machines, title: str, executor: str) -> bool:
    """Whether a flow loses nothing if its tasks of this name, where it has any, run on the executor."""
    if all(task.title != title or task.executor == executor for task in prepared.tasks):
        return True
    found = _moved(prepared, machines, title, executor)
    return found is not None and found.value.objective <= plan.value.objective * (1.0 + _NO_WORSE)


def _moved(prepared: Prepared, machines: Machines, title: str, executor: str) -> Plan | None:
    """The plan with the tasks of this name on the executor; None: they are there already, or do not fit there."""
    moved = [replace(task, executor=executor) if task.title == title else task for task in prepared.tasks]
    if moved == list(prepared.tasks):
        return None
    try:
        return make_plan(prepare("", moved, machines, _Same(prepared), machines.nodes[0].executor).instance)
    except PlanningError:
        return None


def _told(value: Evaluation) -> str:
    return duration_text(value.makespan) + (f" and costs {value.cost:.4g}" if value.cost else "")


class _Same(NoHistory):
    """What is known of the tasks already."""

    def __init__(self, prepared: Prepared) -> None:
        self._known = {task.path: known for task, known in zip(prepared.tasks, prepared.known, strict=True)}

    def of(self, task: FlowTask) -> Any:
        return self._known[task.path]
