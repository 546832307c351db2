"""Steps in containers, on real engines and a real Docker."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest

from partita.cli import main
from partita.errors import CheckError, StepError
from tests.contract.docker_image import running_containers, worker_image
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, outcomes
from tests.integration.model_flows import check_model_flows
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.service]

FLOWS = """
import os, platform, time
from pathlib import Path
from partita import File, context, flow, task

@task(executor="boxes")
def inside(x: int) -> list:
    print("said inside", x)
    return [x, platform.node(), os.environ.get("PASSED_ON", ""), os.environ.get("KEPT_BACK", "")]

@task
def outside(rows: list) -> list:
    return [platform.node(), rows]

@task(executor="boxes")
def write(count: int) -> File:
    Path("made.bin").write_bytes(b"x" * count)
    return File("made.bin")

@task
def size(file: File) -> int:
    return file.size_bytes

@task(executor="boxes")
def hungry() -> int:
    return len(bytearray(900 << 20))

@task(executor="boxes", environment=["packaging"])
def elsewhere() -> int:
    return 1

@task(executor="boxes")
def slow(x: int) -> int:
    Path(f"begun{x}").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    return x

@flow
def both(count: int = 4) -> list:
    return outside(inside.map(list(range(count))))

@flow
def files(count: int = 100_000) -> int:
    return size(write(count))

@flow
def large() -> int:
    return hungry()

@flow
def apart() -> int:
    return elsewhere()

@task(executor="boxes")
def look() -> list:
    state = Path(".partita")
    return sorted(str(path) for path in [*state.glob("*"), *state.glob("executors/*")])

@flow
def looking() -> list:
    return look()

@task(executor="boxes", secrets=["TOKEN"])
def secretive() -> int:
    print("said inside", os.environ["TOKEN"])
    return len(os.environ["TOKEN"])

@task(executor="boxes")
def curious(before: int) -> list:
    return [before, "hun" "ter2" in str(dict(os.environ)) + Path("/proc/1/environ").read_text()]

@flow
def told() -> list:
    return curious(secretive())

@flow
def lasting(x: int = 1) -> int:
    return slow(x)
"""


@pytest.fixture
def boxed(make_project: Callable[[str], Project]) -> Callable[..., Project]:
    def make(**changes: Any) -> Project:
        table = {"kind": "docker", "image": worker_image(), "pull": "never", "cpu": 2, "memory": "512MiB"} | changes
        lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
        project = make_project("crash_retries = 1\n[executors.boxes]\n" + "\n".join(lines))
        project.write(FLOWS)
        return project

    return make


def test_one_flow_uses_containers_and_this_machine(boxed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSED_ON", "yes")
    monkeypatch.setenv("KEPT_BACK", "no")
    project = boxed(variables=["PASSED_ON"])
    run = project.start("both")
    here, rows = project.result(run)
    assert [row[0] for row in rows] == [0, 1, 2, 3] and here not in {row[1] for row in rows}
    assert {tuple(row[2:]) for row in rows} == {("yes", "")}
    said = "".join(chunk["text"] for chunk in project.workspace.logs(run.id))
    assert all(f"said inside {x}" in said for x in range(4))
    assert len(running_containers()) <= 2  # warm ones, for many steps
    assert project("files") == 100_000
    assert (project.folder / "made.bin").stat().st_uid == os.getuid()
    project.workspace.stop_engine()
    wait_until(lambda: not running_containers())


def test_a_container_sees_nothing_of_the_workspace_but_what_it_needs(boxed: Any) -> None:
    """Neither its key and its store, nor where another executor's workers are heard."""
    project = boxed()
    (project.folder / ".partita" / "executors" / "others" / "said").mkdir(parents=True)
    seen = project("looking")
    assert seen == [".partita/blobs", ".partita/bundles", ".partita/executors", ".partita/executors/boxes"]
    assert (project.folder / ".partita" / "key").exists()


def test_a_stored_secret_reaches_the_step_in_a_container_that_names_it_and_no_other(boxed: Any) -> None:
    project = boxed(cpu=1)
    project.workspace.set_secret("TOKEN", "hunter2 and more")
    run = project.start("told")
    assert project.result(run) == [16, False]
    assert "".join(chunk["text"] for chunk in project.workspace.logs(run.id)) == "said inside ***\n"
    stored = b"".join(file.read_bytes() for file in project.workspace.state.rglob("*") if file.is_file())
    assert b"hunter2" not in stored


@pytest.mark.timeout(900)  # the image has scikit-learn
def test_steps_in_containers_register_promote_and_load_models(boxed: Any) -> None:
    packages = (f"{name}=={importlib.metadata.version(name)}" for name in ("scikit-learn", "numpy", "skops"))
    check_model_flows(boxed(image=worker_image(*packages), memory="2GiB"), "boxes")


def test_out_of_memory_is_understood(boxed: Any) -> None:
    project = boxed()
    with pytest.raises(StepError, match=r"ran out of memory|used .* of memory"):
        project("large")


def test_what_runs_when_an_engine_is_killed_goes_on_under_the_next(boxed: Any) -> None:
    project = boxed()
    run = project.start("lasting")
    wait_until(lambda: (project.folder / "begun1").exists())
    before = running_containers()
    kill_engine(project)
    assert run.state == "running"  # which asks, and so starts the next one
    (project.folder / "go").touch()
    assert project.result(run) == 1 and outcomes(project, run, "slow") == ["succeeded"]
    assert len(before) == 1
    project.workspace.stop_engine()
    wait_until(lambda: not running_containers())


def kill_clients(what: str) -> int:
    """End programs that wait for a worker's container, as they end when Docker is restarted; how many there were."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if words[:2] == ["docker", what] and any(word.startswith("partita-") for word in words):
                process.kill()
                count += 1
    return count


def test_who_waits_for_a_container_may_be_cut_off(boxed: Any) -> None:
    """The container lives on, under the engine that started it and under the next one."""
    project = boxed()
    run = project.start("lasting")
    wait_until(lambda: (project.folder / "begun1").exists())
    before = running_containers()
    assert kill_clients("run") == 1
    wait_until(lambda: kill_clients("wait"))  # which has begun in its place
    kill_engine(project)
    assert run.state == "running"
    wait_until(lambda: kill_clients("wait"))
    wait_until(lambda: kill_clients("wait"))
    assert running_containers() == before
    (project.folder / "go").touch()
    assert project.result(run) == 1 and outcomes(project, run, "slow") == ["succeeded"]
    project.workspace.stop_engine()
    wait_until(lambda: not running_containers())


def test_containers_that_hear_of_no_engine_end(boxed: Any) -> None:
    project = boxed(lease="6s")
    run = project.start("lasting")
    wait_until(lambda: (project.folder / "begun1").exists())
    kill_engine(project)
    wait_until(lambda: not running_containers())
    (project.folder / "go").touch()
    assert project.result(run) == 1


def test_a_container_that_is_killed_harms_one_attempt(boxed: Any) -> None:
    import subprocess

    project = boxed()
    run = project.start("lasting")
    wait_until(lambda: (project.folder / "begun1").exists())
    for container in running_containers():
        subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    (project.folder / "go").touch()
    assert project.result(run) == 1
    assert outcomes(project, run, "slow") == ["crashed", "succeeded"]


def test_a_cancelled_step_leaves_no_attempt(boxed: Any) -> None:
    project = boxed()
    run = project.start("lasting")
    wait_until(lambda: (project.folder / "begun1").exists())
    project.workspace.cancel(run.id)
    assert run.wait(60).state == "cancelled"


def test_what_is_wrong_is_told_in_words(
    boxed: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = boxed()
    monkeypatch.chdir(project.folder)
    assert main(["executors", "test", "boxes"]) == 0
    with pytest.raises(CheckError, match="put them into the image"):
        project("apart")
    project.workspace.stop_engine()
    boxed(image="no-such-image:1")
    assert main(["executors", "test", "boxes"]) == 4
    assert "no-such-image:1" in capsys.readouterr().out
    boxed(python="no-python")
    assert main(["executors", "test", "boxes"]) == 4
    assert "no-python" in capsys.readouterr().out
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    boxed()
    assert main(["executors", "test", "boxes"]) == 4
    assert "Cannot connect to the Docker daemon" in capsys.readouterr().out
