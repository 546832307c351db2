"""Why an actor is gone, or cannot be made: what Ray says, in the words of launchers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["fate_of", "room_for", "wanted_resources"]

_MEMORY = re.compile(r"running low on memory|OUT_OF_MEMORY|memory usage threshold|OutOfMemory", re.I)
_NODE = re.compile(
    r"node (was|has|is|of the actor|it ran on)? ?(terminated|died|dead|lost|drained|preempted|removed)|its node has died|"
    r"node_died|owner of the actor died|raylet died|raylet .*(failed|unreachable)|node failure",
    re.I,
)
_KILLED_BY_US = re.compile(r"killed by `?ray\.kill|via ray\.kill", re.I)
_ADVICE = re.compile(r" *Some common causes include:.*")  # on what is not known
_SHOWN = 1500


def fate_of(error: BaseException) -> tuple[str, str]:
    """Reason and words, as `News` has them, for what a call of an actor or its making raised."""
    name, said = type(error).__name__, _words(error)
    if name == "OutOfMemoryError":
        return "memory", said
    if name == "NodeDiedError" or getattr(error, "preempted", False):
        return "evicted", said
    if name == "RuntimeEnvSetupError":
        return "refused", f"Ray cannot set up the runtime environment; correct runtime_env of the executor: {said}"
    if name in ("ActorUnschedulableError", "TaskUnschedulableError", "ActorPlacementGroupRemoved"):
        return "refused", said
    if getattr(error, "actor_init_failed", False) or "Failed to import" in said or "The actor with name" in said:
        return "refused", _refusal(said)
    if "runtime_env" in said and ("setup" in said or "set up" in said or "creation failed" in said):
        return "refused", f"Ray cannot set up the runtime environment; correct runtime_env of the executor: {said}"
    if _KILLED_BY_US.search(said):
        return "ended", "it was stopped"
    if _MEMORY.search(said):
        return "memory", said
    if _NODE.search(said):
        return "evicted", said
    return "died", said


def _refusal(said: str) -> str:
    if re.search(r"No module named '?partita", said):
        return f"Partita is not installed where Ray's workers run; install it there, or by runtime_env of the executor: {said}"
    return said


def _words(error: BaseException) -> str:
    said = str(getattr(error, "error_msg", "") or getattr(error, "error_message", "") or error).strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [_ADVICE.sub("", line) for line in lines]
    plain = [line for line in lines if not re.match(r"(class_name|actor_id|pid|name|namespace|ip): ", line)]
    return " ".join(plain)[-_SHOWN:] if "Traceback" not in said else said[-_SHOWN:]


def wanted_resources(cpu: float, memory_bytes: int, gpu: float, further: Mapping[str, float]) -> dict[str, float]:
    """What an actor asks for, under Ray's names."""
    wanted = {"CPU": cpu, "GPU": gpu, "memory": float(memory_bytes), **further}
    return {name: amount for name, amount in wanted.items() if amount}


def room_for(wanted: Mapping[str, float], nodes: Iterable[Mapping[str, Any]]) -> str:
    """Why an actor that wants this is not placed, in words.

    Args:
        nodes: as `ray.nodes()` gives them.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if not alive:
        return "the cluster has no node"
    if any(all(node.get(name, 0.0) >= amount for name, amount in wanted.items()) for node in alive):
        return f"no node has {_amounts(wanted)} free at present"
    lacking = {name for name, amount in wanted.items() if max(node.get(name, 0.0) for node in alive) < amount}
    if not lacking:
        return f"no node of the cluster has {_amounts(wanted)} together"
    most = {name: max(node.get(name, 0.0) for node in alive) for name in sorted(lacking)}
    asked = {name: wanted[name] for name in sorted(lacking)}
    return f"no node of the cluster has {_amounts(asked)}; the most that one has is {_amounts(most)}"


def _amounts(amounts: Mapping[str, float]) -> str:
    return " and ".join(
        f"{amount / 2**20:.0f} MiB of memory" if name == "memory" else f"{amount:g} {name}"
        for name, amount in amounts.items()
    )
