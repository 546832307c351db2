"""The executor whose workers are pods of a cluster, put together from the settings."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import PurePosixPath

from partita.artifacts.blobs.placing import is_url, place_of
from partita.errors import SettingsError
from partita.executors.kubernetes.checking import check_cluster
from partita.executors.kubernetes.launcher import KubernetesLauncher
from partita.executors.kubernetes.manifest import Image
from partita.executors.port import Capacity
from partita.executors.remote.executor import RemoteExecutor
from partita.executors.remote.port import AgentCommand
from partita.settings_values import ExecutorSettings
from partita.workspace.executors import Ground, packages_remedy
from partita.workspace.remote import agent_of, open_mailbox, sharer

__all__ = ["kubernetes_executor", "kubernetes_faults"]


def kubernetes_executor(item: ExecutorSettings, capacity: Capacity, ground: Ground) -> RemoteExecutor:
    """Workers in pods, which are heard of through a mailbox where artifacts lie.

    Raises:
        MissingExtraError: the client of Kubernetes is not installed.
        SettingsError: artifacts lie where no pod finds them.
    """
    artifacts, mailbox = _places(item, ground)
    launcher = KubernetesLauncher(
        _agent(item, ground),
        _image(item),
        item.kubernetes,
        workspace=ground.origin or uuid.uuid4().hex,
        executor=ground.name,
    )
    refusal = f"the executor {ground.name} makes no environments; the packages: {packages_remedy(item)}"
    return RemoteExecutor(
        capacity, workspace=ground.state, launcher=launcher, post=open_mailbox(ground, mailbox, item.lease_s),
        share=sharer(artifacts), lease_s=item.lease_s, idle_s=item.idle_s, attempts=item.attempts_per_worker,
        spare=item.spare_workers, price=item.price, environment_refusal=refusal,
    )  # fmt: skip


def kubernetes_faults(item: ExecutorSettings, ground: Ground) -> list[str]:
    """What keeps workers from being started in the cluster, a sentence each; nothing is started to find out.

    Raises:
        MissingExtraError: the client of Kubernetes is not installed.
        SettingsError: artifacts lie where no pod finds them.
    """
    return check_cluster(
        _agent(item, ground), _image(item), item.kubernetes, workspace=ground.origin or "probe", executor=ground.name
    )


def _places(item: ExecutorSettings, ground: Ground) -> tuple[str, str]:
    """Where artifacts lie, and the executor's mailbox."""
    artifacts = place_of(ground.project, ground.settings.artifacts)
    _need_reachable(artifacts, item, ground.name)
    return artifacts, f"{artifacts}/executors/{ground.name}"


def _agent(item: ExecutorSettings, ground: Ground) -> AgentCommand:
    artifacts, mailbox = _places(item, ground)
    agent = agent_of(ground, mailbox, artifacts, item)
    passed_on = {name: os.environ[name] for name in item.variables if name in os.environ}
    return replace(agent, secrets={**agent.secrets, **passed_on})


def _image(item: ExecutorSettings) -> Image:
    return Image(item.image, item.python, item.pull)


def _need_reachable(artifacts: str, item: ExecutorSettings, name: str) -> None:
    if is_url(artifacts):
        return
    if not artifacts:
        raise SettingsError(
            f"the executor {name} is a cluster, whose pods do not see this machine: set `artifacts` to a URL that both reach, "
            'such as "s3://bucket/project", or to a folder on a volume that pods mount at the same path'
        )
    mounts = [PurePosixPath(volume.mount) for volume in item.kubernetes.volumes]
    if not any(PurePosixPath(artifacts).is_relative_to(mount) for mount in mounts):
        raise SettingsError(
            f"artifacts lie in {artifacts}, which no pod of the executor {name} mounts: name the volume in "
            f'[executors.{name}.kubernetes], such as volumes = ["claim:NAME:{artifacts}"], or set `artifacts` to a URL'
        )
