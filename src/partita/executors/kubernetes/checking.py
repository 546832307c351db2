"""Whether a cluster can be used as the settings say, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator

from partita.core.records import Demand
from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.manifest import Image, worker_manifest
from partita.executors.kubernetes.names import Identity
from partita.executors.kubernetes.refusals import ApiError, trouble_of
from partita.executors.kubernetes.rights import NAMED_SECRET, OWN_SECRET, RIGHTS
from partita.executors.remote.port import AgentCommand, WorkerOrder
from partita.settings_kubernetes import KubernetesSettings

__all__ = ["check_cluster"]

_SESSION = "0" * 16


def check_cluster(
    command: AgentCommand, image: Image, settings: KubernetesSettings, *, workspace: str, executor: str
) -> list[str]:
    """What keeps workers from being started and watched there, a sentence each; empty: nothing. Creates nothing.

    Raises:
        MissingExtraError: the client library is not installed.
    """
    cluster = Cluster(settings.context, settings.namespace)
    identity = Identity(workspace, executor)
    try:
        missing = [
            f"{verb} {resource}" for group, resource, verb, name in _needed(command, settings, identity)
            if not cluster.may(group, resource, verb, name)
        ]  # fmt: skip
    except ApiError as error:
        return [trouble_of(error).detail]
    if missing:
        return [
            f"the credentials may not {', '.join(missing)} in the namespace {cluster.namespace}; give them a Role that allows "
            "it (`partita export kubernetes` writes one that suffices)"
        ]
    manifest = worker_manifest(WorkerOrder(_SESSION, Demand()), command, image, identity, settings)
    try:
        cluster.create_job(manifest, is_rehearsal=True)
    except ApiError as error:
        return [trouble_of(error).detail]
    return []


def _needed(
    command: AgentCommand, settings: KubernetesSettings, identity: Identity
) -> Iterator[tuple[str, str, str, str]]:
    """(group, resource, verb, name) of each right."""
    for right in RIGHTS:
        for verb in right.verbs:
            yield right.group, right.resource, verb, ""
    if command.secrets:
        right = NAMED_SECRET if settings.secret else OWN_SECRET
        for verb in right.verbs:
            yield right.group, right.resource, verb, settings.secret if verb != "create" else ""
