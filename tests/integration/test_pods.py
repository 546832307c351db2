"""Flows whose steps run in pods of a real cluster, on a real engine: what they say goes through S3."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.errors import StepError
from tests.contract.docker_image import packaged_image
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, outcomes, stop_engine
from tests.integration.kubernetes_cluster import TestNamespace, namespace  # noqa: F401
from tests.integration.s3_server import running_bucket
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.integration, pytest.mark.service,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),  # as the certificate of a cluster for tests may be
]  # fmt: skip

#: Under which pods reach this machine.
_HOST = os.environ.get("TEST_HOST_ADDRESS", "172.17.0.1")

FLOWS = """
import os, platform, time
from pathlib import Path
from partita import File, context, flow, task

@task(executor="pods")
def inside(x: int) -> list:
    print("said inside", x)
    return [x, platform.node()]

@task
def outside(rows: list) -> list:
    return [platform.node(), rows]

@task(executor="pods")
def write(count: int) -> File:
    Path("made.bin").write_bytes(b"x" * count)
    return File("made.bin")

@task
def size(file: File) -> int:
    return file.size_bytes

@task(executor="pods", memory="64MiB")
def hungry() -> int:
    return len(bytearray(900 << 20))

@task(executor="pods", retries=0)
def slow() -> str:
    context().progress(1, note="begun")
    while "go" not in os.listdir("/tmp/gate"):
        time.sleep(0.05)
    return platform.node()

@task(executor="pods", retries=1)
def counted() -> int:
    folder = context().checkpoint
    kept = folder / "count"
    if not kept.exists():
        kept.write_text("41")
        raise OSError("once more")
    return int(kept.read_text()) + context().attempt - 1

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
def lasting() -> str:
    return slow()

@flow
def twice() -> int:
    return counted()
"""


@pytest.fixture
def gate() -> Iterator[Path]:
    """A file of this machine that a waiting step looks for in its pod."""
    with tempfile.TemporaryDirectory(prefix="partita-gate-") as folder:
        Path(folder).chmod(0o755)  # pods look into it as somebody else
        yield Path(folder, "go")


@pytest.fixture
def podded(
    make_project: Callable[[str], Project], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, gate: Path
) -> Iterator[Callable[..., Project]]:
    space: TestNamespace = request.getfixturevalue("namespace")
    with running_bucket(monkeypatch, _HOST) as bucket:

        def make(**changes: Any) -> Project:
            aws = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"]
            table = {
                "kind": "kubernetes", "image": packaged_image(), "pull": "never", "cpu": 1, "memory": "1GiB", "variables": aws,
                "kubernetes": {"namespace": space.name, "volumes": [f"host:{gate.parent}:/tmp/gate"]},
            }  # fmt: skip
            lines = [f"{name} = {_toml(value)}" for name, value in (table | changes).items()]
            settings = f'artifacts = "{bucket}/project"\ncrash_retries = 1\n[executors.pods]\n' + "\n".join(lines)
            project = make_project(settings)
            project.write(FLOWS)
            made.append(project)
            return project

        made: list[Project] = []
        yield make
        for project in made:  # while there is a bucket, through which their workers are ended
            stop_engine(project)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    return json.dumps(value)


def test_one_flow_uses_pods_and_this_machine(podded: Any) -> None:
    project = podded()
    run = project.start("both")
    here, rows = project.result(run)
    assert [row[0] for row in rows] == [0, 1, 2, 3] and here not in {row[1] for row in rows}
    assert len({row[1] for row in rows}) == 1  # a warm pod, for all of them
    said = "".join(chunk["text"] for chunk in project.workspace.logs(run.id))
    assert all(f"said inside {x}" in said for x in range(4))
    assert project("files") == 100_000


def begun(project: Project, run: Any) -> bool:
    return any(step["name"] == "slow" and (step["progress"] or [0])[0] == 1 for step in run.steps)


def test_what_runs_when_an_engine_is_killed_goes_on_under_the_next(podded: Any, gate: Path) -> None:
    project = podded()
    run = project.start("lasting")
    wait_until(lambda: begun(project, run))
    kill_engine(project)
    assert run.state == "running"  # which asks, and so starts the next one
    gate.touch()
    assert project.result(run).startswith("partita-") and outcomes(project, run, "slow") == ["succeeded"]
    project.workspace.stop_engine()


def test_a_pod_that_somebody_deletes_harms_one_attempt_which_is_blameless(
    podded: Any, request: Any, gate: Path
) -> None:
    project, space = podded(), request.getfixturevalue("namespace")
    run = project.start("lasting")
    wait_until(lambda: begun(project, run))
    (pod,) = [pod for pod in space.pods() if pod.status.phase == "Running"]
    space.core.delete_namespaced_pod(pod.metadata.name, space.name, grace_period_seconds=0)
    wait_until(lambda: any(step["attempts"] == 2 for step in run.steps))
    gate.touch()
    assert project.result(run) != pod.metadata.name and outcomes(project, run, "slow") == ["crashed", "succeeded"]


def test_a_cancelled_step_ends_in_its_pod(podded: Any) -> None:
    project = podded()
    run = project.start("lasting")
    wait_until(lambda: begun(project, run))
    project.workspace.cancel(run.id)
    assert run.wait(60).state == "cancelled"


def test_a_checkpoint_is_found_in_another_pod(podded: Any) -> None:
    assert podded(attempts_per_worker=1)("twice") == 42


def test_too_much_memory_is_understood(podded: Any) -> None:
    with pytest.raises(StepError, match=r"ran out of memory|used .* of memory"):
        podded()("large")


def test_nothing_is_left_in_the_cluster_when_the_engine_has_ended(podded: Any, request: Any) -> None:
    project, space = podded(), request.getfixturevalue("namespace")
    assert project("twice") == 42
    project.workspace.stop_engine()
    wait_until(space.is_empty)


def test_what_is_wrong_is_told_in_words(podded: Any) -> None:
    project = podded(image="Not An Image")
    with pytest.raises(StepError, match="Not An Image"):
        project("lasting")
