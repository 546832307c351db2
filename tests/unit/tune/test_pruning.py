"""Hopeless trials in studies, on an engine in memory: each epoch is a step of a second that reports its loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from partita import context, flow, task
from partita.protocol.studies import TrialView
from partita.testing import MemoryWorkspace, memory_workspace
from partita.tune import Range, open_study, tune

optuna = pytest.importorskip("optuna")


@task
def epoch(loss: float, rate: float, number: int) -> float:
    loss = rate + (loss - rate) * 0.7
    context().report("loss", loss, number)
    return loss


@flow
def learn(rate: Annotated[float, Range(0, 1)], epochs: int = 27) -> float:
    loss: Any = 1.0
    for number in range(1, epochs + 1):
        loss = epoch(loss, rate, number)
    return loss  # type: ignore[no-any-return]


@task
def diverge(rate: float) -> float:
    context().report("loss", float("nan"), 1)
    return rate


@flow
def diverging(rate: Annotated[float, Range(0, 1)]) -> float:
    return diverge(rate)


@pytest.fixture(autouse=True)
def workspace() -> Iterator[MemoryWorkspace]:
    with memory_workspace(cpu=2) as made:

        def work(value: float, rate: float, number: int) -> Any:
            made.clock.jump(1.0)
            return epoch.function(value, rate, number)

        made.fake(epoch, work)
        yield made


GIVEN: dict[str, Any] = {"direction": "minimize", "report": "loss", "sampler": "random", "parallel": 1, "seed": 4}


def epochs_of(trials: list[TrialView]) -> int:
    return sum(len(trial["reported"]) for trial in trials)


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband", optuna.pruners.PercentilePruner(25.0)])
def test_hopeless_trials_are_stopped_and_the_best_is_found(workspace: MemoryWorkspace, pruner: Any) -> None:
    study = tune(learn, trials=40, pruner=pruner, **GIVEN)
    pruned = [trial for trial in study.trials if trial["state"] == "pruned"]
    assert len(pruned) > 8 and all(len(trial["reported"]) < 27 and not trial["values"] for trial in pruned)
    assert all(workspace.run(trial["run"])["state"] == "cancelled" for trial in pruned)
    assert epochs_of(study.trials) < 0.75 * 40 * 27
    drawn = [trial["parameters"]["rate"] for trial in study.trials]
    assert study.best_parameters["rate"] == min(drawn)  # the lower, the better at each epoch


def test_none_is_stopped_where_nobody_asks_for_it() -> None:
    for pruner in ("none", None):
        study = tune(learn, trials=12, pruner=pruner, **GIVEN)
        assert study.view["counts"] == {"succeeded": 12} and epochs_of(study.trials) == 12 * 27


def test_halving_stops_most_at_the_first_rungs() -> None:
    study = tune(learn, trials=60, pruner="halving", **GIVEN)
    stopped_at = [len(trial["reported"]) for trial in study.trials if trial["state"] == "pruned"]
    assert sum(epochs < 4 for epochs in stopped_at) > sum(4 <= epochs < 16 for epochs in stopped_at) > 0
    # Of what has come to the first rung a quarter goes on.
    assert len(stopped_at) > 30


def test_what_ended_before_anybody_looked_counts_for_later_ones(workspace: MemoryWorkspace) -> None:
    workspace.fake(epoch, epoch.function)  # no time passes: nobody looks while they go on
    study = tune(learn, trials=12, pruner="halving", name="mine", **GIVEN)
    assert study.view["counts"] == {"succeeded": 12}

    def slow(value: float, rate: float, number: int) -> Any:
        workspace.clock.jump(1.0)
        return epoch.function(value, rate, number)

    workspace.fake(epoch, slow)
    study.resume(trials=24)
    later = study.trials[12:]
    assert sum(trial["state"] == "pruned" for trial in later) >= 6


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_one_that_was_interrupted_stops_what_one_that_was_not_does(pruner: str, sampler: str) -> None:
    given = {**GIVEN, "pruner": pruner, "sampler": sampler}
    whole = tune(learn, trials=36, **given)
    tune(learn, trials=13, name="parts", **given)
    parts = open_study("parts").resume(trials=36)
    assert [(t["parameters"], t["state"], len(t["reported"])) for t in parts.trials] == [
        (t["parameters"], t["state"], len(t["reported"])) for t in whole.trials
    ]


def test_a_study_survives_what_is_reported_and_is_no_number(workspace: MemoryWorkspace) -> None:
    study = tune(diverging, trials=8, pruner="halving", **GIVEN)
    assert study.view["counts"] == {"succeeded": 8}
    assert open_study(study.name).resume(trials=9).view["counts"] == {"succeeded": 9}


@task
def count_down(rate: float, reports: int) -> float:
    for step in range(reports):
        context().report("loss", 1e9 if step == 1 else float("inf") if rate < 0.4 and step > 2 else rate - step, step)
    return rate


@flow
def long(rate: Annotated[float, Range(0, 1)], reports: int = 1201) -> float:
    return count_down(rate, reports)


def test_of_a_long_curve_the_shape_and_the_end_are_kept() -> None:
    (trial,) = tune(long, trials=1, **GIVEN).trials
    steps = [step for step, _ in trial["reported"]]
    assert 300 < len(steps) <= 501 and (steps[0], steps[-1]) == (0.0, 1200.0)


def test_what_is_infinite_is_left_out_of_the_record() -> None:
    for trial in tune(long, trials=6, reports=5, **GIVEN).trials:
        assert len(trial["reported"]) == (3 if trial["parameters"]["rate"] < 0.4 else 5)
