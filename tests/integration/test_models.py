"""The model registry of a workspace with a real engine and real workers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from partita.cli import main
from partita.errors import DamagedError, GateError, NotFoundError, StepError
from partita.workspace.sweeping import Sweep
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, stop_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from partita import flow, task
from partita.models import Model, load, measure_latency, model_of, promote, register

class Rule:
    def predict(self, rows):
        return np.asarray(rows)[:, 0] > 0

@task
def data(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 4))

@task
def fit(X: np.ndarray, trees: int, hold: bool = False) -> Model:
    y = (X[:, 0] > 0).astype(int)
    model = model_of(RandomForestClassifier(trees, random_state=0).fit(X, y), example=X)
    wrong = (model.predict(X) != y).astype(float)
    found = {"kind": "classification", "rows": len(X), "metrics": {"accuracy": 1 - wrong.mean()}, "pictures": {"roc": "<svg/>"}}
    register(model, "churn", evaluation=found, losses=wrong, metrics={"trees": trees})
    if hold:
        Path(f"registered-{os.getpid()}").touch()
        while not os.path.exists("go"):
            time.sleep(0.01)
    return model

@task(cache=True)
def cached_fit(X: np.ndarray, trees: int) -> Model:
    y = (X[:, 0] > 0).astype(int)
    model = model_of(RandomForestClassifier(trees, random_state=0).fit(X, y), example=X)
    register(model, "cached")
    return model

@task
def count(model: Model) -> int:
    return int(model.predict(np.ones((3, 4))).sum())

@task
def loaded(name: str) -> int:
    return int(load(name).predict(np.ones((3, 4))).sum())

@task
def own() -> str:
    return str(register(model_of(Rule(), example=np.zeros((3, 2))), "own"))

@flow
def train(trees: int = 5, hold: bool = False) -> Model:
    return fit(data(300), trees, hold)

@flow
def train_cached(trees: int = 5) -> int:
    return count(cached_fit(data(300), trees))

@flow
def use(model: Model) -> int:
    return count(model)

@flow
def use_by_name(name: str) -> int:
    return loaded(name)

@flow
def register_own() -> str:
    return own()
"""


@pytest.fixture(autouse=True)
def _flows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)


def numbers(project: Project, name: str = "churn") -> list[int]:
    return [view["number"] for view in project.workspace.model(name)[1]]


def told(project: Project, *words: str) -> Any:
    """What a command prints as JSON."""
    out = subprocess.run(
        [sys.executable, "-m", "partita.cli", "models", *words, "--json"], cwd=project.folder, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return json.loads(out.stdout)


def test_a_model_is_registered_used_promoted_and_rolled_back(project: Project) -> None:
    for trees in (5, 9):
        project("train", trees=trees)
    listed = told(project, "list")
    assert [(one["name"], one["versions"], one["latest"]) for one in listed] == [("churn", 2, 2)]
    assert told(project, "promote", "churn:1", "--why", "first")["gates"] == []
    assert told(project, "gates", "churn", "--gate", "trees >= 8", "--gate", "accuracy no worse")["gates"]
    assert told(project, "promote", "churn:2")["gates"][0] == {
        "gate": "trees >= 8",
        "is_met": True,
        "told": "trees is 9",
    }
    assert project("use", model="churn@champion") == 3 and project("use_by_name", name="churn@champion") == 3
    assert told(project, "rollback", "churn") == {"version": "churn:1", "alias": "champion"}
    assert told(project, "show", "churn:1")["aliases"] == ["champion"]
    assert [move["after"] for move in told(project, "show", "churn")["moves"]] == [1, 2, 1]
    refused = told(project, "promote", "churn:1", "challenger", "--gate", "trees >= 8")
    assert refused["exit_status"] == 1 and "trees is 5" in refused["error"]["message"]
    compared = told(project, "compare", "churn:1", "churn:2")
    assert compared["metrics"]["trees"] == [5.0, 9.0]


def test_a_step_whose_worker_dies_after_it_registered_makes_one_version(project: Project) -> None:
    run = project.start("train", hold="true")
    wait_until(lambda: list(project.folder.glob("registered-*")))
    (first,) = project.folder.glob("registered-*")
    os.kill(int(first.name.partition("-")[2]), signal.SIGKILL)
    wait_until(lambda: len(list(project.folder.glob("registered-*"))) == 2)
    with pytest.raises(NotFoundError, match="there is no model"):
        project.workspace.model("churn")
    (project.folder / "go").touch()
    project.result(run)
    assert numbers(project) == [1]


def test_an_engine_that_dies_after_a_step_registered_makes_one_version(project: Project) -> None:
    run = project.start("train", hold="true")
    wait_until(lambda: list(project.folder.glob("registered-*")))
    kill_engine(project)
    (project.folder / "go").touch()
    project.workspace.resume(run.id)
    project.result(run)
    assert len(numbers(project)) == 1
    with sqlite3.connect(project.workspace.state / "store.db") as rows:
        assert rows.execute("select count(*) from model_version").fetchone() == (1,)


def test_a_cached_step_registers_nothing_again(project: Project) -> None:
    assert project("train_cached") == project("train_cached") == 3
    assert numbers(project, "cached") == [1]


def test_a_file_that_was_changed_is_refused_when_it_is_used(project: Project) -> None:
    project("train")
    digest = project.workspace.model_version("churn:1")[0]["record"]["files"][0][2]
    path = project.workspace.blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(StepError, match=r"DamagedError.*is not what was written|DamagedError"):
        project("use_by_name", name="churn")
    with pytest.raises(DamagedError):
        project.workspace.export_model("churn", project.folder / "out")


def test_what_a_version_needs_is_never_removed(project: Project) -> None:
    project("train")
    project("train_cached")
    project("use_by_name", name="churn")
    before = project.workspace.model_version("churn:1")[0]
    found = project.workspace.prunable_runs()
    held = {one["run"]: one["reason"] for one in found["held"]}
    assert held[before["run"]] == "it made churn:1; the registry keeps it" and len(held) == 2
    for run in found["runs"]:
        project.workspace.delete_run(run["id"])
    project.workspace.clear_cache()
    swept = Sweep(project.workspace.state, grace_s=0, store=project.workspace.blobs, slack_s=-60).collect()
    assert set(swept["removed"]).isdisjoint({file[2] for file in before["record"]["files"]})
    assert project("use_by_name", name="churn") == 3 and project("use", model="cached") == 3
    project.workspace.delete_version("cached:1")
    assert len(project.workspace.prunable_runs()["held"]) == 1


def test_lineage_leads_through_the_registry(project: Project) -> None:
    project("train")
    run = project.start("use_by_name", name="churn")
    project.result(run)
    up = project.workspace.lineage(f"{run.id}:loaded", ways="up")
    assert [node["path"] for node in up["nodes"]] == ["loaded", "fit", "data"]
    assert "churn:1" in {edge[2] for edge in up["edges"]}
    view = project.workspace.model_version("churn")[0]
    down = project.workspace.lineage(f"{view['run']}:fit", ways="down")
    assert "loaded" in [node["path"] for node in down["nodes"]]


def test_models_are_shown_among_the_artifacts(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project("train")
    assert main(["artifacts", "show", "fit"]) == 0
    shown = capsys.readouterr().out
    assert "type       Model" in shown and "Model RandomForestClassifier" in shown and "model.skops" in shown
    assert main(["models", "show", "churn:1"]) == 0
    shown = capsys.readouterr().out
    assert (
        "skops of sklearn" in shown and "takes" in shown and "classification on test, 300 rows; pictures: roc" in shown
    )


def test_a_card_is_written_as_a_page(project: Project) -> None:
    project("train")
    card = project.workspace.model_card("churn:1")
    assert "# churn:1" in card and "data of run" in card and "| accuracy | 1 |" in card
    assert main(["models", "card", "churn", "--out", "card.html"]) == 0
    assert "data:image/svg+xml;base64," in (project.folder / "card.html").read_text()


def test_models_go_out_and_come_back(project: Project) -> None:
    project("train")
    files = project.workspace.export_model("churn:1", project.folder / "out")
    assert {file.name for file in files} >= {"MLmodel", "model.skops", "requirements.txt", "README.md"}
    assert project.workspace.import_model(project.folder / "out", "again") == "again:1"
    assert project("use_by_name", name="again") == 3
    own = project("register_own")
    with pytest.raises(Exception, match="stands in a script of this project"):
        project.workspace.export_model(own, project.folder / "own")
    project.workspace.export_model(own, project.folder / "own", form="files")
    pickled = project.folder / "own" / "model.pickle"
    with pytest.raises(StepError, match="is a pickle"):
        project.workspace.import_model(pickled, "mine")


def test_a_script_registers_without_a_run(project: Project) -> None:
    script = project.folder / "script.py"
    script.write_text(
        "import numpy as np\nfrom sklearn.linear_model import Ridge\nfrom partita.models import find, load, promote, register\n"
        "X = np.arange(12.0).reshape(6, 2)\nversion = register(Ridge().fit(X, X[:, 0]), 'line', example=X, metrics={'r2': 1.0})\n"
        "promote(version, gates=['r2 >= 0.5'], why='a script')\n"
        "print(version, find('line@champion')['number'], round(float(load('line').predict(X)[3]), 1))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=project.folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.split()[:2] == ["line:1", "1"], done.stderr
    assert project.workspace.model_version("line")[0]["run"] == ""


def test_the_registry_outlives_its_engine(project: Project) -> None:
    project("train")
    project.workspace.set_alias("churn:1", "best", why="by hand", by="ann")
    stop_engine(project)
    model, _, moves = project.workspace.model("churn")
    assert model["aliases"] == {"best": 1} and (moves[0]["author"], moves[0]["why"]) == ("ann", "by hand")
    with pytest.raises(GateError, match="churn:1 is best"):
        project.workspace.delete_version("churn:1")
    project.workspace.remove_alias("churn", "best")
    project.workspace.describe_model("churn", description="Who leaves.", tags={"team": "sales"})
    project.workspace.describe_model("churn:1", description="The first.")
    model, versions, _ = project.workspace.model("churn")
    assert model["description"] == "Who leaves." and versions[0]["description"] == "The first." and not model["aliases"]
