"""What an attempt lets its container have."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from partita.core.records import Demand
from partita.flow.context import context
from partita.worker.attempt_context import AttemptContext

__all__ = ["Allowance", "allowance"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """Nothing in particular, outside of an attempt."""

    state: Path | None = None  # folder of the workspace's state; None: there is no workspace
    cpu: float = 0.0  # cores; 0: no limit
    memory_bytes: int = 0  # 0: no limit
    gpus: tuple[str, ...] = ()  # names of devices, as CUDA_VISIBLE_DEVICES has them
    variables: tuple[str, ...] = ()  # names of variables and secrets; their values are in this process
    labels: dict[str, str] = field(default_factory=dict)
    mask: Callable[[str], str] = str  # takes secrets out of a text


def allowance() -> Allowance:
    """That of the attempt that runs here."""
    current = context()
    if not isinstance(current, AttemptContext):
        return Allowance()
    profile = current.profile
    demand = Demand(*profile.demand)
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return Allowance(
        state=Path(profile.workspace).absolute(),
        cpu=demand.cpu,
        memory_bytes=(current.raised_memory_bytes or demand.memory_bytes) if demand.memory_bytes else 0,
        gpus=tuple(filter(None, devices.split(","))) if demand.gpu else (),
        variables=tuple(dict.fromkeys([*profile.variables, *profile.secrets])),
        labels={
            "partita.state": str(profile.workspace), "partita.run": current.run, "partita.step": current.step,
            "partita.attempt": str(current.attempt),
        },
        mask=current.mask,
    )  # fmt: skip
