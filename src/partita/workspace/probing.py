"""Looking at the executors of a workspace: what each may hold, and whether a step runs there."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from partita.core.records import Profile
from partita.errors import NotFoundError, PartitaError
from partita.executors.port import LOST, Executor
from partita.protocol.messages import DONE, FAILED
from partita.protocol.requests import ExecutorView, ProbeView
from partita.protocol.sentences import Sentence, in_words, say
from partita.settings_values import ExecutorSettings
from partita.values import unpack
from partita.workspace.checking import working
from partita.workspace.executors import DEFAULT, Ground, capacities_of, make_executor
from partita.workspace.runs import encoder_of

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["list_executors", "probe_executor"]

_TIMEOUT_S = 60.0


def list_executors(workspace: LocalWorkspace) -> list[ExecutorView]:
    """What the settings name, the default one first."""
    settings = workspace.settings
    return [
        ExecutorView(
            name=name, kind=settings.executors[name].kind if name != DEFAULT else "process", cpu=capacity.cpu,
            memory_bytes=capacity.memory_bytes, gpu=capacity.gpu, is_default=name == settings.executor,
        )
        for name, capacity in capacities_of(settings).items()
    ]  # fmt: skip


def probe_executor(workspace: LocalWorkspace, name: str) -> ProbeView:
    """Send a step through the executor: it starts a worker, loads the project's code, and stores a value that is read here.

    Raises:
        NotFoundError: the settings name no such executor.
    """
    capacity = capacities_of(workspace.settings).get(name)
    if capacity is None:
        known = ", ".join(capacities_of(workspace.settings))
        raise NotFoundError(f"there is no executor {name!r}; the settings have {known}")
    item = workspace.settings.executors.get(name, ExecutorSettings())

    ground = Ground(name, workspace.folder, workspace.state, replace(workspace.settings, spare_workers=0))

    def make() -> Executor:
        return make_executor(replace(item, spare_workers=0), capacity, ground)

    profile = Profile("partita.worker.probe:probe", "probe", timeout_s=_TIMEOUT_S)
    started = time.perf_counter()
    workspace.state.mkdir(parents=True, exist_ok=True)  # keys of workers lie there
    try:
        if faults := _faults(item, ground):
            return _failed(name, time.perf_counter() - started, "; ".join(faults))
        with working(workspace, profile, None, None, executor=make) as executor:
            until = time.monotonic() + _TIMEOUT_S
            while time.monotonic() < until:
                for message in executor.receive(0.25):
                    took_s = time.perf_counter() - started
                    if message[0] == DONE:
                        told: dict[str, Any] = encoder_of(workspace).decode(unpack(message[2]))
                        told.pop("blob")
                        return ProbeView(name=name, is_ok=True, took_s=took_s, error="", said=None, told=told)
                    if message[0] == FAILED:
                        return _failed(name, took_s, f"{message[2]['type']}: {message[2]['message']}")
                    if message[0] == LOST:
                        return _failed(name, took_s, say("probe_lost", why=message[2], message=message[3]))
    except PartitaError as error:
        return _failed(name, time.perf_counter() - started, str(error))
    return _failed(name, _TIMEOUT_S, say("probe_timeout", within_s=_TIMEOUT_S))


def _faults(item: ExecutorSettings, ground: Ground) -> list[str]:
    """What is known to be wrong before anything runs."""
    if item.kind != "kubernetes":
        return []
    from partita.workspace.kubernetes_executor import kubernetes_faults

    return kubernetes_faults(item, ground)


def _failed(name: str, took_s: float, error: str | Sentence) -> ProbeView:
    said, text = (None, error) if isinstance(error, str) else (error, in_words(error))
    return ProbeView(name=name, is_ok=False, took_s=took_s, error=text, said=said, told={})
