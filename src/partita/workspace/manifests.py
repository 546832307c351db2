"""The manifests that run Partita and flows in Kubernetes, as plain data."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

from partita.executors.kubernetes.rights import role_rules

__all__ = ["Export", "Scheduled", "documents", "plain_name"]

_USER = 1000
_SECURITY = {
    "runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A flow that is started at times."""

    flow: str  # as `partita run` takes it
    inputs: dict[str, str]  # texts by parameter
    name: str  # of the CronJob


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be run."""

    name: str  # of all that is made, and the beginning of names
    namespace: str
    image: str  # of the engine: the project's code, and Partita
    folder: str  # where the project lies in the image
    settings: str  # text of partita.toml
    worker_secrets: tuple[str, ...]  # Secrets that the engine writes for workers
    flows: tuple[Scheduled, ...]
    schedule: str  # in the form of cron
    time_zone: str = ""  # of the schedule; empty: that of the cluster's controllers
    volume_size: str = "10Gi"  # of what the engine keeps


def documents(export: Export) -> dict[str, list[dict[str, Any]]]:
    """Documents by the name of the file that holds them."""
    files = {
        "namespace.yaml": [_document(export, "v1", "Namespace", export.namespace)],
        "accounts.yaml": _accounts(export),
        "settings.yaml": [
            {**_document(export, "v1", "ConfigMap", f"{export.name}-settings"), "data": {"partita.toml": export.settings}}
        ],
        "worker-secrets.yaml": [
            {**_document(export, "v1", "Secret", name), "type": "Opaque"} for name in export.worker_secrets
        ],
        "engine.yaml": [_volume_claim(export), _deployment(export)],
        "schedule.yaml": [_cron_job(export, flow) for flow in export.flows],
    }  # fmt: skip
    files = {name: found for name, found in files.items() if found}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": export.namespace,
        "resources": list(files),
    }
    return {**files, "kustomization.yaml": [kustomization], "secrets.example.yaml": _secret_stubs(export)}


def _document(export: Export, version: str, kind: str, name: str, part: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if kind != "Namespace":
        metadata["namespace"] = export.namespace
    return {"apiVersion": version, "kind": kind, "metadata": {**metadata, "labels": _labels(export, part)}}


def _labels(export: Export, part: str = "") -> dict[str, str]:
    labels = {"app.kubernetes.io/name": "partita", "app.kubernetes.io/instance": export.name}
    return {**labels, "app.kubernetes.io/component": part} if part else labels


# Who may what


def _accounts(export: Export) -> list[dict[str, Any]]:
    engine, worker = f"{export.name}-engine", f"{export.name}-worker"
    group = "rbac.authorization.k8s.io"
    return [
        {**_document(export, "v1", "ServiceAccount", engine), "automountServiceAccountToken": False},
        {**_document(export, "v1", "ServiceAccount", worker), "automountServiceAccountToken": False},
        {**_document(export, f"{group}/v1", "Role", engine), "rules": role_rules(export.worker_secrets)},
        {
            **_document(export, f"{group}/v1", "RoleBinding", engine),
            "roleRef": {"apiGroup": group, "kind": "Role", "name": engine},
            "subjects": [{"kind": "ServiceAccount", "name": engine, "namespace": export.namespace}],
        },
    ]


def _secret_stubs(export: Export) -> list[dict[str, Any]]:
    """Secrets to fill in and to apply; they are not in the kustomization, which is kept where everybody reads it."""
    own = _document(export, "v1", "Secret", f"{export.name}-secrets")
    environment = _document(export, "v1", "Secret", f"{export.name}-environment")
    return [
        {**own, "type": "Opaque", "stringData": {"store": "postgresql://..."}, "data": {"key": ""}},
        {**environment, "type": "Opaque", "stringData": {}},
    ]


# What runs


def _volume_claim(export: Export) -> dict[str, Any]:
    return {
        **_document(export, "v1", "PersistentVolumeClaim", f"{export.name}-state", "engine"),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": export.volume_size}}},
    }


def _deployment(export: Export) -> dict[str, Any]:
    container = _container(export, "engine", ["partita", "engine", "run"])
    probe = {"exec": {"command": ["partita", "engine", "status", "--check"]}, "timeoutSeconds": 20}
    container |= {
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 24},
        "readinessProbe": {**probe, "periodSeconds": 60},
        "livenessProbe": {**probe, "periodSeconds": 60, "failureThreshold": 3},
    }
    state = {"name": "state", "persistentVolumeClaim": {"claimName": f"{export.name}-state"}}
    # A pod reads its settings when it starts: others make other pods.
    settings = {"partita/settings": f"{zlib.crc32(export.settings.encode()):08x}"}
    described = {"labels": _labels(export, "engine"), "annotations": settings}
    template = {"metadata": described, "spec": _pod_spec(export, container, state)}
    return {
        **_document(export, "apps/v1", "Deployment", f"{export.name}-engine", "engine"),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # its volume is one engine's
            "selector": {"matchLabels": _labels(export, "engine")},
            "template": template,
        },
    }


def _cron_job(export: Export, flow: Scheduled) -> dict[str, Any]:
    inputs = [f"{name}={text}" for name, text in flow.inputs.items()]
    container = _container(export, "run", ["partita", "run", flow.flow, *inputs])
    spec = {**_pod_spec(export, container, {"name": "state", "emptyDir": {}}), "restartPolicy": "Never"}
    return {
        **_document(export, "batch/v1", "CronJob", flow.name, "run"),
        "spec": {
            "schedule": export.schedule,
            **({"timeZone": export.time_zone} if export.time_zone else {}),
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": _labels(export, "run")},
                "spec": {
                    "backoffLimit": 0,  # the engine of the Deployment goes on with a run whose pod is lost
                    "template": {"metadata": {"labels": _labels(export, "run")}, "spec": spec},
                },
            },
        },
    }


def _pod_spec(export: Export, container: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    secrets = f"{export.name}-secrets"
    return {
        "serviceAccountName": f"{export.name}-engine",
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": 60,
        "securityContext": _SECURITY,
        "containers": [container],
        "volumes": [
            state,
            {"name": "settings", "configMap": {"name": f"{export.name}-settings"}},
            {"name": "key", "secret": {"secretName": secrets, "items": [{"key": "key", "path": "key"}]}},
        ],
    }


def _container(export: Export, name: str, command: list[str]) -> dict[str, Any]:
    store = {"secretKeyRef": {"name": f"{export.name}-secrets", "key": "store"}}
    return {
        "name": name,
        "image": export.image,
        "command": command,
        "workingDir": export.folder,
        "env": [{"name": "PARTITA_STORE", "valueFrom": store}, {"name": "HOME", "value": "/tmp"}],
        "envFrom": [{"secretRef": {"name": f"{export.name}-environment", "optional": True}}],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "state", "mountPath": f"{export.folder}/.partita"},
            {
                "name": "settings",
                "mountPath": f"{export.folder}/partita.toml",
                "subPath": "partita.toml",
                "readOnly": True,
            },
            {"name": "key", "mountPath": f"{export.folder}/.partita/key", "subPath": "key", "readOnly": True},
        ],
    }


def plain_name(text: str) -> str:
    """The text as a name of Kubernetes, as far as it goes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
