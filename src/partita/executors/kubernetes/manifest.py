"""The Job of one worker and the Secret of all, as plain data: nothing here speaks to a cluster."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partita.core.records import Demand
from partita.executors.kubernetes.names import SESSION_LABEL, Identity, job_name, label_value
from partita.executors.remote.port import OVERHEAD_BYTES, AgentCommand, WorkerOrder
from partita.settings_kubernetes import KubernetesSettings, Volume

__all__ = ["CONTAINER", "Image", "merged", "secret_manifest", "worker_manifest"]

#: The container of the worker, for `template` to name.
CONTAINER = "worker"

_USER = 1000
_PULL_POLICIES = {"always": "Always", "missing": "IfNotPresent", "never": "Never"}
_NODE_LOST = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


@dataclass(frozen=True, slots=True)
class Image:
    """What a worker is started from."""

    name: str
    python: str = "python3"  # the interpreter in it
    pull: str = "missing"  # "always", "missing" or "never"


def worker_manifest(
    worker: WorkerOrder, command: AgentCommand, image: Image, identity: Identity, settings: KubernetesSettings
) -> dict[str, Any]:
    """The Job of one worker. Secrets stand in it by reference only."""
    labels = {
        **settings.labels,
        **{f"partita/{name}": label_value(text) for name, text in worker.labels.items()},
        **identity.labels,
        SESSION_LABEL: worker.session,
    }
    annotations = {
        **settings.annotations,
        **{f"partita/{name}": text for name, text in worker.labels.items() if label_value(text) != text},
    }
    described = {"labels": labels, **({"annotations": annotations} if annotations else {})}
    spec = merged(_pod_spec(worker, command, image, identity, settings), settings.template)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(worker.session), **described},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "ttlSecondsAfterFinished": int(settings.ttl_s),
            "template": {"metadata": described, "spec": spec},
        },
    }


def _pod_spec(
    worker: WorkerOrder, command: AgentCommand, image: Image, identity: Identity, settings: KubernetesSettings
) -> dict[str, Any]:
    security = {
        "runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": settings.automount_token,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(settings.termination_grace_s),
        "securityContext": merged(security, settings.security),
        "tolerations": [*map(dict, settings.tolerations), *_until_given_up(settings.node_timeout_s)],
        "containers": [_container(worker, command, image, identity, settings)],
    }
    given: dict[str, Any] = {
        "serviceAccountName": settings.service_account,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
        "nodeSelector": dict(settings.node_selector),
        "affinity": dict(settings.affinity),
        "priorityClassName": settings.priority_class,
        "activeDeadlineSeconds": math.ceil(settings.deadline_s or 0),
        "volumes": [_volume(number, volume) for number, volume in enumerate(settings.volumes)],
    }
    return spec | {name: value for name, value in given.items() if value}


def _container(
    worker: WorkerOrder, command: AgentCommand, image: Image, identity: Identity, settings: KubernetesSettings
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image.name,
        "imagePullPolicy": _PULL_POLICIES[image.pull],
        "command": [image.python, "-P", "-m", "partita.worker.agent", *command.arguments, *_own_arguments(worker)],
        "env": _variables(command, identity, settings),
        "resources": _resources(worker.demand, settings.gpu_resource),
        # What a worker that failed has printed last comes with its status: no right to read logs is needed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if settings.working_directory:
        container["workingDir"] = settings.working_directory
    if settings.volumes:
        container["volumeMounts"] = [_mount(number, volume) for number, volume in enumerate(settings.volumes)]
    return container


def _own_arguments(worker: WorkerOrder) -> list[str]:
    return ["--session", worker.session, "--attempts", str(worker.attempts)]


def _variables(command: AgentCommand, identity: Identity, settings: KubernetesSettings) -> list[dict[str, Any]]:
    plain = {"HOME": "/tmp", **settings.environment, **command.variables}
    own = settings.secret or identity.secret_name
    references = {name: (where.secret, where.key) for name, where in settings.secrets.items()}
    references |= {name: (own, name) for name in command.secrets}
    made: list[dict[str, Any]] = [
        {"name": name, "value": text} for name, text in plain.items() if name not in references
    ]
    return made + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in references.items()
    ]


def _resources(demand: Demand, gpu: str) -> dict[str, Any]:
    amounts: dict[str, str] = {}
    if demand.cpu:
        amounts["cpu"] = f"{math.ceil(demand.cpu * 1000)}m"
    if demand.memory_bytes:
        amounts["memory"] = str(demand.memory_bytes + OVERHEAD_BYTES)
    if demand.gpu:
        amounts[gpu] = str(math.ceil(demand.gpu))  # devices cannot be shared there
    return {"requests": dict(amounts), "limits": dict(amounts)} if amounts else {}


def _until_given_up(seconds: float) -> list[dict[str, Any]]:
    """Tolerations by which the cluster gives up pods of lost nodes after these seconds, and not after five minutes."""
    return [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": int(seconds)}
        for key in _NODE_LOST
    ]


def _volume(number: int, volume: Volume) -> dict[str, Any]:
    return {"name": f"volume-{number}", **volume.source}


def _mount(number: int, volume: Volume) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": f"volume-{number}", "mountPath": volume.mount}
    if volume.is_read_only:
        mount["readOnly"] = True
    if volume.sub_path:
        mount["subPath"] = volume.sub_path
    return mount


def secret_manifest(command: AgentCommand, identity: Identity, name: str) -> dict[str, Any]:
    """The Secret that workers take their secret variables from."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": identity.labels},
        "type": "Opaque",
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in command.secrets.items()},
    }


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One manifest laid over another, much as a strategic merge patch of Kubernetes does it.

    Mappings are merged key by key, and None takes a key away. Lists of mappings that have names (mounts: paths) are merged
    element by element, new ones come at the end. Other lists, and everything else, are replaced.
    """
    result = dict(under)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        elif isinstance(value, list) and isinstance(result.get(key), list):
            result[key] = _merged_list(result[key], value, "mountPath" if key == "volumeMounts" else "name")
        else:
            result[key] = value
    return result


def _merged_list(under: list[Any], over: list[Any], by: str) -> list[Any]:
    if not all(isinstance(item, Mapping) and by in item for item in [*under, *over]):
        return over
    result = {item[by]: item for item in under}
    for item in over:
        result[item[by]] = merged(result.get(item[by], {}), item)
    return list(result.values())
