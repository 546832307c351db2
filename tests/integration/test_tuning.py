"""Studies on a real engine: what is found, pruned, failed, and gone on with after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.errors import CheckError, StudyError
from partita.protocol.studies import StudyView, TuneRequest
from partita.workspace.local import LocalWorkspace
from tests.contract.ray_cluster import ray_cluster
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

pytest.importorskip("optuna")

FLOWS = """
import time
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

from partita import context, flow, task
from partita.tune import Choice, Range


class Kind(Enum):
    ROUND = "round"
    SQUARE = "square"


@task
def bowl(x: float, y: float, log: str = "") -> float:
    if log:
        with open(log, "a") as file:
            file.write(f"{x!r} {y!r}\\n")
    return -((x - 0.3) ** 2) - (y - 2) ** 2


@flow
def search(x: Annotated[float, Range(0, 1)], y: Annotated[float, Range(0.1, 10, log=True)], log: str = "") -> dict[str, float]:
    return {"score": bowl(x, y, log), "seconds": x}


@task
def slowly(x: float, log: str, pause: float) -> float:
    time.sleep(pause)
    with open(log, "a") as file:
        file.write(f"{x!r}\\n")
    return x


@flow
def slow(x: Annotated[float, Range(0, 1)], log: str, pause: float = 0.3) -> float:
    return slowly(x, log, pause)


@task
def learn(quality: float, epochs: int, until: str) -> float:
    for epoch in range(epochs):
        context().report("loss", 1 - quality + 1 / (epoch + 1), epoch)
    if quality < 0.5:  # a bad one goes on until it is stopped
        give_up_at = time.monotonic() + 60
        while not context().should_stop():
            assert time.monotonic() < give_up_at, "nobody has stopped it"
            time.sleep(0.01)
    return quality


@flow
def curve(quality: Annotated[float, Choice(0.9, 0.8, 0.7, 0.1, 0.2)], epochs: int = 5, until: str = "") -> float:
    return learn(quality, epochs, until)


@task
def picky(x: float, most: float) -> float:
    if x > most:
        raise RuntimeError(f"{x:.1f} is too much")
    return x


@flow
def fails(x: Annotated[float, Range(0, 1)], most: float = 0.5) -> float:
    return picky(x, most)


@flow
def kinds(kind: Kind, fast: bool, size: Literal[1, 2], depth: Annotated[int, Range(1, 4, when={"fast": True})] = 0) -> dict[str, float]:
    return {"value": size + depth + (kind is Kind.SQUARE)}
"""


@pytest.fixture
def flows(project: Project) -> Iterator[Project]:
    project.write(FLOWS)
    yield project


def tuned(project: Project, flow: str, show: Any = lambda view: None, **request: Any) -> StudyView:
    asked: TuneRequest = {"flow": f"flows.py:{flow}", "objectives": {"": "maximize"}, "seed": 7, **request}  # type: ignore[typeddict-item]
    asked["texts"] = {name: str(value) for name, value in request.get("texts", {}).items()}
    return project.workspace.tune(asked, show)


def test_the_best_of_a_known_function_is_found(flows: Project) -> None:
    found = tuned(flows, "search", objectives={"score": "maximize"}, trials=60)
    best = found["best"][0]
    assert found["counts"] == {"succeeded": 60} and found["state"] == "ended" and "60 trials" in found["reason"]
    assert best["values"]["score"] > -0.05
    assert abs(best["parameters"]["x"] - 0.3) < 0.2 and abs(best["parameters"]["y"] - 2) < 0.25
    run = flows.workspace.run(best["run"])
    assert {"study:search-1", f"trial:{best['number']}"} <= set(run["tags"])


def test_trials_are_the_same_with_the_same_seed_even_where_one_was_interrupted(flows: Project) -> None:
    whole = tuned(flows, "search", objectives={"score": "maximize"}, trials=25, parallel=1, study="whole")
    tuned(flows, "search", objectives={"score": "maximize"}, trials=12, time_s=3600.0, parallel=1, study="parts")
    parts = flows.workspace.tune(TuneRequest(study="parts", trials=25, parallel=1), lambda view: None)
    assert parts["budgets"] == {"trials": 25, "time_s": 3600.0}, "what is not said anew holds"
    assert [t["parameters"] for t in whole["trials"]] == [t["parameters"] for t in parts["trials"]]
    assert [t["values"] for t in whole["trials"]] == [t["values"] for t in parts["trials"]]


def test_several_objectives_have_a_front(flows: Project) -> None:
    found = tuned(flows, "search", objectives={"score": "maximize", "seconds": "minimize"}, trials=30)
    front = [(t["values"]["score"], t["values"]["seconds"]) for t in found["best"]]
    all_values = [(t["values"]["score"], t["values"]["seconds"]) for t in found["trials"]]
    dominated = [(s, c) for s, c in all_values if any(a >= s and b <= c and (a, b) != (s, c) for a, b in all_values)]
    assert sorted(set(front)) == sorted(set(all_values) - set(dominated)) and len(front) > 1


def test_hopeless_trials_are_cancelled(flows: Project) -> None:
    found = tuned(
        flows, "curve", sampler="grid", report="loss", report_direction="minimize", parallel=1, trials=5,
        space={"quality": [0.9, 0.85, 0.8, 0.75, 0.7, 0.1]},
    )  # fmt: skip
    assert found["counts"] == {"succeeded": 5}
    found = flows.workspace.tune(TuneRequest(study="curve-1", trials=6, parallel=1), lambda view: None)
    assert found["counts"] == {"succeeded": 5, "pruned": 1}
    pruned = found["trials"][5]
    assert pruned["parameters"] == {"quality": 0.1} and len(pruned["reported"]) == 5 and not pruned["values"]
    assert flows.workspace.run(pruned["run"])["state"] == "cancelled"


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_trials_are_stopped_by_rungs(flows: Project, pruner: str) -> None:
    found = tuned(
        flows, "curve", sampler="grid", pruner=pruner, report="loss", report_direction="minimize", parallel=1,
        space={"quality": [0.9, 0.85, 0.4, 0.8, 0.2, 0.1]}, trials=6,
    )  # fmt: skip
    # Bad ones go on until they are stopped.
    assert {t["parameters"]["quality"] for t in found["trials"] if t["state"] == "pruned"} >= {0.4, 0.2, 0.1}
    assert found["best"][0]["parameters"] == {"quality": 0.9}


def test_a_study_keeps_to_what_its_runs_may_cost(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ray_cluster().variables.items():
        monkeypatch.setenv(name, value)
    table = f'kind = "ray"\naddress = "{ray_cluster().address}"\ncpu = 2\nprice = 10'
    project = make_project(f'executor = "cluster"\n[executors.cluster]\n{table}\n')
    project.write(FLOWS)
    found = tuned(project, "slow", texts={"log": project.folder / "log", "pause": 0.5}, cost=32.0, parallel=1)
    costs = [trial["cost"] for trial in found["trials"]]
    assert all(5.0 <= cost < 32.0 for cost in costs)  # half a second for which each costs 10
    assert 2 <= len(costs) <= 6 and sum(costs) == pytest.approx(found["cost"]) and "cost of 32" in found["reason"]
    assert found["cost"] + sum(costs) / len(costs) > 32.0  # there was no room for another one


def test_failed_trials_are_marked_and_the_study_goes_on(flows: Project) -> None:
    found = tuned(flows, "fails", sampler="random", trials=20, failures=0)
    failed = [t for t in found["trials"] if t["state"] == "failed"]
    assert failed and found["counts"]["succeeded"] + len(failed) == 20
    assert all("is too much" in t["error"] and t["parameters"]["x"] > 0.5 for t in failed)
    assert found["best"][0]["values"]["result"] <= 0.5


def test_too_many_failures_in_a_row_end_it_with_the_reason(flows: Project) -> None:
    found = tuned(flows, "fails", texts={"most": -1.0}, trials=50, parallel=1)
    assert found["counts"] == {"failed": 5} and found["state"] == "stopped"
    assert "5 trials in a row have failed" in found["reason"] and "is too much" in found["reason"]
    assert not found["best"]


def test_a_target_ends_it_early(flows: Project) -> None:
    found = tuned(flows, "fails", texts={"most": 1}, trials=200, target=0.8, parallel=1)
    assert found["best"][0]["values"]["result"] >= 0.8 and len(found["trials"]) < 200
    assert "target of 0.8 was reached" in found["reason"]


def test_time_ends_it(flows: Project) -> None:
    found = tuned(flows, "slow", texts={"log": flows.folder / "log", "pause": 0.05}, time_s=1.0, parallel=2)
    assert "the time of 1" in found["reason"] and found["counts"]["succeeded"] >= 2
    assert found["took_s"] < 30


def test_a_cost_is_refused_where_nothing_costs_anything(flows: Project) -> None:
    with pytest.raises(CheckError, match="no executor of the settings has a price"):
        tuned(flows, "search", objectives={"score": "maximize"}, cost=5.0)


def test_the_same_parameters_again_run_nothing(flows: Project) -> None:
    log = flows.folder / "log"
    found = tuned(
        flows, "slow", texts={"log": log, "pause": 0}, space={"x": "0.25|0.75"}, sampler="random", trials=8, parallel=1
    )
    # Both were tried: there is nothing more to try.
    assert len(log.read_text().splitlines()) == 2 and "all 2 combinations" in found["reason"]
    assert found["again"] == len(found["trials"]) - 2
    for trial in found["trials"]:
        if trial["same_as"] is not None:
            assert trial["values"] == found["trials"][trial["same_as"]]["values"]


def test_types_are_spaces_and_conditions_hold(flows: Project) -> None:
    found = tuned(flows, "kinds", space={"kind": True, "fast": True, "size": True}, sampler="grid", trials=100)
    # 2 kinds x 2 sizes x (slow: no depth, fast: 4 depths)
    assert len(found["trials"]) == 20 and found["counts"] == {"succeeded": 20}
    assert all(("depth" in t["parameters"]) == t["parameters"]["fast"] for t in found["trials"])
    assert found["best"][0]["values"] == {"result": 7.0}
    assert found["best"][0]["parameters"] == {"kind": "SQUARE", "fast": True, "size": 2, "depth": 4}


def test_as_many_run_at_once_as_there_is_room_for(flows: Project) -> None:
    seen: list[int] = []
    log = flows.folder / "log"
    tuned(
        flows, "slow", lambda view: seen.append(view["counts"].get("running", 0)), trials=6, parallel=2,
        texts={"log": log, "pause": 0.4},
    )  # fmt: skip
    assert max(seen) == 2 and len(log.read_text().splitlines()) == 6


def test_what_is_wrong_is_told_before_anything_runs(flows: Project) -> None:
    with pytest.raises(CheckError, match="no parameter 'z'"):
        tuned(flows, "search", space={"z": "1..2"})
    with pytest.raises(CheckError, match="is given and searched"):
        tuned(flows, "search", space={"x": "0..1"}, texts={"x": 1})
    with pytest.raises(CheckError, match="no range and no choice"):
        tuned(flows, "search", space={"x": "1..."})
    assert flows.workspace.studies() == [] and flows.workspace.runs() == []
    with pytest.raises(CheckError, match="missing its argument 'log'"):
        tuned(flows, "slow", trials=10)
    assert flows.workspace.studies() == []


def test_of_code_that_cannot_be_imported_only_its_own_lines_are_told(flows: Project) -> None:
    flows.write("import math\n\nfrom math import nonesuch\n")
    with pytest.raises(CheckError) as caught:
        tuned(flows, "search")
    (problem,) = caught.value.problems
    assert "importing flows.py failed: ImportError: cannot import name 'nonesuch'" in problem.message
    assert (
        "line 3" in problem.remedy
        and "from math import nonesuch" in problem.remedy
        and "described.py" not in problem.remedy
    )


def test_another_search_of_the_same_name_is_refused(flows: Project) -> None:
    tuned(flows, "search", objectives={"score": "maximize"}, trials=2, study="mine")
    with pytest.raises(StudyError, match="another objective"):
        tuned(flows, "search", objectives={"score": "minimize"}, trials=2, study="mine")
    with pytest.raises(StudyError, match="another space"):
        tuned(flows, "search", objectives={"score": "maximize"}, space={"x": "0..0.5"}, trials=2, study="mine")


def test_a_result_without_numbers_is_told_with_what_there_is(flows: Project) -> None:
    found = tuned(flows, "search", objectives={"scores": "maximize"}, trials=5, failures=2, parallel=1)
    assert "the result has no 'scores'; its numbers are score, seconds" in found["reason"]


PROGRAM = """
import sys
from pathlib import Path

from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace

folder = Path(sys.argv[1])
workspace = LocalWorkspace(folder, load_settings(folder))
request = {"flow": "flows.py:slow", "texts": {"log": str(folder / "log"), "pause": "0.1"}, "trials": 20, "study": "cut",
           "seed": 1, "parallel": 2, "objectives": {"": "maximize"}}
workspace.tune(request, lambda view: None)
"""


def wait_for_trials(workspace: LocalWorkspace, count: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        studies = workspace.studies()
        if studies and studies[0]["counts"].get("succeeded", 0) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("the study does not come forward")


@pytest.mark.parametrize("engine_too", [False, True], ids=["tuner", "tuner and engine"])
def test_a_killed_study_is_gone_on_with_and_nothing_is_lost_or_done_twice(flows: Project, engine_too: bool) -> None:
    tuner = subprocess.Popen([sys.executable, "-c", PROGRAM, str(flows.folder)], env=os.environ)
    try:
        wait_for_trials(flows.workspace, 5)
    finally:
        tuner.kill()
        tuner.wait(30)
    if engine_too:
        engine = json.loads((flows.workspace.state / "engine.json").read_text())["pid"]
        os.kill(engine, signal.SIGKILL)
    stopped = flows.workspace.study("cut")
    assert stopped["state"] == "stopped" and "has ended" in stopped["reason"]
    found = flows.workspace.tune(TuneRequest(study="cut"), lambda view: None)
    assert found["counts"] == {"succeeded": 20} and len(found["trials"]) == 20
    assert [t["number"] for t in found["trials"]] == list(range(20))
    assert len({t["run"] for t in found["trials"]}) == 20
    before = {t["number"]: (t["parameters"], t["run"]) for t in stopped["trials"]}
    assert before.items() <= {t["number"]: (t["parameters"], t["run"]) for t in found["trials"]}.items()
    ran = Path(flows.folder / "log").read_text().split()
    # A step that was cut off with its worker runs again, and has then written nothing before.
    assert sorted(set(ran)) == sorted(repr(t["parameters"]["x"]) for t in found["trials"])
    assert len(ran) == 20 or engine_too
    assert len(flows.workspace.runs(limit=100)) == 20


def test_two_at_one_study_are_told_apart(flows: Project) -> None:
    def show(view: StudyView) -> None:
        if view["state"] == "running" and not refused:
            try:
                tuned(flows, "fails", study="one", trials=3)
            except StudyError as error:
                refused.append(str(error))

    refused: list[str] = []
    tuned(flows, "fails", show, study="one", trials=3, failures=0)
    assert refused and "another process is at the study" in refused[0]


def test_a_run_that_somebody_cancels_is_a_cancelled_trial(flows: Project) -> None:
    def show(view: StudyView) -> None:
        if view["counts"].get("running") and not cancelled:
            run = flows.workspace.study(view["name"])["trials"][0]["run"]
            flows.workspace.cancel(run, force=True)
            cancelled.append(run)

    cancelled: list[str] = []
    found = tuned(flows, "slow", show, trials=2, parallel=1, texts={"log": flows.folder / "log", "pause": 2})
    assert found["counts"] == {"succeeded": 1, "cancelled": 1} and found["trials"][0]["state"] == "cancelled"
