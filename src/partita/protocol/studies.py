"""Studies and their trials as plain records, for clients and pages."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = ["TRIAL_STATES", "StudyView", "TrialView", "TuneRequest"]

#: The states that trials are told in.
TRIAL_STATES = ("running", "succeeded", "pruned", "failed", "cancelled")


class TrialView(TypedDict):
    """A trial: a run of a study's flow."""

    number: int  # from 0
    state: str  # one of TRIAL_STATES
    parameters: dict[str, Any]  # what was drawn, by name
    values: dict[str, float]  # of the objectives; empty unless it succeeded
    run: str  # id of its run; of the earlier trial's, where the parameters are the same
    same_as: int | None  # number of the earlier trial that had these parameters, whose values it took
    reported: list[list[float]]  # [step, value] of what it reported while it went on
    started_at: float
    ended_at: float | None
    cost: float
    error: str  # why it failed; empty: it did not


class StudyView(TypedDict):
    """A study."""

    name: str
    flow: str  # reference
    title: str  # name of the flow
    state: str  # "running": somebody is at it; "ended": a budget or target was reached; "stopped": it can go on
    reason: str  # why it ended or stopped, in words
    objectives: dict[str, str]  # name -> "maximize" or "minimize"
    space: dict[str, dict[str, Any]]  # name -> "low", "high", "step", "log", or "choices"; "when"
    budgets: dict[str, float]  # of "trials", "time_s", "cost" and "target", those that are set
    sampler: str
    pruner: str
    seed: int
    counts: dict[str, int]  # trials by state
    again: int  # trials that took their values from an earlier one
    best: list[TrialView]  # the best trial; with several objectives those that no other one beats in all
    created_at: float
    took_s: float  # time for which somebody was at it
    cost: float
    left_s: float | None  # how long it may yet take
    trials: NotRequired[list[TrialView]]
    importance: NotRequired[dict[str, float]]  # share of what the objective varies by, by parameter


class TuneRequest(TypedDict, total=False):
    """What is to be tuned, and how; all but `flow` or `study` may be left out."""

    flow: str  # reference
    texts: dict[str, str]  # inputs that are the same in each trial
    study: str  # its name; one of this name goes on
    space: dict[str, Any]  # name -> text ("0.001..1:log"), plain data, or True for what the type says
    objectives: dict[str, str]  # name -> direction; of one without a name, the result is the number
    trials: int
    time_s: float
    cost: float
    target: float
    parallel: int
    sampler: str
    pruner: str
    report: str  # name of what steps report that trials are pruned by
    report_direction: str  # where it is not that of the objective
    seed: int
    failures: int  # so many in a row end it
    executor: str
    refresh: bool  # compute what the cache has
    user: str  # who asks for it now, and so for its runs; the user of this machine, where none is said
