"""Studies as Python code holds them, and how `tune(flow, ...)` makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from partita.errors import DefinitionError
from partita.flow.flow import Flow
from partita.flow.launching import current_launcher
from partita.protocol.studies import StudyView, TrialView
from partita.tune.budgets import Budgets
from partita.tune.dimensions import Choice, dimension_of
from partita.tune.loop import Plan, Show
from partita.tune.objectives import DIRECTIONS, objectives_of
from partita.tune.opening import Search, again, budgets_of, read_record, search, study_names
from partita.tune.port import TrialRuns
from partita.tune.proposing import Suggestions
from partita.tune.record import StudyRecord
from partita.tune.spaces import Space, space_of
from partita.units import duration_s

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

__all__ = ["Study", "open_study", "studies", "tune"]


class Study:
    """A study of the workspace. It can be looked at while another process is at it."""

    def __init__(self, runs: TrialRuns, name: str, search: Search | None = None) -> None:
        self._runs, self._search = runs, search
        self.name = name

    def _record(self) -> StudyRecord:
        return read_record(self._runs.journals, self.name)

    @property
    def view(self) -> StudyView:
        """Its record with its trials, as plain data."""
        is_held = self._runs.journals.is_held(self.name)
        return self._record().view(self._runs.now(), is_held=is_held, with_trials=True)

    @property
    def trials(self) -> list[TrialView]:
        """Its trials, as plain data."""
        return self.view["trials"]

    @property
    def best(self) -> TrialView | None:
        """The best trial, the first of equal ones; with several objectives, the first of `front`. None: none has succeeded."""
        return next(iter(self.front), None)

    @property
    def front(self) -> list[TrialView]:
        """With several objectives, the trials that no other one beats (the Pareto front); else the best one alone."""
        return self.view["best"]

    @property
    def best_parameters(self) -> dict[str, Any]:
        """What the best trial's run was given.

        Raises:
            LookupError: no trial has succeeded.
        """
        space = self._search.space if self._search is not None else self._record().space()
        return space.values(self._need_best()["parameters"])

    @property
    def best_value(self) -> float:
        """The best trial's value; with several objectives, that of the first.

        Raises:
            LookupError: no trial has succeeded.
        """
        return next(iter(self._need_best()["values"].values()))

    def _need_best(self) -> TrialView:
        found = self.best
        if found is None:
            raise LookupError(f"no trial of the study {self.name!r} has succeeded")
        return found

    @property
    def reason(self) -> str:
        """Why it ended or stopped, in words."""
        return self.view["reason"]

    def importance(self) -> dict[str, float]:
        """By parameter, its share of what the first objective varies by, the largest first; empty where too few trials tell."""
        from partita.tune.importance import importance_of

        return importance_of(self._record())

    def resume(
        self, *, trials: int | None = None, time: Any = None, cost: float | None = None, target: float | None = None,
        parallel: int | None = None,
    ) -> Study:  # fmt: skip
        """Go on with it: what runs is waited for, what was lost is run again, and new trials begin.

        Args:
            trials, time, cost, target: as for `tune`, counted from its beginning; each that is not given: as the last time.
            parallel: as for `tune`.

        Raises:
            StudyError: somebody is at it, or it was made of functions of another process.
        """
        record = self._record()
        budgets = Budgets(trials, _seconds(time), cost, target).over(budgets_of(record))
        plan = Plan(objectives_of(), budgets, parallel, failures=record.definition["failures"])
        made = self._search
        if made is None:
            made = again(record, self._runs, plan)
        else:
            made = made._replace(plan=_with(made.plan, budgets, parallel))
        search(self._runs, made, self.name, _shown(self._runs, None))
        return self

    def picture(self, kind: str = "history", *, parameter: str = "") -> str:
        """A picture as SVG.

        Args:
            kind: "history", "importance", "parallel", "slices", or "front" (of several objectives).
            parameter: of "slices", only this one.

        Raises:
            DefinitionError: there is no such picture, or nothing to be drawn in it.
        """
        from partita.drawing.studies import study_picture

        view = self.view
        if kind == "importance":
            view["importance"] = self.importance()
        return study_picture(view, kind, parameter)

    def to_csv(self) -> str:
        """A line for each trial, with a header."""
        from partita.drawing.studies import study_csv

        return study_csv(self.view)

    def __repr__(self) -> str:
        view = self.view
        told = ", ".join(f"{count} {state}" for state, count in view["counts"].items())
        return f"<Study {self.name} {view['state']}: {told or 'no trials'}>"

    def _repr_html_(self) -> str:
        from partita.drawing.studies import study_html

        return study_html(self.view)


def _with(plan: Plan, budgets: Budgets, parallel: int | None) -> Plan:
    from dataclasses import replace

    return replace(plan, budgets=budgets, parallel=parallel if parallel is not None else plan.parallel)


def _seconds(time: Any) -> float | None:
    return None if time is None else duration_s(time, "time")


def tune(
    flow: Flow[..., Any],
    *args: Any,
    objective: str | Mapping[str, str] | Callable[[Any], Any] | None = None,
    direction: str | Sequence[str] = "maximize",
    space: Mapping[str, Any] | Iterable[str] | Callable[[Suggestions], Mapping[str, Any] | None] | None = None,
    trials: int | None = None,
    time: Any = None,
    cost: float | None = None,
    target: float | None = None,
    parallel: int | None = None,
    sampler: str | BaseSampler = "tpe",
    pruner: str | BasePruner | None = "median",
    report: str | Mapping[str, str] = "",
    seed: int | None = None,
    failures: int = 5,
    reuse: bool = True,
    at_end: str = "wait",
    into: str = "",
    name: str = "",
    show: Show | None = None,
    inputs: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Study:
    """Search the inputs of a flow for what makes its result best; each trial is a run.

    Args:
        flow: what is run.
        args, keywords, inputs: inputs that are the same in every trial; those in `inputs` may have names that are used here.
        objective: where the number stands in the result ("score", "metrics.accuracy"); a mapping from such places to "maximize"
            or "minimize", for several; or a function of the result, called in this process. Default: the result is a number.
        direction: "maximize" or "minimize".
        space: what is searched besides parameters annotated with a `Range` or `Choice`: those by name, or names of parameters
            whose type says it; or a function of a trial, called in this process, that calls `trial.suggest(name, ...)`.
        trials, time, cost: what ends it, whichever comes first; counted from the study's beginning. Default: 50 trials. No trial
            begins that would go beyond the cost, if it cost as much as others in the mean.
        target: ends it when the objective is this good.
        parallel: runs at once; default: as many as the workspace has cores. With 1 and a seed, trials are always the same.
        sampler: "tpe", "random", "grid", "genetic", or a sampler of Optuna.
        pruner: "median", "halving", "hyperband", "none", or a pruner of Optuna.
        report: what steps report that trials are pruned by: its name, or {name: direction}. Default: what has the objective's
            name.
        seed: of the sampler.
        failures: so many failed trials in a row end it; 0: none do.
        reuse: trials with the parameters of an earlier one take its values, and run nothing.
        at_end: "wait" for what runs when the time or the cost is used up, or "cancel" it.
        into: the input that takes what is searched as one dictionary.
        name: of the study; one of this name is gone on with. Default: a new one.
        show: is told how the study stands, some times a second; what it answers with False is left. Default: a notebook shows it.

    Returns:
        The study.

    Raises:
        CheckError: the flow, its inputs or the space are refused.
        StudyError: the study of this name is another search, or somebody is at it.
        MissingExtraError: Optuna is not installed.
    """
    if at_end not in ("wait", "cancel"):
        raise DefinitionError(f"at_end={at_end!r} is neither 'wait' nor 'cancel'")
    if not isinstance(flow, Flow):
        raise DefinitionError(f"tune() takes a flow, not {flow!r}; decorate the function with @flow")
    runs: TrialRuns = current_launcher().trials()
    args, named = flow.filled(args, {**keywords, **(inputs or {})})
    searched, example, draw = _searched(flow, args, named, space, into)
    reported, report_direction = _reported(report)
    made = Search(
        runs.flow_starter(flow, args, named, example, into),
        searched,
        Plan(
            objectives_of(objective, direction), Budgets(trials, _seconds(time), cost, target).or_usual(), parallel, reported,
            failures, reuse, at_end, draw,
        ),
        sampler,
        "none" if pruner is None else pruner,
        seed,
        report_direction,
    )  # fmt: skip
    return Study(runs, search(runs, made, name, _shown(runs, show)), made)


def _shown(runs: TrialRuns, show: Show | None) -> Show:
    return show or runs.display() or (lambda view: None)


def _searched(
    flow: Flow[..., Any], args: tuple[Any, ...], named: Mapping[str, Any], space: Any, into: str
) -> tuple[Space, Space, Callable[[Suggestions], None] | None]:
    """The space, one by which inputs are checked before anything runs, and what draws instead."""
    if callable(space):
        return Space({}), _example(space), lambda trial: _drawn(space, trial)
    if into:
        found = Space({name: dimension_of(given) for name, given in dict(space or {}).items()})
    else:
        given = {parameter.name: value for parameter, value in zip(flow.signature.positional, args, strict=False)}
        found = space_of(flow.signature, space, {**given, **named}, flow.place)
    return found, found, None


def _example(function: Callable[[Suggestions], Any]) -> Space:
    """What a function asks for that is given the first of everything."""
    trial = Suggestions(lambda name, dimension: dimension.labels[0] if isinstance(dimension, Choice) else dimension.low)
    _drawn(function, trial)
    return Space(trial.dimensions)


def _drawn(function: Callable[[Suggestions], Any], trial: Suggestions) -> None:
    function(trial)
    for name, dimension in trial.dimensions.items():
        if dimension.value(trial.drawn[name]) != trial.drawn[name]:
            raise DefinitionError(
                f"{name!r} was suggested of {dimension!r}, whose values are no plain ones; in a function of a trial give "
                "numbers, texts, truths and None"
            )


def _reported(report: str | Mapping[str, str]) -> tuple[str, str]:
    if isinstance(report, str):
        return report, ""
    if len(report) != 1 or not set(report.values()) <= set(DIRECTIONS):
        raise DefinitionError(
            f"report={dict(report)!r} is not one name with a direction: report={{'loss': 'minimize'}}"
        )
    return next(iter(report.items()))


def open_study(name: str) -> Study:
    """A study of this workspace, by its name.

    Raises:
        NotFoundError: there is none.
    """
    runs: TrialRuns = current_launcher().trials()
    read_record(runs.journals, name)
    return Study(runs, name)


def studies() -> list[Study]:
    """The studies of this workspace, the oldest first."""
    runs: TrialRuns = current_launcher().trials()
    return [Study(runs, name) for name in study_names(runs.journals)]
