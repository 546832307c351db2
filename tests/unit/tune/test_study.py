"""Studies in Python, on an engine in memory."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any

import pytest

from partita import flow, task
from partita.errors import CheckError, DefinitionError, NotFoundError, StudyError
from partita.testing import MemoryWorkspace, memory_workspace
from partita.tune import Choice, Range, Study, open_study, studies, tune

optuna = pytest.importorskip("optuna")


class Kind(Enum):
    ROUND = "round"
    SQUARE = "square"


@task
def bowl(x: float, y: float) -> float:
    return (x - 0.3) ** 2 + (y - 2) ** 2


@flow
def search(x: Annotated[float, Range(0, 1)], y: Annotated[float, Range(0.1, 10, log=True)] = 2.0) -> float:
    return bowl(x, y)


@task
def describe(kind: Kind, parts: list[int], depth: int) -> dict[str, Any]:
    return {"size": len(parts) + depth + (kind is Kind.SQUARE), "kind": kind.name}


@flow
def built(kind: Kind, parts: list[int], depth: int = 0) -> dict[str, Any]:
    return describe(kind, parts, depth)


@task
def fussy(x: float) -> float:
    if x > 0.5:
        raise ValueError("too much")
    return x


@flow
def fails(x: Annotated[float, Range(0, 1)]) -> float:
    return fussy(x)


@pytest.fixture(autouse=True)
def workspace() -> Iterator[MemoryWorkspace]:
    with memory_workspace() as made:
        yield made


@pytest.mark.parametrize("sampler", ["tpe", "random", "genetic"])
def test_the_lowest_point_is_found(sampler: str) -> None:
    study = tune(search, direction="minimize", trials=60, sampler=sampler, seed=3, parallel=1)
    assert study.best_value < 0.5 and study.view["sampler"] == sampler
    assert study.best_value == min(trial["values"]["result"] for trial in study.trials)


def test_trials_are_runs_with_tags(workspace: MemoryWorkspace) -> None:
    study = tune(search, trials=3, name="mine")
    for trial in study.trials:
        run = workspace.run(trial["run"])
        assert run["state"] == "succeeded" and set(run["tags"]) == {"study:mine", f"trial:{trial['number']}"}


@pytest.mark.parametrize("sampler", ["tpe", "random", "genetic"])
def test_one_that_was_interrupted_has_the_trials_of_one_that_was_not(sampler: str) -> None:
    given: dict[str, Any] = {"direction": "minimize", "parallel": 1, "sampler": sampler, "seed": 5}
    whole = tune(search, trials=30, **given)
    parts = tune(search, trials=7, name="parts", **given).resume(trials=16)
    assert open_study("parts").resume(trials=30).name == parts.name
    assert [trial["parameters"] for trial in parts.trials] == [trial["parameters"] for trial in whole.trials]


@flow
def crossed(x: Annotated[float, Range(-2, 2)], y: Annotated[float, Range(-2, 2)]) -> dict[str, float]:
    return {"near": bowl(x, y), "low": x}


@pytest.mark.parametrize(("sampler", "times"), [("tpe", 4.0), ("genetic", 1.2)])
def test_later_trials_are_better_and_the_same_after_interruptions(sampler: str, times: float) -> None:
    given: dict[str, Any] = {"direction": "minimize", "parallel": 1, "sampler": sampler, "seed": 5}
    whole = tune(search, trials=130, **given)
    parts = tune(search, trials=70, name="parts", **given).resume(trials=101).resume(trials=130)
    assert [trial["parameters"] for trial in parts.trials] == [trial["parameters"] for trial in whole.trials]
    values = [trial["values"]["result"] for trial in whole.trials]
    assert sorted(values[100:])[15] < sorted(values[:30])[15] / times  # the middle of the last and the first thirty


@pytest.mark.parametrize(
    "sampler", ["tpe", "genetic", "random", optuna.samplers.NSGAIISampler(population_size=10, seed=1)]
)
def test_several_objectives_by_each_sampler(sampler: Any) -> None:
    study = tune(crossed, objective={"near": "minimize", "low": "minimize"}, trials=60, sampler=sampler, seed=2)
    front = [(trial["values"]["near"], trial["values"]["low"]) for trial in study.front]
    assert len(front) > 3 and not any(a <= c and b <= d and (a, b) != (c, d) for a, b in front for c, d in front)


def test_the_same_call_with_a_name_goes_on() -> None:
    first = tune(search, trials=4, name="mine", seed=1).trials
    again = tune(search, trials=6, name="mine", seed=1)
    assert len(again.trials) == 6 and again.trials[:4] == first
    assert len(tune(search, trials=6, name="mine").trials) == 6  # there is nothing left to do


def test_one_name_is_one_search() -> None:
    tune(search, trials=1, name="mine")
    with pytest.raises(StudyError, match="another objective"):
        tune(search, direction="minimize", trials=1, name="mine")
    with pytest.raises(StudyError, match="another space and another inputs"):
        tune(search, y=3.0, trials=1, name="mine")


def test_values_of_any_kind_are_chosen_by_name() -> None:
    study = tune(
        built, objective="size", sampler="grid", trials=50,
        space={"kind": True, "parts": Choice({"few": [1], "many": [1, 2, 3]}), "depth": Range(1, 2, when={"kind": "SQUARE"})},
    )  # fmt: skip
    assert study.reason == "all 6 combinations were tried"
    assert study.best is not None and study.best["parameters"] == {"kind": "SQUARE", "parts": "many", "depth": 2}
    assert study.best_parameters == {"kind": Kind.SQUARE, "parts": [1, 2, 3], "depth": 2}
    assert study.best_value == 6
    # Another process, which has no more than the record, runs what is left as well.
    assert len(open_study(study.name).resume(trials=6).trials) == 6


def test_a_function_draws_step_by_step() -> None:
    def drawn(trial: Any) -> None:
        x = trial.suggest("x", Range(0, 1))
        assert trial.suggest("x", Range(0, 1)) == x
        if x > 0.5:
            trial.suggest("y", Range(1, 2))

    study = tune(search, space=drawn, direction="minimize", trials=12, seed=0)
    assert {("y" in trial["parameters"]) == (trial["parameters"]["x"] > 0.5) for trial in study.trials} == {True}
    assert study.view["space"].keys() == {"x", "y"}
    with pytest.raises(StudyError, match="its space is a function"):
        open_study(study.name).resume(trials=20)
    assert len(study.resume(trials=14).trials) == 14


def test_a_function_judges() -> None:
    def farness(value: float) -> tuple[float, float]:
        return value, -value

    study = tune(search, objective=farness, direction=["minimize", "maximize"], trials=5)
    assert list(study.view["objectives"]) == ["farness[0]", "farness[1]"] and len(study.front) == 1


def test_an_objective_that_raises_fails_its_trial() -> None:
    study = tune(search, objective=lambda value: value / 0, trials=4, failures=2, parallel=1)
    assert study.view["counts"] == {"failed": 2} and "ZeroDivisionError" in study.reason
    assert study.best is None
    with pytest.raises(LookupError, match="no trial"):
        _ = study.best_value


def test_failed_trials_are_marked() -> None:
    study = tune(fails, trials=20, sampler="random", seed=0, failures=0)
    states = {trial["state"] for trial in study.trials if trial["parameters"]["x"] > 0.5}
    assert states == {"failed"} and study.best_value <= 0.5
    assert all("too much" in trial["error"] for trial in study.trials if trial["state"] == "failed")


def test_the_same_parameters_take_the_earlier_values(workspace: MemoryWorkspace) -> None:
    study = tune(search, space={"x": [0.1, 0.2], "y": [1.0, 5.0, 7.0]}, sampler="random", trials=30, seed=1)
    again = [trial for trial in study.trials if trial["same_as"] is not None]
    assert again and len(workspace.runs(limit=100)) == len(study.trials) - len(again)
    assert all(trial["values"] == study.trials[trial["same_as"] or 0]["values"] for trial in again)
    anew = tune(search, space={"x": [0.1]}, y=2.0, trials=3, reuse=False)
    assert anew.reason == "all 1 combinations were tried"


def test_inputs_that_are_wrong_are_refused_before_anything_runs(workspace: MemoryWorkspace) -> None:
    with pytest.raises(CheckError, match="missing its argument 'parts'"):
        tune(built, space=["kind"])
    with pytest.raises(CheckError, match="input depth"):
        tune(built, parts=[1], depth="deep", space=["kind"])
    with pytest.raises(CheckError, match="no executor of the settings has a price"):
        tune(search, cost=1.0)
    with pytest.raises(DefinitionError, match="no sampler 'best'"):
        tune(search, sampler="best")
    with pytest.raises(DefinitionError, match="a grid needs"):
        tune(search, sampler="grid")
    with pytest.raises(DefinitionError, match="leaves nothing to do"):
        tune(search, trials=0)
    with pytest.raises(DefinitionError, match="takes a flow"):
        tune(bowl, trials=1)  # type: ignore[arg-type]
    assert workspace.runs() == [] and studies() == []


def test_one_that_is_not_there_is_told_with_the_nearest() -> None:
    tune(search, trials=1, name="forest")
    with pytest.raises(NotFoundError, match="did you mean forest"):
        open_study("forrest")


def test_what_matters_is_told() -> None:
    study = tune(search, direction="minimize", trials=40, sampler="random", seed=0, space={"x": Range(0.0, 0.01)})
    shares = study.importance()
    assert shares["y"] > 0.8 and sum(shares.values()) == pytest.approx(1)


def test_a_notebook_shows_how_it_stands() -> None:
    study = tune(search, trials=3, name="mine")
    page = study._repr_html_()
    assert "<svg" in page and "mine" in page and "3 succeeded" in page and "maximized" in page
    assert repr(study) == "<Study mine ended: 3 succeeded>"
    assert [each.name for each in studies()] == ["mine"] and isinstance(studies()[0], Study)
    assert study.to_csv().splitlines()[0].startswith("number,state,x,y,result,run")


def left_behind(workspace: MemoryWorkspace, name: str, *lines: dict[str, Any]) -> None:
    """What a process that died has written last."""
    journals = workspace.trials().journals
    with journals.hold(name) as journal:
        number = len(open_study(name).trials)
        journal.append({"what": "begin", "at": workspace.clock.now(), "budgets": {"trials": 9}})
        for line in lines:
            journal.append({"at": workspace.clock.now(), "number": number, **line})
            number += line["what"] == "ask"


def test_a_trial_that_was_written_and_never_started_is_run_once(workspace: MemoryWorkspace) -> None:
    study = tune(search, trials=2, name="mine", seed=1)
    left_behind(workspace, "mine", {"what": "ask", "parameters": {"x": 0.25, "y": 3.0}, "run": "lost1"})
    assert study.view["state"] == "stopped"
    study.resume(trials=3)
    assert [trial["state"] for trial in study.trials] == ["succeeded"] * 3
    assert study.trials[2]["run"] == "lost1" and workspace.run("lost1")["state"] == "succeeded"
    assert study.trials[2]["values"]["result"] == pytest.approx(0.05**2 + 1)
    assert len(workspace.runs()) == 3


def test_a_trial_that_ended_meanwhile_is_told_and_not_run_again(workspace: MemoryWorkspace) -> None:
    study = tune(search, trials=1, name="mine", seed=1)
    run = search.run(0.25, 3.0)
    left_behind(
        workspace, "mine", {"what": "ask", "parameters": {"x": 0.25, "y": 3.0}, "run": run.id},
        {"what": "ask", "parameters": {"x": 0.25, "y": 3.0}, "run": run.id, "same_as": 1},
    )  # fmt: skip
    study.resume(trials=3)
    assert [trial["state"] for trial in study.trials] == ["succeeded"] * 3
    assert study.trials[1]["values"] == study.trials[2]["values"] and len(workspace.runs()) == 2


def test_a_trial_whose_run_was_to_be_cancelled_for_its_reports_is_pruned(workspace: MemoryWorkspace) -> None:
    study = tune(search, trials=1, name="mine", seed=1)
    run = search.submit(0.25, 3.0)
    workspace.cancel(run.id)
    workspace.work()
    left_behind(workspace, "mine", {"what": "ask", "parameters": {"x": 0.25, "y": 3.0}, "run": run.id})
    with workspace.trials().journals.hold("mine") as journal:
        journal.append({"what": "prune", "number": 1})
    study.resume(trials=2)
    assert study.trials[1]["state"] == "pruned"
