"""The executor whose workers are actors of a Ray cluster, put together from the settings."""

from __future__ import annotations

import os

from partita.artifacts.blobs.placing import is_url, place_of
from partita.executors.port import Capacity
from partita.executors.ray.workers import RayWorkers
from partita.executors.remote.executor import RemoteExecutor
from partita.executors.remote.port import AgentCommand
from partita.settings_values import ExecutorSettings
from partita.workspace.executors import Ground
from partita.workspace.remote import agent_of, remote_executor, sharer

__all__ = ["ray_executor"]


def ray_executor(item: ExecutorSettings, capacity: Capacity, ground: Ground) -> RemoteExecutor:
    """Workers of a cluster, or of a local Ray that is started when the first is needed.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    artifacts = place_of(ground.project, ground.settings.artifacts) or os.fspath(ground.state / "blobs")
    kept = (
        f"{artifacts}/executors/{ground.name}"
        if is_url(artifacts)
        else os.fspath(ground.state / "executors" / ground.name)
    )
    agent = agent_of(ground, kept, artifacts, item)
    has_folder = "working_dir" in item.ray.runtime_env_map()  # which is what Ray makes the current one
    arguments = agent.arguments if has_folder else (*agent.arguments, "--project", os.fspath(ground.project))
    passed_on = {name: os.environ[name] for name in item.variables if name in os.environ}
    workers = RayWorkers(
        item.ray, AgentCommand(arguments, {**agent.variables, **passed_on}, agent.secrets), capacity=capacity,
        origin=ground.origin, lease_s=item.lease_s, log=ground.state / f"ray-{ground.name}.log",
    )  # fmt: skip
    if not is_url(artifacts):
        return remote_executor(item, capacity, ground, workers, workers)
    return remote_executor(item, capacity, ground, workers, workers, sharer(artifacts))
