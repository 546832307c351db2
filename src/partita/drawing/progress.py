"""What is known of a run while it is watched: its steps, the elements of a map and the rounds of a loop as one row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from partita.protocol.requests import RunView, StepView
from partita.units import duration_text

__all__ = [
    "FINAL_STATES",
    "Group",
    "Progress",
    "first_failures",
    "group_name",
    "is_map_name",
    "left_text",
    "planned_text",
    "warnings_of",
]

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled", "skipped"})
_HIDDEN_KINDS = frozenset({"settle", "gather"})
_KEY = re.compile(r"\[[^/]*?\](?=/|$)")
_LEFT_OUT = re.compile(r"…\d+ more…")
_ROUNDS = re.compile(r"(?<![^/])([^/]+)(?:/(?:\1|…))+(?=/|$)")
_MAP_IN_ITSELF = re.compile(r"(?<![^/])([^/\[]+)\[\](#\d+)?/\1\[\](?=/|$)")
_MAP = re.compile(r"\[\](#\d+)?$")


def left_text(run: RunView, now: float) -> str:
    """How long a run that goes on will take yet, with its spread, or for whom it waits; empty: nobody knows."""
    held_by = run["notes"].get("held_by")
    if held_by:
        return "waits for a person" if held_by == "person" else "waits for an event"
    told = run["notes"].get("forecast")
    if not told or run["ended_at"] is not None:
        return ""
    p10, p50, p90 = (duration_text(max(told[name] - now, 0.0)) for name in ("p10", "p50", "p90"))
    return f"about {p50} left" + (f" ({p10} to {p90})" if p10 != p90 else "")


def warnings_of(run: RunView) -> list[str]:
    """What was said of the run's deadline and budget."""
    return [event["message"] for event in run["notes"].get("events") or ()]


def planned_text(run: RunView) -> str:
    """How long the first forecast thought that a run would take; empty: there was none."""
    told, began = run["notes"].get("planned"), run["started_at"] or run["created_at"]
    if not told:
        return ""
    p10, p50, p90 = (duration_text(told[name] - began) for name in ("p10", "p50", "p90"))
    return p50 + (f" ({p10} to {p90})" if p10 != p90 else "")


def group_name(path: str) -> str:
    """The path without map keys and numbers of rounds: what the steps of one row have in common.

    The elements of a map over what was not known yet lie below a step of the map's own name, which is left out, and so
    do the rounds of a flow that calls itself.
    """
    return _ROUNDS.sub(r"\1", _MAP_IN_ITSELF.sub(r"\1[]\2", _LEFT_OUT.sub("…", _KEY.sub("[]", path))))


@dataclass(slots=True, eq=False)
class Group:
    """Steps that are shown as one row."""

    name: str
    order: int  # in order of appearance
    counts: dict[str, int] = field(default_factory=dict)  # by state
    total: int = 0
    attempts: int = 0
    started_at: float | None = None  # of its first step
    ended_at: float | None = None  # of the step that ended last
    is_adopted: bool = False
    is_cached: bool = False
    latest: StepView | None = None  # the step that changed last

    @property
    def done(self) -> int:
        return sum(self.counts.get(state, 0) for state in FINAL_STATES)

    @property
    def state(self) -> str:
        """The state that a reader wants to know first."""
        for state in ("running", "waiting", "failed"):
            if self.counts.get(state):
                return state
        if self.done < self.total and self.counts.get("succeeded"):
            return "running"
        for state in ("ready", "pending", "cancelled", "succeeded"):
            if self.counts.get(state):
                return state
        return "skipped"

    @property
    def title(self) -> str:
        return self.latest["path"] if self.total == 1 and self.latest is not None else self.name

    def elapsed_s(self, now: float) -> float | None:
        if self.started_at is None:
            return None
        is_over = self.done == self.total and self.ended_at is not None
        return (self.ended_at if is_over and self.ended_at is not None else now) - self.started_at


class Progress:
    """Takes in what the engine tells, and groups it."""

    def __init__(self) -> None:
        self.run: RunView | None = None
        self.groups: dict[str, Group] = {}
        self.failures: dict[int, StepView] = {}
        self._states: dict[int, tuple[Group, str]] = {}
        self._hidden: set[int] = set()  # numbers of steps that are not shown

    def take(self, run: RunView, steps: Iterable[StepView]) -> list[tuple[Group, StepView]]:
        """Remember the newest states; gives the steps whose state has changed, with their groups."""
        self.run = run
        changed = []
        for step in steps:
            if step["state"] == "failed":
                self.failures[step["id"]] = step
            if _is_hidden(step):
                self._hidden.add(step["id"])
                continue
            group, is_new_state = self._place(step)
            if is_new_state:
                changed.append((group, step))
        return changed

    def _place(self, step: StepView) -> tuple[Group, bool]:
        known = self._states.get(step["id"])
        if known is None:
            name = group_name(step["path"])
            group = self.groups.setdefault(name, Group(name, len(self.groups)))
            group.total += 1
        else:
            group, before = known
            group.counts[before] -= 1
        group.counts[step["state"]] = group.counts.get(step["state"], 0) + 1
        self._states[step["id"]] = (group, step["state"])
        _note_times(group, step)
        group.attempts = max(group.attempts, step["attempts"])
        group.is_cached = group.is_cached or "cached" in step["marks"]
        group.is_adopted = group.is_adopted or "adopted" in step["marks"]
        group.latest = step
        return group, known is None or known[1] != step["state"]

    def is_behind(self) -> bool:
        """Whether the run has ended and the end of some of its steps has not been told."""
        if self.run is None or self.run["state"] not in FINAL_STATES:
            return False
        known = len(self._states) + len(self._hidden)
        return known < sum(self.run["counts"].values()) or any(
            group.done < group.total for group in self.groups.values()
        )

    def rows(self) -> list[Group]:
        """Running first, then what failed, what waits, and what is done, the newest first."""
        return sorted(self.groups.values(), key=_rank)

    def done(self) -> tuple[int, int]:
        """How many of the steps known so far are final, and how many there are."""
        counts = self.run["counts"] if self.run is not None else {}
        return sum(count for state, count in counts.items() if state in FINAL_STATES), sum(counts.values())


def is_map_name(name: str) -> bool:
    """Whether a step of this name stands for all elements of a map: "fit[]", or "fit[]#2" for a second one."""
    return _MAP.search(name) is not None


def first_failures(failed: Iterable[StepView]) -> list[StepView]:
    """Of failed steps those where it began: not those that failed only because of a step below them."""
    found = list(failed)
    parents = {step["parent"] for step in found}
    return [
        step for step in sorted(found, key=lambda step: step["id"])
        if step["error"] is not None and step["kind"] not in _HIDDEN_KINDS
        and not (step["kind"] == "flow" and (step["id"] in parents or _is_elsewhere(step)))
    ]  # fmt: skip


def _is_elsewhere(step: StepView) -> bool:
    origin = (step["error"] or {}).get("step")
    return bool(origin) and origin != step["path"]


def _is_hidden(step: StepView) -> bool:
    is_map = step["kind"] == "flow" and is_map_name(step["name"])
    return step["parent"] < 0 or step["kind"] in _HIDDEN_KINDS or is_map


def _note_times(group: Group, step: StepView) -> None:
    started, ended = step["started_at"], step["ended_at"]
    if started is not None and (group.started_at is None or started < group.started_at):
        group.started_at = started
    if ended is not None and (group.ended_at is None or ended > group.ended_at):
        group.ended_at = ended


_RANKS = {"running": 0, "waiting": 1, "failed": 2, "ready": 3, "pending": 4}


def _rank(group: Group) -> tuple[int, float]:
    rank = _RANKS.get(group.state, 5)
    return rank, -(group.ended_at or 0.0) if rank == 5 else group.order
