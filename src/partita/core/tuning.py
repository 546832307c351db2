"""What the settings say of tasks, over what their code says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from partita.core.records import Demand, Profile
from partita.settings_values import TaskSettings

__all__ = ["tuned"]


def tuned(profile: Profile, tasks: Mapping[str, TaskSettings]) -> Profile:
    """The profile as the settings want it.

    Args:
        tasks: by the task's reference ("module:function") or its name; the reference counts for more. Flows are no tasks;
            of a map, what is said is said of its elements.
    """
    said = tasks.get(profile.function) or tasks.get(profile.title)
    if said is None or not profile.runs_tasks:
        return profile
    changed = replace(profile, executor=said.executor or profile.executor)
    if profile.elements is not None:
        return replace(changed, elements=_asked(profile.elements, said))
    return replace(changed, demand=_asked(profile.demand, said))


def _asked(demand: Demand, said: TaskSettings) -> Demand:
    return demand._replace(
        cpu=demand.cpu if said.cpu is None else said.cpu,
        memory_bytes=demand.memory_bytes if said.memory_bytes is None else said.memory_bytes,
        gpu=demand.gpu if said.gpu is None else said.gpu,
    )
