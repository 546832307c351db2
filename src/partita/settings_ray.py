"""The keys that an executor of kind "ray" has beside the others, and how each is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.errors import OptionError
from partita.units import duration_s

__all__ = ["RAY_KEYS", "RaySettings"]

_ADDRESS = re.compile(r"auto|(ray://)?(\[[0-9a-fA-F:]+\]|[^\s/:\[\]]+):\d{1,5}")
_OWN_RESOURCES = ("CPU", "GPU", "memory", "object_store_memory")


@dataclass(frozen=True, slots=True)
class RaySettings:
    """Which cluster, and what its workers ask for beside CPUs, GPUs and memory."""

    address: str = ""  # "host:port", "ray://host:port" or "auto"; empty: a local Ray, started when it is needed
    resources: tuple[tuple[str, float], ...] = ()  # custom resources that each worker holds
    runtime_env: str = ""  # JSON of the runtime environment; empty: none
    pending_timeout_s: float = 600.0  # seconds that a worker may wait for its place

    def runtime_env_map(self) -> dict[str, Any]:
        """The runtime environment as Ray takes it."""
        found: dict[str, Any] = json.loads(self.runtime_env) if self.runtime_env else {}
        return found


def as_address(value: Any) -> str:
    """An address of a cluster."""
    if not isinstance(value, str) or (value and _ADDRESS.fullmatch(value) is None):
        raise ValueError('an address such as "10.0.0.5:6379", "ray://10.0.0.5:10001" or "auto"')
    return value


def as_resources(value: Any) -> tuple[tuple[str, float], ...]:
    """Amounts by the name of a custom resource."""
    expected = "a table of names and amounts above 0, such as { licence = 1 }"
    if not isinstance(value, Mapping):
        raise ValueError(expected)
    for name, amount in value.items():
        if name in _OWN_RESOURCES:
            raise ValueError(f"no {name}, which steps hold by their options cpu, gpu and memory")
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 < amount < 1e9:
            raise ValueError(expected)
    return tuple(sorted((str(name), float(amount)) for name, amount in value.items()))


def as_runtime_env(value: Any) -> str:
    """A runtime environment, as Ray documents it."""
    try:
        if isinstance(value, Mapping) and value:
            return json.dumps(value, sort_keys=True)
    except TypeError:
        pass
    raise ValueError('a table as Ray takes it, such as { env_vars = { LEVEL = "2" } } or { pip = ["scikit-learn"] }')


def as_pending_timeout(value: Any) -> float:
    """A duration above 0."""
    try:
        seconds = duration_s(value)
    except OptionError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError('a duration above 0, such as 90 or "5m"')
    return seconds


#: How each key is kept and read.
RAY_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "address": ("address", as_address),
    "resources": ("resources", as_resources),
    "runtime_env": ("runtime_env", as_runtime_env),
    "pending_timeout": ("pending_timeout_s", as_pending_timeout),
}
