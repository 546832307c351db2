"""Steps that can never run where they are to run: told before a run, so that it does not wait for them for ever."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from partita.choices import allowed
from partita.core.records import Demand, Profile
from partita.core.resources import CONTAINERS, ENVIRONMENTS, Pool
from partita.core.states import Kind
from partita.errors import Problem

__all__ = ["able", "misplaced", "misplaced_rows", "will_be_attempted"]


def misplaced(profile: Profile, pools: Mapping[str, Pool], default: str, place: str = "") -> list[Problem]:
    """Why steps of the profile could never run; empty where they can. For a map, its elements count too.

    Where several executors are allowed, one that can run them is enough, and all that are named have to be there.

    Args:
        pools: what each executor has, by name.
        default: the executor, or several, for what names none.
        place: "file.py:12" of a call, for the messages.
    """
    names = allowed(profile.executor or default, pools)
    unknown = [_unknown(profile, name, pools, place) for name in names if name not in pools]
    if unknown:
        return unknown
    found: list[Problem] = []
    for name in names:
        problems = _obstacles(profile, name, pools, place)
        if not problems:
            return []
        found += problems
    return found


def able(profile: Profile, pools: Mapping[str, Pool], default: str) -> tuple[str, ...]:
    """The executors that are allowed and can run steps of the profile; where none can, those that are there."""
    names = [name for name in allowed(profile.executor or default, pools) if name in pools]
    return tuple(name for name in names if not _obstacles(profile, name, pools, "")) or tuple(names)


def _unknown(profile: Profile, name: str, pools: Mapping[str, Pool], place: str) -> Problem:
    near = difflib.get_close_matches(name, pools, n=1)
    remedy = (f"did you mean {near[0]!r}? " if near else "") + f"The settings have {', '.join(pools)}"
    return Problem(f"{profile.title} asks for the executor {name!r}; there is none", place, remedy)


def _obstacles(profile: Profile, name: str, pools: Mapping[str, Pool], place: str) -> list[Problem]:
    """Why the executor can never run steps of the profile."""
    pool = pools[name]
    here = "here" if len(pools) == 1 else f"on the executor {name}"
    lacking = dict.fromkeys(lack for demand in _demands(profile) for lack in pool.lacks_for_ever(demand))
    found = [
        Problem(f"{profile.title} can never run {here}: {lack}", place, _remedy(lack, name, len(pools) == 1))
        for lack in lacking
    ]
    if profile.environment and profile.runs_tasks and ENVIRONMENTS in pool.remedies:
        told = f"{profile.title} has an environment of its own, and the executor {name} makes none"
        found.append(Problem(told, place, pool.remedies[ENVIRONMENTS]))
    if profile.runs_container and CONTAINERS in pool.remedies:
        told = f"{profile.title} runs a container, and the executor {name} starts none"
        found.append(Problem(told, place, pool.remedies[CONTAINERS]))
    return found


def _remedy(lack: str, name: str, is_only: bool) -> str:
    if is_only or lack.startswith("slot "):
        return "ask for less, or give the workspace more in its settings (cpu, memory, gpu, slots)"
    return f"ask for less, or give the executor {name} more in the settings (cpu, memory, gpu)"


def _demands(profile: Profile) -> Iterable[Demand]:
    yield profile.demand
    if profile.elements is not None:
        yield profile.elements


def will_be_attempted(row: Sequence[Any]) -> bool:
    """Whether the step of this row of a layout needs a worker; flows that were laid out in place have their steps already."""
    kind, value = row[1], row[7]
    return kind == Kind.TASK or (kind == Kind.FLOW and value is None)


def misplaced_rows(
    rows: Sequence[Sequence[Any]], profiles: Sequence[Profile], pools: Mapping[str, Pool], default: str
) -> list[Problem]:
    """`misplaced` of each profile that rows of a layout have, at the place of its first one."""
    first = {row[2]: row[8] or "" for row in reversed(rows) if will_be_attempted(row)}
    return [
        problem
        for number, place in sorted(first.items())
        for problem in misplaced(profiles[number], pools, default, place)
    ]
