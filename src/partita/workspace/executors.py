"""The executors of a workspace, as its settings say: what each may hold, and how it is made."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from partita.artifacts.blobs.placing import place_of, requirements_of
from partita.clock import Clock
from partita.core.resources import CONTAINERS, ENVIRONMENTS, PartPool, Pool
from partita.engine.slots import SharedPool, Shares
from partita.executors.machine import gpu_devices, machine_capacity, machine_class
from partita.executors.port import Capacity, Executor
from partita.executors.process import ProcessExecutor
from partita.settings import Settings
from partita.settings_values import ExecutorSettings
from partita.store.peers import Peers
from partita.workspace.environments import environments_folder

__all__ = [
    "DEFAULT", "Ground", "capacities_of", "make_executor", "make_executors", "node_classes_of", "packages_remedy",
    "pools_of", "shared_pools_of",
]  # fmt: skip

#: The executor that every workspace has; executors of its kind run processes of this machine.
DEFAULT = "process"
_MEMORY_OF_CLUSTERS = 2**50

_NO_DOCKER = (
    'Docker is called on this machine: let the task run on an executor of processes, such as executor="process"'
)


def capacities_of(settings: Settings) -> dict[str, Capacity]:
    """What each executor may hold, the default one first.

    That one has what the settings say, and of the machine what they do not say and no other executor has.
    """
    machine = machine_capacity()
    named = {
        name: Capacity(
            item.cpu, item.memory_bytes if item.memory_bytes is not None else _memory_of(item, machine), item.gpu
        )
        for name, item in settings.executors.items()
    }
    # Never less than a core: flows are laid out there.
    here = [named[name] for name, item in settings.executors.items() if _is_here(item)]
    left_cpu = max(1.0, machine.cpu - sum(item.cpu for item in here))
    left_gpu = max(0.0, machine.gpu - sum(item.gpu for item in here))
    default = Capacity(
        settings.cpu if settings.cpu is not None else left_cpu,
        settings.memory_bytes if settings.memory_bytes is not None else machine.memory_bytes,
        settings.gpu if settings.gpu is not None else left_gpu,
    )
    return {DEFAULT: default, **named}


def _is_here(item: ExecutorSettings) -> bool:
    """Whether its workers run on this machine."""
    return item.kind != "kubernetes" and not item.ray.address


def node_classes_of(settings: Settings) -> dict[str, str]:
    """What sort of machine the attempts of each executor run on.

    It is what the settings say. Where they do not, it is the executor's name and, if its workers run on this machine, what this
    is; of a machine elsewhere nothing is known.
    """
    here = machine_class()
    named = {
        name: item.node_class or (f"{name}/{here}" if _is_here(item) else name)
        for name, item in settings.executors.items()
    }
    return {DEFAULT: settings.node_class or f"{DEFAULT}/{here}", **named}


def _memory_of(item: ExecutorSettings, machine: Capacity) -> int:
    """Memory of an executor that the settings do not limit, in bytes: of a cluster nobody here knows how much it has."""
    return machine.memory_bytes if _is_here(item) else _MEMORY_OF_CLUSTERS


def pools_of(settings: Settings) -> dict[str, Pool]:
    """Empty pools of all executors; slots are held by all of them together."""
    capacities, slots = capacities_of(settings), dict(settings.slots)
    if len(capacities) == 1:
        return {name: Pool(*capacity, slots) for name, capacity in capacities.items()}
    shared = Pool(0, 0, 0, slots)
    return _bounded(settings, {name: PartPool(*capacity, shared) for name, capacity in capacities.items()})


def shared_pools_of(settings: Settings, peers: Peers, clock: Clock) -> tuple[dict[str, Pool], Shares]:
    """Empty pools of all executors, whose slots are held by all engines together; and this one's shares of them."""
    slots = Pool(0, 0, 0, dict(settings.slots))
    shares = Shares(peers, slots, clock)
    pools = {name: SharedPool(*capacity, slots, shares) for name, capacity in capacities_of(settings).items()}
    return _bounded(settings, pools), shares


def packages_remedy(item: ExecutorSettings) -> str:
    """What to do where a task has an environment of its own, and workers elsewhere have the packages that they have."""
    place = "name them in its runtime_env" if item.kind == "ray" else f"put them into the image {item.image}"
    return f"{place}, or let the task run on another executor"


def _bounded(settings: Settings, pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """The pools, with as many workers as the settings allow each, and with what executors elsewhere do not have."""
    for name, item in settings.executors.items():
        if item.max_workers:
            pools[name].limit_workers(item.max_workers)
        if item.kind != DEFAULT:
            pools[name].remedies = {ENVIRONMENTS: f"its packages: {packages_remedy(item)}", CONTAINERS: _NO_DOCKER}
    return dict(pools)


def make_executors(project: Path, state: Path, settings: Settings, origin: str) -> dict[str, Executor]:
    """The executors, up and ready.

    Args:
        origin: names the workspace; processes of an earlier engine of the same are ended, or attached to.
    """
    devices = _Devices()
    made: dict[str, Executor] = {}
    capacities = capacities_of(settings)
    for name in (*settings.executors, DEFAULT):  # the default one has the devices that are left
        capacity = capacities[name]
        item = settings.executors.get(name, ExecutorSettings())
        ground = Ground(name, project, state, settings, origin if name == DEFAULT else f"{origin}.{name}")
        made[name] = make_executor(item, capacity, ground, devices.take(capacity.gpu))
    return {name: made[name] for name in capacities}


class Ground(NamedTuple):
    """On what an executor is put up."""

    name: str
    project: Path
    state: Path  # folder of the workspace
    settings: Settings
    origin: str = ""  # names it, for a later one to find what it left; empty: nobody ever looks


def make_executor(
    item: ExecutorSettings, capacity: Capacity, ground: Ground, devices: Sequence[str] | None = None
) -> Executor:
    """One executor.

    Args:
        devices: names of GPU devices that are its own; None: those of this machine.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    if item.kind != DEFAULT and not ground.origin:
        ground = ground._replace(origin=uuid.uuid4().hex)
    if item.kind == "docker":
        from partita.workspace.remote import docker_executor

        return docker_executor(item, capacity, ground)
    if item.kind == "kubernetes":
        from partita.workspace.kubernetes_executor import kubernetes_executor

        return kubernetes_executor(item, capacity, ground)
    if item.kind == "ray":
        from partita.workspace.ray_executor import ray_executor

        return ray_executor(item, capacity, ground)
    settings = ground.settings
    spare = settings.spare_workers if ground.name == DEFAULT else item.spare_workers
    return ProcessExecutor(
        capacity, workspace=ground.state, spare=spare, devices=devices, origin=ground.origin,
        environment={**os.environ, "PARTITA_DURABILITY": settings.durability},
        memory_floor_bytes=settings.memory_floor_bytes, environment_timeout_s=settings.environment_timeout_s,
        environments=environments_folder(ground.project, ground.state, settings),
        worker_needs=(*requirements_of(place_of(ground.project, settings.artifacts)), *_needs_of_signing(settings)),
    )  # fmt: skip


def _needs_of_signing(settings: Settings) -> tuple[str, ...]:
    """What values are signed with where workers elsewhere are to check that."""
    return ("cryptography>=42.0",) if any(item.kind != DEFAULT for item in settings.executors.values()) else ()


class _Devices:
    """The machine's GPUs, each given to one executor."""

    def __init__(self) -> None:
        self._left = list(gpu_devices())

    def take(self, count: float) -> list[str]:
        whole = math.ceil(count)
        taken, self._left = self._left[:whole], self._left[whole:]
        return taken
