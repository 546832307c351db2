"""The process executor keeps the laws of executors."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.executors.port import Capacity, Executor
from partita.executors.process import ProcessExecutor
from partita.settings import load_settings
from partita.testing.executor_contract import Desk, ExecutorContract
from partita.workspace.executors import Ground, make_executor
from tests.contract.docker_image import running_containers, worker_image
from tests.contract.ray_cluster import ray_cluster
from tests.contract.remote_executors import remote_executor


class TestProcessExecutor(ExecutorContract):
    def make_executor(self, workspace: Path) -> Executor:
        return ProcessExecutor(Capacity(2, 2**30), workspace=workspace, spare=1)


@pytest.mark.service
class TestDockerExecutor(ExecutorContract):
    def make_executor(self, workspace: Path) -> Executor:
        folder = workspace.parent  # in which the contract's tasks leave their traces
        table = {"kind": "docker", "image": worker_image(), "pull": "never", "mounts": [f"{folder}:{folder}"]}
        settings = load_settings(folder, environment={}, arguments={"executors": {"boxes": table}})
        (workspace / "bundles").mkdir(parents=True)
        ground = Ground("boxes", folder, workspace, settings)
        return make_executor(settings.executors["boxes"], Capacity(2, 2**30), ground)

    def test_nothing_survives_closing(self, desk: Desk) -> None:
        """Processes in a container have other numbers than here; they go with it."""
        started = desk.file("started")
        desk.submit(desk.lane(), "start_a_daemon", str(started))
        desk.until(lambda: started.exists() and len(started.read_text().split()) == 2)
        before = running_containers()
        desk.executor.close()
        desk.executor.close()
        assert len(before) >= 1 and not running_containers() & before


class TestRemoteExecutor(ExecutorContract):
    """Workers that are heard of through a mailbox in a folder."""

    def make_executor(self, workspace: Path) -> Executor:
        return remote_executor(workspace)


@pytest.mark.integration
class TestRayExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def cluster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in ray_cluster().variables.items():
            monkeypatch.setenv(name, value)

    def make_executor(self, workspace: Path) -> Executor:
        table = {"kind": "ray", "address": ray_cluster().address, "cpu": 2}
        settings = load_settings(workspace.parent, environment={}, arguments={"executors": {"cluster": table}})
        (workspace / "bundles").mkdir(parents=True)
        ground = Ground("cluster", workspace.parent, workspace, settings)
        return make_executor(settings.executors["cluster"], Capacity(2, 2**30), ground)
