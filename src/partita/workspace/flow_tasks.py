"""The steps of a layout as tasks to be planned: what takes time and room, and what needs what of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from partita.core.records import Demand, Profile
from partita.core.states import Kind, Need
from partita.values import navigate, refs_of, size_of, unpack

__all__ = ["FlowTask", "tasks_of"]


@dataclass(frozen=True, slots=True)
class FlowTask:
    """A step that is planned. Steps that the engine itself completes, and fallbacks, are none."""

    path: str
    title: str  # of the task, for people; elements of a map share it
    kind: str  # "task"; "flow": laid out when its inputs are known; "wait": holds nothing
    place: str  # "file.py:12" of the call
    demand: Demand
    function: str  # as in its profile; empty: a wait
    version: str
    executor: str  # where it runs; empty: the default
    needs: tuple[int, ...]  # positions among the tasks
    expect_s: float | None = None  # seconds that its option expect= says
    input_bytes: float | None = None  # size of its arguments and inputs; None: not known before it runs


def tasks_of(rows: Sequence[Sequence[Any]], profiles: Sequence[Profile]) -> list[FlowTask]:
    """The tasks of a layout, in its order.

    Args:
        rows: its steps, as `protocol.messages` describes them.
        profiles: which rows name by number.
    """
    return _Reader(rows, profiles).read()


class _Reader:
    def __init__(self, rows: Sequence[Sequence[Any]], profiles: Sequence[Profile]) -> None:
        self.rows, self.profiles = rows, profiles
        self.paths: list[str] = []
        self.is_spare: list[bool] = []  # runs only when another step has failed, or stands in such a one
        for name, _, _, parent, _, _, fallback_of, _, _ in rows:
            self.paths.append(f"{self.paths[parent]}/{name}" if parent >= 0 else name)
            self.is_spare.append(fallback_of is not None or (parent >= 0 and self.is_spare[parent]))
        self.numbers: dict[int, int] = {}
        for number, row in enumerate(rows):
            if self._is_task(number, row):
                self.numbers[number] = len(self.numbers)
        self.known: dict[int, tuple[int, ...]] = {}

    def _is_task(self, number: int, row: Sequence[Any]) -> bool:
        kind = row[1]
        return not self.is_spare[number] and (
            kind in (Kind.TASK, Kind.WAIT) or (kind == Kind.FLOW and row[7] is None)
        )  # fmt: skip

    def read(self) -> list[FlowTask]:
        return [self._task(number, self.rows[number]) for number in self.numbers]

    def _task(self, number: int, row: Sequence[Any]) -> FlowTask:
        _, kind, profile_number, _, arguments, inputs, _, _, place = row
        needs = dict.fromkeys(task for item in inputs for task in self._sources(item) if task != self.numbers[number])
        if kind == Kind.WAIT:
            return FlowTask(
                self.paths[number], row[0], "wait", place or "", Demand(0.0), "", "", "", tuple(needs)
            )  # fmt: skip
        profile = self.profiles[profile_number]
        return FlowTask(
            self.paths[number], profile.title, "task" if kind == Kind.TASK else "flow", place or "", profile.demand,
            profile.function, profile.version, profile.executor, tuple(needs), profile.expect_s,
            None if inputs else float(size_of(arguments, is_arguments=True)),
        )  # fmt: skip

    def _sources(self, item: Any) -> Iterable[int]:
        """The tasks that an input waits for."""
        if isinstance(item, int):
            return self._behind(item, ())
        number, path, need = item
        return () if need == Need.HOLD else self._behind(number, tuple(path))

    def _behind(self, number: int, path: tuple[str | int, ...]) -> Iterable[int]:
        """The tasks whose results make up a part of a step's value."""
        if number in self.numbers:
            return (self.numbers[number],)
        if number < 0 or self.is_spare[number]:
            return ()
        row = self.rows[number]
        if row[1] == Kind.FLOW and row[7] is not None:
            node, _ = navigate(unpack(row[7]), path)
            refs = refs_of(node)
            return dict.fromkeys(task for step, rest in refs if step != number for task in self._behind(step, rest))
        if number not in self.known:
            self.known[number] = tuple(dict.fromkeys(task for inner in row[5] for task in self._sources(inner)))
        return self.known[number]
