"""Flows whose steps run on a real Ray, on real engines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import CheckError
from tests.contract.ray_cluster import ray_cluster
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, outcomes
from tests.integration.model_flows import check_model_flows
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "news_sentiment"

FLOWS = """
import os, time
from pathlib import Path
from partita import context, flow, task

@task(executor="cluster")
def there(x: int) -> list:
    print("said there", x)
    return [x, os.environ.get("PASSED_ON", ""), "PARTITA_AGENT_KEY" in os.environ, os.getcwd()]

@task
def here(rows: list) -> list:
    return rows

@task(executor="cluster", environment=["packaging"])
def elsewhere() -> int:
    return 1

@task(executor="cluster")
def slow(folder: str) -> int:
    Path(folder, f"begun{context().attempt}").write_text(str(os.getppid()))
    while not Path(folder, "go").exists():
        time.sleep(0.02)
    return 7

@flow
def both(count: int = 4) -> list:
    return here(there.map(list(range(count))))

@task(executor="cluster", secrets=["TOKEN"])
def secretive() -> list:
    print("said there", os.environ["TOKEN"])
    return [len(os.environ["TOKEN"]), os.getpid()]

@task(executor="cluster")
def curious(before: list) -> list:
    return [os.getpid() == before[1], "hun" "ter2" in str(dict(os.environ)) + Path("/proc/self/environ").read_text()]

@flow
def told() -> list:
    before = secretive()
    return [before, curious(before)]

@flow
def apart() -> int:
    return elsewhere()

@flow
def lasting(folder: str) -> int:
    return slow(folder)
"""


@pytest.fixture
def on_ray(make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    for name, value in ray_cluster().variables.items():
        monkeypatch.setenv(name, value)

    def make(**changes: Any) -> Project:
        table = {"kind": "ray", "address": ray_cluster().address, "cpu": 2} | changes
        lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
        project = make_project("crash_retries = 1\n[executors.cluster]\n" + "\n".join(lines))
        project.write(FLOWS)
        return project

    return make


def test_one_flow_uses_ray_and_this_machine(on_ray: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("PASSED_ON", "yes")
    project = on_ray(variables=["PASSED_ON"])
    run = project.start("both")
    rows = project.result(run)
    assert [row[:3] for row in rows] == [[x, "yes", False] for x in range(4)]
    said = "".join(chunk["text"] for chunk in project.workspace.logs(run.id))
    assert all(f"said there {x}" in said for x in range(4))
    with pytest.raises(CheckError, match="runtime_env"):
        project("apart")
    monkeypatch.chdir(project.folder)
    assert main(["executors", "test", "cluster"]) == 0


def test_a_stored_secret_reaches_the_step_on_ray_that_names_it_and_no_other(on_ray: Any) -> None:
    project = on_ray(cpu=1)
    for value in ("hunter2 and more", "hunter2"):
        project.workspace.set_secret("TOKEN", value)
        run = project.start("told")
        (length, _), (is_same, is_found) = project.result(run)
        assert length == len(value) and is_same and not is_found
        assert "".join(chunk["text"] for chunk in project.workspace.logs(run.id)) == "said there ***\n"
    stored = b"".join(file.read_bytes() for file in project.workspace.state.rglob("*") if file.is_file())
    assert b"hunter2" not in stored


def test_steps_on_ray_register_promote_and_load_models(on_ray: Any) -> None:
    check_model_flows(on_ray(), "cluster")


def test_what_runs_when_an_engine_is_killed_goes_on_under_the_next(on_ray: Any) -> None:
    project = on_ray()
    run = project.start("lasting", folder=project.folder)
    wait_until(lambda: (project.folder / "begun1").exists())
    kill_engine(project)
    assert run.state == "running"  # which asks, and so starts the next one
    (project.folder / "go").touch()
    assert project.result(run) == 7 and outcomes(project, run, "slow") == ["succeeded"]


def test_a_worker_that_is_killed_harms_one_attempt(on_ray: Any) -> None:
    project = on_ray()
    run = project.start("lasting", folder=project.folder)
    wait_until(lambda: (project.folder / "begun1").exists() and (project.folder / "begun1").read_text())
    os.kill(int((project.folder / "begun1").read_text()), signal.SIGKILL)  # the actor
    (project.folder / "go").touch()
    assert project.result(run) == 7
    assert outcomes(project, run, "slow") == ["crashed", "succeeded"] and (project.folder / "begun2").exists()


def test_the_news_example_has_the_same_result_on_ray(on_ray: Any, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PARTITA_IDLE_TIMEOUT": "1s"}
    results = []
    for choice in ([], ["--executor", "cluster"]):
        folder = tmp_path / f"news{len(choice)}"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".partita", "report", "__pycache__"))
        with (folder / "partita.toml").open("a") as settings:
            settings.write(f'\n[executors.cluster]\nkind = "ray"\naddress = "{ray_cluster().address}"\ncpu = 2\n')
        told = subprocess.run(
            [sys.executable, "-m", "partita.cli", "run", "flow.py", "--json", "--folds", "2", *choice],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        result = json.loads(told.stdout)["result"]
        results.append((result["chosen"], result["accuracy"], result["macro_f1"]))
        assert (folder / "report" / "report.html").exists()
    assert results[0] == results[1] and results[0][1] > 0.8
