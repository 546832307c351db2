"""Executors as people look at them: what each may hold and holds, what waits for it, and what it costs."""

from __future__ import annotations

from typing import Any, TypedDict

from partita.errors import EngineError
from partita.protocol.metrics import EngineMetrics
from partita.protocol.requests import EngineView
from partita.settings_values import ExecutorSettings
from partita.workspace.executors import node_classes_of
from partita.workspace.local import LocalWorkspace

__all__ = ["ExecutorLook", "MachineLook", "look_at_machine", "metrics_of_engine"]

#: What a pool limits -> what people call it.
_AMOUNTS = {"cpu": "cores", "memory": "memory", "gpu": "GPUs", "workers": "workers"}


class UseLook(TypedDict):
    """How much of something is in use."""

    name: str
    held: float
    capacity: float
    share: float  # from 0 to 1


class ExecutorLook(TypedDict):
    """One executor."""

    name: str
    kind: str
    is_default: bool
    node_class: str
    price: float
    use: list[UseLook]
    queued: int | None  # steps that wait for it; None: no engine is up
    running: int | None
    workers: int | None


class MachineLook(TypedDict):
    """All of it."""

    engine: EngineView | None
    metrics: EngineMetrics | None
    executors: list[ExecutorLook]
    slots: list[UseLook]


def metrics_of_engine(workspace: LocalWorkspace) -> EngineMetrics | None:
    """What the engine counts; None: none is up, and asking starts none."""
    try:
        found: EngineMetrics = workspace.ask("metrics", start=False)
    except EngineError:
        return None
    return found


def look_at_machine(workspace: LocalWorkspace) -> MachineLook:
    """Look at everything once."""
    metrics = metrics_of_engine(workspace)
    classes = node_classes_of(workspace.settings)
    executors = []
    for view in workspace.executors():
        now: Any = metrics["executors"].get(view["name"]) if metrics is not None else None
        item = workspace.settings.executors.get(view["name"], ExecutorSettings())
        capacity = now["capacity"] if now else {"cpu": view["cpu"], "memory": view["memory_bytes"], "gpu": view["gpu"]}
        held = now["held"] if now else {}
        use = [
            _use(_AMOUNTS.get(name, name), held.get(name, 0.0), amount) for name, amount in capacity.items() if amount
        ]
        executors.append(ExecutorLook(
            name=view["name"], kind=view["kind"], is_default=view["is_default"], node_class=classes.get(view["name"], ""),
            price=item.price, use=use,
            queued=now["queued"] if now else None, running=now["running"] if now else None,
            workers=now["workers"] if now else None,
        ))  # fmt: skip
    slots = (
        metrics["slots"]
        if metrics is not None
        else {name: (float(n), 0.0) for name, n in workspace.settings.slots.items()}
    )
    return MachineLook(
        engine=workspace.engine() if metrics is not None else None, metrics=metrics, executors=executors,
        slots=[_use(name, held, capacity) for name, (capacity, held) in slots.items()],
    )  # fmt: skip


def _use(name: str, held: float, capacity: float) -> UseLook:
    return UseLook(name=name, held=held, capacity=capacity, share=min(held / capacity, 1.0) if capacity else 0.0)
