"""The executor whose workers are pods of a cluster, put together from the settings."""

from __future__ import annotations

import os
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
from partita.workspace.executors import Ground
from partita.workspace.remote import agent_of, mailbox_of, open_mailbox, remote_executor, sharer

__all__ = ["kubernetes_executor", "kubernetes_faults"]


def kubernetes_executor(item: ExecutorSettings, capacity: Capacity, ground: Ground) -> RemoteExecutor:
    """Workers in pods, which are heard of through a mailbox where artifacts lie.

    Raises:
        MissingExtraError: the client of Kubernetes is not installed.
        SettingsError: artifacts lie where no pod finds them.
    """
    artifacts = _artifacts(item, ground)
    mailbox = mailbox_of(ground, artifacts)
    launcher = KubernetesLauncher(
        _agent(item, ground, artifacts), _image(item), item.kubernetes, workspace=ground.origin, executor=ground.name
    )
    post = open_mailbox(ground, mailbox, item.lease_s)
    return remote_executor(item, capacity, ground, launcher, post, sharer(artifacts))


def kubernetes_faults(item: ExecutorSettings, ground: Ground) -> list[str]:
    """What keeps workers from being started in the cluster, a sentence each; nothing is started to find out.

    Raises:
        MissingExtraError: the client of Kubernetes is not installed.
        SettingsError: artifacts lie where no pod finds them.
    """
    agent = _agent(item, ground, _artifacts(item, ground))
    return check_cluster(agent, _image(item), item.kubernetes, workspace=ground.origin or "probe", executor=ground.name)


def _artifacts(item: ExecutorSettings, ground: Ground) -> str:
    artifacts = place_of(ground.project, ground.settings.artifacts)
    _need_reachable(artifacts, item, ground.name)
    return artifacts


def _agent(item: ExecutorSettings, ground: Ground, artifacts: str) -> AgentCommand:
    agent = agent_of(ground, mailbox_of(ground, artifacts), artifacts, item)
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
