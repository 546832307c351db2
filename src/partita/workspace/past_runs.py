"""What earlier runs of a flow tell a plan: how long steps took, and what came of the parts that are laid out later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp, log, sqrt
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, NamedTuple

from partita.core.records import Demand, Profile
from partita.core.tuning import tuned
from partita.drawing.progress import group_name
from partita.plan.spreads import Guess
from partita.protocol.requests import AttemptView, StepView
from partita.workspace.flow_instance import Known
from partita.workspace.flow_tasks import FlowTask

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = [
    "EarlierRun", "Options", "PastRuns", "Shape", "expanded", "has_run", "of_last_attempts", "past_runs", "past_steps",
    "shapes_of",
]  # fmt: skip

_RUNS = 10
_STEPS = 20_000
#: Seconds below which differences do not matter, and the least spread of durations (as logarithm).
_BRIEF_S, _LEAST_SIGMA = 0.01, 0.15
#: The spread of what was seen once.
_SEEN_ONCE = 0.6


class PastRuns:
    """How long steps of each name took in some runs; see `flow_instance.Past`."""

    def __init__(self, runs: Sequence[Sequence[StepView]]) -> None:
        """
        Args:
            runs: all steps of each run.
        """
        self._seconds: dict[str, list[float]] = {}
        for steps in runs:
            for step in steps:
                seconds = _seconds(step)
                if seconds is not None:
                    self._seconds.setdefault(_name(step["path"]), []).append(seconds)
        self._known: dict[str, Known] = {}

    def of(self, task: FlowTask) -> Known | None:
        name = _name(task.path)
        if task.kind != "task" or name not in self._seconds:
            return None
        if name not in self._known:
            self._known[name] = _summary(self._seconds[name])
        return self._known[name]


def _summary(seconds: Sequence[float]) -> Known:
    logs = [log(value + _BRIEF_S) for value in seconds]
    count = len(logs)
    spread = _SEEN_ONCE if count == 1 else max(pstdev(logs) * sqrt((count + 1) / (count - 1)), _LEAST_SIGMA)
    return Known(Guess(max(exp(fmean(logs)) - _BRIEF_S, 0.0), spread), f"{count:,} earlier step{'s' * (count != 1)}")


def _name(path: str) -> str:
    """What steps of one place in a flow have in common: the path without map keys."""
    return group_name(path)


def _seconds(step: StepView) -> float | None:
    """How long a step ran; None: it did not, or not here."""
    if step["kind"] != "task" or step["state"] != "succeeded" or {"adopted", "cached"} & set(step["marks"]):
        return None
    if step["started_at"] is None or step["ended_at"] is None:
        return None
    return max(step["ended_at"] - step["started_at"], 0.0)


class Options(NamedTuple):
    """What a step of an earlier run asked for."""

    title: str  # of its task
    demand: Demand
    executor: str  # where it ran; empty: on the default one


class EarlierRun(NamedTuple):
    """A run that succeeded."""

    steps: Sequence[StepView]  # all of them
    options: Mapping[int, Options]  # by step; of those of which they are not known, none


def has_run(workspace: LocalWorkspace) -> bool:
    """Whether there may be runs, so that asking an engine is worth starting one."""
    return bool(workspace.database) or (workspace.state / "store.db").exists()


def past_runs(workspace: LocalWorkspace, flow: str, *, with_options: bool = True) -> list[EarlierRun]:
    """The last runs of the flow that succeeded, the newest first.

    Where nothing has ever run there are none, and no engine is started to say so.

    Args:
        with_options: say also what steps asked for.
    """
    if not has_run(workspace):
        return []
    found: list[EarlierRun] = []
    for run in workspace.runs(flow=flow, states=["succeeded"], limit=_RUNS):
        if sum(len(each.steps) for each in found) + sum(run["counts"].values()) <= _STEPS:
            options = _options(workspace, run["id"]) if with_options else {}
            found.append(EarlierRun(past_steps(workspace, run["id"]), options))
    return found


def _options(workspace: LocalWorkspace, run: str) -> dict[int, Options]:
    """What the steps of a run asked for, as far as the settings of now do not say something else."""
    traits = workspace.ask("traits", run=run)
    by_profile = []
    for (function, *_), (title, demand, _, executor, slots) in zip(traits["profiles"], traits["asked"], strict=True):
        cpu, memory_bytes, gpu = demand
        asked = Demand(cpu, memory_bytes, gpu, tuple((name, count) for name, count in slots))
        profile = tuned(Profile(function, title, demand=asked, executor=executor), workspace.settings.tasks)
        by_profile.append(Options(title, profile.demand, profile.executor))
    found: dict[int, Options] = {}
    after = -1
    while page := workspace.ask("step_profiles", run=run, after=after):
        found |= {step: by_profile[number] for step, number in page if number >= 0}
        after = page[-1][0]
    return found


def past_steps(workspace: LocalWorkspace, run: str) -> list[StepView]:
    """All steps of a run, as long as the attempt that succeeded would have been on an executor of speed 1."""
    speeds = {name: item.speed for name, item in workspace.settings.executors.items() if item.speed != 1.0}
    steps = workspace.all_steps(run)
    if not speeds and all(step["attempts"] <= 1 for step in steps):
        return steps
    return of_last_attempts(steps, workspace.attempts(run), speeds)


def of_last_attempts(
    steps: Sequence[StepView], attempts: Sequence[AttemptView], speeds: Mapping[str, float]
) -> list[StepView]:
    """The steps without the attempts that failed and the time between attempts.

    Args:
        speeds: by executor, where not 1: an attempt there would have been longer or shorter on one of speed 1.
    """
    succeeded = {attempt["step"]: attempt for attempt in attempts if attempt["outcome"] == "succeeded"}
    made = []
    for step in steps:
        attempt = succeeded.get(step["id"])
        if attempt is not None and attempt["ended_at"] is not None and _seconds(step) is not None:
            seconds = max(attempt["ended_at"] - attempt["started_at"], 0.0) * speeds.get(attempt["executor"], 1.0)
            step = {**step, "started_at": attempt["started_at"], "ended_at": attempt["started_at"] + seconds}
        made.append(step)
    return made


def expanded(tasks: Sequence[FlowTask], run: EarlierRun) -> list[FlowTask]:
    """The tasks, with those that are laid out later replaced by the steps that came of them in an earlier run."""
    return _Expansion(tasks, run).made()


class Shape(NamedTuple):
    """The tasks of a run, in whose parts that are laid out later stand steps of earlier runs."""

    tasks: list[FlowTask]
    runs: int  # earlier ones in which these came of it


def shapes_of(tasks: Sequence[FlowTask], runs: Sequence[EarlierRun]) -> list[Shape]:
    """What may come of the tasks, by what came of them in earlier runs; without any, they stay as they are.

    Args:
        runs: the newest first.
    """
    if not any(task.kind == "flow" for task in tasks):
        return [Shape(list(tasks), 1)]
    found: dict[tuple[tuple[str, tuple[int, ...]], ...], Shape] = {}
    for run in runs:
        made = expanded(tasks, run)
        if made:
            key = tuple((task.path, task.needs) for task in made)
            known = found.get(key)
            found[key] = Shape(made, 1) if known is None else known._replace(runs=known.runs + 1)
    return list(found.values()) or [Shape(list(tasks), 1)]


class _Expansion:
    def __init__(self, tasks: Sequence[FlowTask], run: EarlierRun) -> None:
        steps = run.steps
        self.tasks, self.options = tasks, run.options
        self.steps = {step["id"]: step for step in steps}
        self.children: dict[int, list[int]] = {}
        for step in steps:
            self.children.setdefault(step["parent"], []).append(step["id"])
        by_path = {task.path: number for number, task in enumerate(tasks)}
        self.named = {task.title: task for task in tasks if task.kind == "task"}
        self.known = {step["id"]: by_path[step["path"]] for step in steps if step["path"] in by_path}
        #: What tasks asked for in that run -> what they ask for now, of those that are laid out now.
        self.now = {
            run.options[own]: Options(tasks[number].title, tasks[number].demand, tasks[number].executor)
            for own, number in self.known.items() if own in run.options and tasks[number].kind == "task"
        }  # fmt: skip
        #: Task that is laid out later -> the steps that came of it; of a branch that was not taken, none.
        self.inside: dict[int, list[int]] = {}
        for step in steps:
            number = self.known.get(step["id"], -1)
            if number >= 0 and tasks[number].kind == "flow" and step["state"] == "succeeded":
                self.inside[number] = [own for own in self._below(step["id"]) if self._is_task(own)]

    def _below(self, flow: int) -> list[int]:
        found = list(self.children.get(flow, ()))
        for own in found:
            found.extend(self.children.get(own, ()))
        return found

    def _is_task(self, own: int) -> bool:
        step = self.steps[own]
        return step["kind"] == "task" and step["state"] == "succeeded"

    def made(self) -> list[FlowTask]:
        numbers: dict[int, int] = {}  # old number -> new one, of what stays
        fresh: dict[int, int] = {}  # id of an earlier step -> new number
        count = 0
        for number in range(len(self.tasks)):
            if number in self.inside:
                for own in self.inside[number]:
                    fresh[own] = count
                    count += 1
            else:
                numbers[number] = count
                count += 1
        return [
            task
            for number in range(len(self.tasks))
            for task in (
                self._came(number, numbers, fresh) if number in self.inside else [self._stays(number, numbers, fresh)]
            )
        ]

    def _stays(self, number: int, numbers: Mapping[int, int], fresh: Mapping[int, int]) -> FlowTask:
        return replace(self.tasks[number], needs=self._now(self.tasks[number].needs, numbers, fresh))

    def _now(self, needs: Iterable[int], numbers: Mapping[int, int], fresh: Mapping[int, int]) -> tuple[int, ...]:
        """The new numbers of what old ones stand for: of what is laid out later, the steps that nothing in it needs.

        Where nothing came of it, it is what it needed itself.
        """
        found: dict[int, None] = {}
        for needed in needs:
            if needed not in self.inside:
                found[numbers[needed]] = None
                continue
            if not self.inside[needed]:
                found |= dict.fromkeys(self._now(self.tasks[needed].needs, numbers, fresh))
                continue
            inner = {source for own in self.inside[needed] for source in self._sources(own)}
            found |= dict.fromkeys(fresh[own] for own in self.inside[needed] if own not in inner)
        return tuple(found)

    def _came(self, number: int, numbers: Mapping[int, int], fresh: Mapping[int, int]) -> list[FlowTask]:
        whole = self.tasks[number]
        first = self._now(whole.needs, numbers, fresh)
        made = []
        for own in self.inside[number]:
            step = self.steps[own]
            title, demand, executor = self._asked(step, whole)
            needs = dict.fromkeys(fresh[source] for source in self._sources(own) if source in fresh)
            made.append(
                FlowTask(step["path"], title, "task", step["place"], demand, "", "", executor, tuple(needs) or first)
            )
        return made

    def _asked(self, step: StepView, whole: FlowTask) -> Options:
        """What it would ask for today."""
        then = self.options.get(step["id"])
        if then is not None:
            return self.now.get(then, then)
        title = step["name"].partition("[")[0].partition("#")[0]
        like = self.named.get(title, whole if whole.title == title else None)
        return Options(title, like.demand if like is not None else Demand(), whole.executor)

    def _sources(self, own: int) -> list[int]:
        """The tasks among the earlier steps that this one waited for."""
        found: set[int] = set()
        pending, seen = list(self._inputs(own)), set()
        while pending:
            current = pending.pop()
            if current in seen or current not in self.steps:
                continue
            seen.add(current)
            if self._is_task(current):
                found.add(current)
            elif self.steps[current]["kind"] == "flow":
                inside = self.children.get(current, [])
                needed = {source for inner in inside for source in self.steps[inner]["inputs"]}
                pending += [inner for inner in inside if inner not in needed]
            else:
                pending += self.steps[current]["inputs"]
        return sorted(found)

    def _inputs(self, own: int) -> list[int]:
        """What a step waited for: its inputs, or those of the flow around it without which it was not laid out."""
        while own in self.steps and not self.steps[own]["inputs"]:
            own = self.steps[own]["parent"]
        return self.steps[own]["inputs"] if own in self.steps else []
