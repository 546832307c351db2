"""A Ray for tests, started once for the session; it ends with it, however that ends."""

from __future__ import annotations

import atexit
import importlib.util
import os
import uuid
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pytest

from partita.executors.ray.local import LocalRay, LocalSize, local_folder

__all__ = ["RayCluster", "ray_cluster"]

_CPUS = 16  # as Ray counts them


class RayCluster(NamedTuple):
    """How the cluster is reached."""

    address: str
    variables: Mapping[str, str]


@cache
def ray_cluster() -> RayCluster:
    """Skips where Ray is not installed.

    TEST_RAY_ADDRESS names one that runs; our variables, such as RAY_AUTH_TOKEN_PATH, then let us in.
    """
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'partita[ray]'")
    if given := os.environ.get("TEST_RAY_ADDRESS"):
        return RayCluster(given, {})
    local = LocalRay(local_folder(f"tests-{uuid.uuid4().hex}"))
    atexit.register(local.stop)
    address = local.start(LocalSize(_CPUS, 16 * 2**30, 0, '{"licence": 1}'), lease_s=5.0)
    return RayCluster(address, local.variables())
