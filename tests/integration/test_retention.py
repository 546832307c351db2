"""What goes by itself when it is old enough, and what never does, with a real engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import NotFoundError, OptionError, StepError
from partita.workspace.runs import Run
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from partita import flow, task

@task
def make(n: int) -> bytes:
    print("making", n)
    return b"%d" % n * 9000

@task(cache=True)
def cached(n: int) -> bytes:
    return b"c%d" % n * 9000

@task
def size(data: bytes) -> int:
    return len(data)

@task
def held(data: bytes) -> int:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return len(data)

@flow
def quick(n: int) -> int:
    return size(make(n))

@flow
def other(n: int) -> int:
    return size(make(n))

@flow
def with_cache(n: int) -> int:
    return size(cached(n))

@flow
def long_with_cache(n: int) -> int:
    return held(cached(n))

@flow
def long(n: int) -> int:
    return held(make(n))

@task
def broken(n: int) -> int:
    raise ValueError("no")

@flow
def fails(n: int) -> int:
    return broken(n)

@task
def element(n: int) -> int:
    return n

@flow
def many(n: int) -> list[int]:
    return element.map(list(range(n)))
"""

MODELS = """
import numpy as np
from sklearn.linear_model import Ridge
from partita import flow, task
from partita.models import Model, load, model_of, promote, register

@task(cache=True)
def rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 3))

@task
def fit(X: np.ndarray) -> Model:
    model = model_of(Ridge().fit(X, X[:, 0]), example=X)
    promote(register(model, "line"), "champion", why="it is the first")
    return model

@task
def count(X: np.ndarray) -> int:
    return len(X)

@flow
def look(n: int) -> int:
    return count(rows(n))

@flow
def train(n: int) -> Model:
    return fit(rows(n))

@task
def predict() -> list:
    return load("line@champion").predict(np.ones((1, 3))).tolist()

@flow
def use() -> list:
    return predict()
"""


def age_files(project: Project) -> None:
    """Let all files be so old that a collection may take them."""
    before = time.time() - 7200
    for path in (project.workspace.state).rglob("*"):
        if path.is_file() and path.parent != project.workspace.state:
            os.utime(path, (before, before))
    for path in (project.workspace.state / "logs").iterdir():
        os.utime(path, (before, before))


def blob_of(project: Project, name: str) -> Path:
    digest = project.workspace.artifact(name)["view"]["hash"]
    return project.workspace.state / "blobs" / digest[:2] / digest[2:]


def ids(project: Project) -> set[str]:
    return {run["id"] for run in project.workspace.runs(limit=1000)}


def ran(project: Project, flow: str, **inputs: Any) -> Run:
    return project.start(flow, **inputs).wait(120)


Make = Callable[[str], Project]


def test_old_runs_go_but_the_newest_of_each_flow_and_what_a_flow_says(make_project: Make) -> None:
    project = make_project(
        'retention = { runs = 0, keep_runs = 2, failed_runs = "30d", flows = { other = { runs = "never" } } }'
    )
    project.write(FLOWS)
    quick = [ran(project, "quick", n=n).id for n in range(4)]
    failed, others = ran(project, "fails", n=1).id, {ran(project, "other", n=n).id for n in range(3)}
    age_files(project)
    dry = project.workspace.retain(dry_run=True)
    assert len(ids(project)) == 8 and dry["freed_bytes"] is None
    done = project.workspace.retain()
    assert {row["run"] for row in dry["runs"]} == {row["run"] for row in done["runs"]} == set(quick[:2])
    assert ids(project) == {*quick[2:], failed, *others}
    logs = {path.name for path in (project.workspace.state / "logs").iterdir()}
    assert logs.isdisjoint(quick[:2]) and set(quick[2:]) <= logs
    assert done["freed_bytes"] and done["blobs"] == 0  # other runs made the same
    assert done in project.workspace.retained()
    assert "retention: 2 runs deleted" in (project.workspace.state / "engine.log").read_text()
    assert project.workspace.ask("metrics")["retention"]["runs"] == 2


def test_it_happens_by_itself(make_project: Make) -> None:
    project = make_project('retention = { runs = "1s", every = "1s" }')
    project.write(FLOWS)
    ran(project, "quick", n=1)
    wait_until(lambda: not ids(project))
    wait_until(lambda: any(record["counts"]["runs"] for record in project.workspace.retained()))
    assert all(record["is_automatic"] for record in project.workspace.retained())


def test_what_a_model_came_from_stays_with_its_values(make_project: Make) -> None:
    project = make_project("retention = { runs = 0, artifacts = 0 }")
    project.write(MODELS)
    source, trained = ran(project, "look", n=500).id, ran(project, "train", n=500).id
    predicted = project("use")
    project.workspace.clear_cache()
    age_files(project)
    done = project.workspace.retain()
    assert {held["run"] for held in done["held"]} >= {trained}
    assert trained in ids(project) and project("use") == predicted
    assert source not in {row["run"] for row in done["runs"]} or blob_of(project, f"{trained}:rows").exists()


def test_the_run_whose_cached_value_a_model_was_made_of_stays(make_project: Make) -> None:
    project = make_project("retention = { runs = 0 }")
    project.write(MODELS)
    source, trained = ran(project, "look", n=500).id, ran(project, "train", n=500).id
    done = project.workspace.retain()
    assert {held["run"]: held["reason"] for held in done["held"]} == dict.fromkeys(
        (source, trained), "it made line:1; the registry keeps it"
    )
    assert ids(project) == {source, trained}


def test_unfinished_runs_and_whom_they_took_values_of_stay(make_project: Make) -> None:
    project = make_project("retention = { runs = 0, artifacts = 0, logs = 0 }")
    project.write(FLOWS)
    source, adopted = ran(project, "with_cache", n=1).id, ran(project, "quick", n=2)
    borrowing, running = project.start("long_with_cache", n=1), project.start("long", n=3)
    wait_until(
        lambda: sum(s["state"] == "running" for r in (borrowing, running) for s in r.steps if s["name"] == "held") == 2
    )
    age_files(project)
    done = project.workspace.retain()
    assert [held["run"] for held in done["held"]] == [source]
    assert ids(project) == {source, borrowing.id, running.id} and adopted.id not in ids(project)
    (project.folder / "go").touch()
    assert project.result(borrowing) == 18_000 and project.result(running) == 9_000
    project.workspace.retain()
    assert not ids(project)
    assert ran(project, "with_cache", n=1).state == "succeeded"  # its entry in the cache is there
    step = next(s for s in project.workspace.steps("latest") if s["name"] == "cached")
    assert "cached" in step["marks"]


def test_logs_may_go_first_and_reading_one_says_so(make_project: Make) -> None:
    project = make_project('retention = { logs = 0, runs = "30d" }')
    project.write(FLOWS)
    run = ran(project, "quick", n=1)
    assert any("making 1" in chunk["text"] for chunk in project.workspace.logs(run.id))
    done = project.workspace.retain()
    assert [row["run"] for row in done["logs"]] == [run.id] and not done["runs"]
    told = "".join(chunk["text"] for chunk in project.workspace.logs(run.id))
    assert "the log was removed on 20" in told and "making" not in told
    assert project.workspace.run(run.id)["state"] == "succeeded"
    assert project.workspace.retain()["counts"]["logs"] == 0


def test_values_may_go_first_and_a_rerun_makes_them_again(make_project: Make) -> None:
    project = make_project('retention = { artifacts = 0, runs = "30d" }')
    project.write(FLOWS)
    run, same = ran(project, "quick", n=1), ran(project, "with_cache", n=1)
    blob, cached = blob_of(project, f"{run.id}:make"), blob_of(project, f"{same.id}:cached")
    again = Run(project.workspace, project.workspace.rerun(run.id)).wait(60)
    held = project.start("long", n=1)
    wait_until(lambda: any(s["name"] == "held" and s["state"] == "running" for s in held.steps))
    age_files(project)
    done = project.workspace.retain()
    assert {row["run"] for row in done["values"]} == {run.id, same.id, again.id}
    assert blob.exists() and cached.exists()  # the unfinished run and the cache name them
    (project.folder / "go").touch()
    project.result(held)
    project.workspace.clear_cache()
    age_files(project)
    project.workspace.retain()
    assert not blob.exists() and not cached.exists()
    with pytest.raises(NotFoundError, match="was removed on 20"):
        project.workspace.value(f"{run.id}:make")
    assert project.workspace.verify_artifacts()[2] == []
    made = Run(project.workspace, project.workspace.rerun(run.id)).wait(60)
    assert project.result(made) == 9_000 and blob.exists()


def test_a_large_run_goes_in_bites_and_a_killed_engine_goes_on_with_it(make_project: Make) -> None:
    project = make_project('retention = { runs = 0, keep_runs = 1, flows = { quick = { runs = "1d" } } }')
    project.write(FLOWS)
    first = ran(project, "many", n=3000)
    ran(project, "many", n=1)
    waiting: list[Any] = []

    def prune() -> None:
        try:
            waiting.append(project.workspace.retain())
        except Exception as error:
            waiting.append(error)

    import threading

    other = LocalAsk(project)
    thread = threading.Thread(target=prune)
    thread.start()
    wait_until(lambda: waiting or other.steps_left(first.id) < 3001)
    if not waiting:
        kill_engine(project)
    thread.join()
    project.workspace.retain()
    assert first.id not in ids(project)
    with pytest.raises(NotFoundError):
        project.workspace.run(first.id)
    assert project("quick", n=1) == 9000


class LocalAsk:
    """Looks into the store beside the engine."""

    def __init__(self, project: Project) -> None:
        self._file = project.workspace.state / "store.db"

    def steps_left(self, run: str) -> int:
        import sqlite3

        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as rows:
            statement = "select count(*) from step where key >> 32 = (select number from run where id = ?)"
            count: int = rows.execute(statement, (run,)).fetchone()[0]
        return count


def test_who_asks_without_a_setting_is_told_what_to_write(project: Project) -> None:
    project.write(FLOWS)
    ran(project, "quick", n=1)
    with pytest.raises(OptionError, match="write a table such as retention"):
        project.workspace.retain()


def test_the_command_line(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project('retention = { runs = 0, logs = "1h" }')
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)
    run = ran(project, "quick", n=1)
    with pytest.raises(StepError):
        project("fails", n=1)
    capsys.readouterr()
    assert main(["prune", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["is_dry"] and told["counts"]["runs"] == 2
    assert main(["prune", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert run.id in shown.out and "2 runs, logs of 0, values of 0 would go, of 2 finished runs" in shown.err
    assert main(["prune"]) == 0
    assert "2 runs, logs of 0, values of 0 went" in capsys.readouterr().err
    assert main(["prune", "--history"]) == 0
    assert "asked" in capsys.readouterr().out
    assert main(["prune", "--history", "--dry-run"]) == 2
