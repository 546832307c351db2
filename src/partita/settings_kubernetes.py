"""What pods of workers are to be like: the table `[executors.NAME.kubernetes]`, and how its keys are read.

Like the other readers, each raises ValueError with what it takes.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from partita.errors import OptionError
from partita.units import duration_s

__all__ = ["KUBERNETES_KEYS", "VOLUME_KINDS", "KubernetesSettings", "SecretKey", "Volume", "as_kubernetes"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Kind of a volume in the short form -> its source in a manifest, given what stands after the kind.
VOLUME_KINDS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "claim": lambda name: {"persistentVolumeClaim": {"claimName": name}},
    "config": lambda name: {"configMap": {"name": name}},
    "secret": lambda name: {"secret": {"secretName": name}},
    "host": lambda path: {"hostPath": {"path": path}},
    "empty": lambda size: {"emptyDir": {"sizeLimit": size} if size else {}},
    "memory": lambda size: {"emptyDir": {"medium": "Memory", **({"sizeLimit": size} if size else {})}},
}


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume, and where workers see it."""

    mount: str  # absolute path in the container
    source: Mapping[str, Any]  # as a manifest has it beside the volume's name: {"configMap": {"name": "prices"}}
    is_read_only: bool = False
    sub_path: str = ""  # path inside the volume; empty: all of it


class SecretKey(NamedTuple):
    """One value in a Secret of the cluster."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """What pods of workers have in common, and how long is waited for them."""

    context: str = ""  # of the kubeconfig; empty: its current one, or the pod's service account inside a cluster
    namespace: str = ""  # empty: that of the context or of the service account
    service_account: str = ""  # of workers; empty: the namespace's default one
    automount_token: bool = False  # whether workers can speak to the cluster as that account
    image_pull_secrets: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()  # as a manifest has them
    affinity: Mapping[str, Any] = field(default_factory=dict)  # as a manifest has it
    priority_class: str = ""
    volumes: tuple[Volume, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)  # variables with values that anybody may see
    secrets: Mapping[str, SecretKey] = field(default_factory=dict)  # variable -> where its value lies
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = ""  # in the container; empty: the image's
    gpu_resource: str = "nvidia.com/gpu"  # what a GPU device is called there
    security: Mapping[str, Any] = field(default_factory=dict)  # over the pod's default securityContext
    ttl_s: float = 3600.0  # seconds that a finished Job stays where no engine removes it
    deadline_s: float | None = None  # seconds that one worker may live at most; None: no limit
    termination_grace_s: float = 30.0  # seconds between asking a worker to end and killing it
    node_timeout_s: float = 60.0  # seconds after which the workers of a node that does not answer are given up
    pending_timeout_s: float = 600.0  # seconds that a worker may wait for room or for a quota
    start_timeout_s: float = 120.0  # seconds that an image, a Secret or credentials may be missing
    secret: str = ""  # a Secret that is there, written over for workers and kept; empty: one is made, and removed
    calls_per_s: float = 10.0  # calls that create and delete, a second
    template: Mapping[str, Any] = field(default_factory=dict)  # merged into the pod's spec


def _as_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _as_name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError('a name of Kubernetes: lower-case letters, digits, "-" and "."')
    return value


def _as_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise ValueError('a list of names, such as ["registry-login"]')
    return tuple(_as_name(name) for name in value)


def _as_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _as_table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a table, as Kubernetes writes it")
    return value


def _as_tables(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError('a list of tables, such as [{ key = "gpu", operator = "Exists" }]')
    return tuple(value)


def _as_texts(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError('a table of texts, such as { disk = "ssd" }')
    return dict(value)


def _as_variables(value: Any) -> Mapping[str, str]:
    texts = _as_texts(value)
    if wrong := [name for name in texts if not _VARIABLE.fullmatch(name)]:
        raise ValueError(f"names of variables, which {wrong[0]!r} is not")
    return texts


def _as_secrets(value: Any) -> Mapping[str, SecretKey]:
    found = {}
    for name, text in _as_variables(value).items():
        secret, _, key = text.partition("/")
        if not _NAME.fullmatch(secret) or not key:
            raise ValueError('a table of variables and "SECRET/KEY", such as { API_TOKEN = "prices/token" }')
        found[name] = SecretKey(secret, key)
    return found


def _as_volumes(value: Any) -> tuple[Volume, ...]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, (list, tuple)):
        raise ValueError('a list, such as ["claim:data:/data:ro"]')
    return tuple(_volume(item) for item in value)


def _volume(item: Any) -> Volume:
    if isinstance(item, Mapping):
        rest = {key: item[key] for key in item if key not in ("mount", "read_only", "sub_path")}
        mount, sub_path, is_read_only = item.get("mount", ""), item.get("sub_path", ""), item.get("read_only", False)
        if not (isinstance(mount, str) and mount.startswith("/")) or len(rest) != 1 or not isinstance(sub_path, str):
            raise ValueError(
                "volumes as tables with mount, one source as Kubernetes writes it, and perhaps read_only and sub_path: "
                '{ mount = "/data", nfs = { server = "files", path = "/data" } }'
            )
        return Volume(mount, rest, _as_bool(is_read_only), sub_path)
    parts = item.split(":") if isinstance(item, str) else []
    is_read_only = len(parts) == 4 and parts.pop() == "ro"
    kind = VOLUME_KINDS.get(parts[0]) if len(parts) == 3 else None
    if kind is None or not parts[2].startswith("/") or not (parts[1] or parts[0] in ("empty", "memory")):
        raise ValueError(
            'volumes as KIND:SOURCE:PATH or KIND:SOURCE:PATH:ro, such as "claim:data:/data:ro", where KIND is one of '
            f"{', '.join(VOLUME_KINDS)}; not {item!r}"
        )
    return Volume(parts[2], kind(parts[1]), is_read_only)


def _as_duration(value: Any) -> float:
    try:
        number = duration_s(value)
    except OptionError:
        raise ValueError('a duration: seconds (90) or a text ("90s", "5m")') from None
    return number


def _as_positive_duration(value: Any) -> float:
    if not (number := _as_duration(value)):
        raise ValueError('a duration above 0, such as 90 or "5m"')
    return number


def _as_rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError("a number above 0, such as 10")
    return float(value)


def as_kubernetes(table: Any) -> KubernetesSettings:
    """The settings that the table `kubernetes` of an executor holds."""
    if not isinstance(table, Mapping):
        raise ValueError('a table, such as { namespace = "prices" }')
    values: dict[str, Any] = {}
    for key, given in table.items():
        if key not in KUBERNETES_KEYS:
            near = difflib.get_close_matches(str(key), KUBERNETES_KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(KUBERNETES_KEYS)}"
            raise ValueError(f"no {key!r} in it; {hint}")
        attribute, parse = KUBERNETES_KEYS[key]
        try:
            values[attribute] = parse(given)
        except ValueError as error:
            raise ValueError(f"as {key} {error}") from None
    return KubernetesSettings(**values)


#: How each key of the table is kept and read.
KUBERNETES_KEYS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "context": ("context", _as_text),
    "namespace": ("namespace", _as_name),
    "service_account": ("service_account", _as_name),
    "automount_token": ("automount_token", _as_bool),
    "image_pull_secrets": ("image_pull_secrets", _as_names),
    "node_selector": ("node_selector", _as_texts),
    "tolerations": ("tolerations", _as_tables),
    "affinity": ("affinity", _as_table),
    "priority_class": ("priority_class", _as_name),
    "volumes": ("volumes", _as_volumes),
    "environment": ("environment", _as_variables),
    "secrets": ("secrets", _as_secrets),
    "labels": ("labels", _as_texts),
    "annotations": ("annotations", _as_texts),
    "working_directory": ("working_directory", _as_text),
    "gpu_resource": ("gpu_resource", _as_text),
    "security": ("security", _as_table),
    "ttl": ("ttl_s", _as_duration),
    "deadline": ("deadline_s", _as_positive_duration),
    "termination_grace": ("termination_grace_s", _as_positive_duration),
    "node_timeout": ("node_timeout_s", _as_duration),
    "pending_timeout": ("pending_timeout_s", _as_positive_duration),
    "start_timeout": ("start_timeout_s", _as_positive_duration),
    "secret": ("secret", _as_name),
    "calls_per_second": ("calls_per_s", _as_rate),
    "template": ("template", _as_table),
}
