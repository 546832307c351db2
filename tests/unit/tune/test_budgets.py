"""When studies end, on an engine in memory: each trial takes seconds that cost something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from partita import flow, task
from partita.testing import MemoryWorkspace, memory_workspace
from partita.tune import Range, open_study, tune

pytest.importorskip("optuna")


@task
def work(x: float) -> float:
    return x


@task
def finish(x: float) -> float:
    return x


@flow
def two_steps(x: Annotated[float, Range(0, 1)]) -> float:
    return finish(work(x))


@pytest.fixture
def workspace() -> Iterator[MemoryWorkspace]:
    """A trial takes five seconds of which each costs 0.5."""
    with memory_workspace(cpu=2) as made:
        made.engine.book.executors["process"].price = 0.5
        for of, seconds in ((work, 2.0), (finish, 3.0)):

            def taking(x: float, seconds: float = seconds) -> Any:
                made.clock.jump(seconds)
                return x

            made.fake(of, taking)
        yield made


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize(("cost", "trials"), [(10.0, 4), (11.0, 4), (12.4, 4), (12.5, 5), (1.0, 1)])
def test_a_study_keeps_to_what_it_may_cost(workspace: MemoryWorkspace, parallel: int, cost: float, trials: int) -> None:
    study = tune(two_steps, cost=cost, parallel=parallel, seed=1)
    # Before any trial has ended nobody knows what one costs.
    assert len(study.trials) == max(trials, parallel)
    assert study.view["cost"] == pytest.approx(2.5 * len(study.trials)) and "cost" in study.reason
    assert [trial["cost"] for trial in study.trials] == pytest.approx([2.5] * len(study.trials))
    assert study.view["state"] == "ended"
    assert len(open_study(study.name).resume().trials) == len(study.trials)  # it is used up for good
    assert len(study.resume(cost=cost + 5.0).trials) == max(int((cost + 5.0) / 2.5), len(study.trials))


def test_what_failed_costs_as_well(workspace: MemoryWorkspace) -> None:
    def picky(x: float) -> float:
        if x == 0.2:
            raise ValueError("no")
        workspace.clock.jump(3.0)
        return x

    workspace.fake(finish, picky)
    study = tune(two_steps, space={"x": [0.1, 0.2, 0.3]}, sampler="grid", cost=100.0, parallel=1)
    assert study.reason == "all 3 combinations were tried" and study.view["counts"] == {"succeeded": 2, "failed": 1}
    assert study.view["cost"] == pytest.approx(6.0)  # of the failed one, the first step


def test_what_is_taken_from_the_cache_costs_nothing(workspace: MemoryWorkspace) -> None:
    given: dict[str, Any] = {"space": {"x": [0.1, 0.2]}, "sampler": "random", "seed": 0, "parallel": 1}
    study = tune(two_steps, trials=2, **given)
    assert study.view["cost"] == pytest.approx(2.5 * (2 - study.view["again"]))


def test_a_study_ends_when_its_time_is_over(workspace: MemoryWorkspace) -> None:
    study = tune(two_steps, time="12s", parallel=1)
    assert len(study.trials) == 3 and study.reason == "the time of 12.0 s is over"
    assert study.view["took_s"] == pytest.approx(15.0)  # what runs is waited for
    workspace.clock.jump(1000)
    study.resume(time="16s")  # in between nobody was at it
    assert len(study.trials) == 4 and study.view["took_s"] == pytest.approx(20.0)


def test_budgets_that_are_not_given_anew_hold_as_the_last_time(workspace: MemoryWorkspace) -> None:
    study = tune(two_steps, trials=2, cost=10.0, time="1h", parallel=1, seed=1)
    study.resume(trials=100)
    assert len(study.trials) == 4 and "cost of 10" in study.reason
    assert study.view["budgets"] == {"trials": 100, "cost": 10.0, "time_s": 3600.0}
    open_study(study.name).resume(time="22s", cost=1000.0)
    assert study.reason == "the time of 22.0 s is over"
    assert study.view["budgets"] == {"trials": 100, "cost": 1000.0, "time_s": 22.0}
    study.resume(target=-1.0)
    assert study.view["budgets"] == {"trials": 100, "cost": 1000.0, "time_s": 22.0, "target": -1.0}


def test_what_runs_is_cancelled_also_when_all_trials_have_begun(workspace: MemoryWorkspace) -> None:
    study = tune(two_steps, trials=2, time="1s", parallel=2, at_end="cancel")
    assert study.view["counts"] == {"cancelled": 2} and study.reason == "the time of 1.0 s is over"


def test_what_runs_is_cancelled_where_that_is_asked_for(workspace: MemoryWorkspace) -> None:
    study = tune(two_steps, time="1s", parallel=2, at_end="cancel", cost=1000.0)
    assert study.view["counts"] == {"cancelled": 2} and study.view["took_s"] < 10.0
    assert study.reason == "the time of 1.0 s is over"
