"""The online protocol: events in, what begins out. The policies are those of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from partita.errors import PlanningError
from partita.plan.documents import read_instance
from partita.plan.following import PoolPolicy
from partita.plan.instance import Instance
from partita.plan.numbers import as_number
from partita.plan.rolling import RollingPolicy

__all__ = ["Conversation"]


class _Policy(Protocol):
    def begin(self) -> list[tuple[int, int]]: ...

    def finished(self, ended: list[tuple[int, float]], now: float) -> list[tuple[int, int]]: ...


class _OnOneNode:
    """A pool's policy, whose tasks all begin on its only node."""

    def __init__(self, policy: PoolPolicy) -> None:
        self._policy = policy

    def begin(self) -> list[tuple[int, int]]:
        return [(task, 0) for task in self._policy.begin()]

    def finished(self, ended: list[tuple[int, float]], now: float) -> list[tuple[int, int]]:
        return [(task, 0) for task in self._policy.finished([task for task, _ in ended], now)]


class Conversation:
    """One instance's run, as somebody else executes it."""

    def __init__(self) -> None:
        self._policy: _Policy | None = None
        self._numbers: dict[str, int] = {}
        self._running: dict[int, int] = {}  # task -> node
        self._ids: list[str] = []
        self._nodes: list[str] = []

    def answer(self, event: Any) -> dict[str, Any]:
        """What begins now: `{"start": [{"task": ..., "node": ...}]}`.

        Args:
            event: `{"event": "begin", "t": 0, "instance": ...}`, then `{"event": "finish", "t": ..., "finished": [{"task":
                ..., "node": ..., "start": ...}]}` after each moment at which something has ended.

        Raises:
            PlanningError: the event is none of these, or tells of something that is not running, or not there.
        """
        kind = event.get("event") if isinstance(event, Mapping) else None
        if kind == "begin":
            if "t" in event:
                _time(event)
            self._begin(read_instance(event.get("instance")))
            assert self._policy is not None
            begun = self._policy.begin()
        elif kind == "finish" and self._policy is not None:
            begun = self._policy.finished(self._ended(event.get("finished")), _time(event))
        elif kind == "finish":
            raise PlanningError('a "finish" came before the "begin" that tells the instance')
        else:
            raise PlanningError(f'an event is a "begin" or a "finish", and not {kind!r}')
        self._running.update(begun)
        return {"start": [{"task": self._ids[task], "node": self._nodes[node]} for task, node in begun]}

    def _begin(self, instance: Instance) -> None:
        self._ids, self._nodes = instance.ids, [node.id for node in instance.nodes]
        self._numbers = {own: task for task, own in enumerate(self._ids)}
        self._running = {}
        self._policy = _OnOneNode(PoolPolicy(instance)) if len(instance.nodes) == 1 else RollingPolicy(instance)

    def _ended(self, rows: Any) -> list[tuple[int, float]]:
        if not isinstance(rows, list):
            raise PlanningError('a "finish" tells what has "finished" as a list')
        ended = []
        for row in rows:
            task = self._numbers.get(str(row.get("task"))) if isinstance(row, dict) else None
            if task is None or task not in self._running:
                raise PlanningError(f"{row!r} has finished, and was not running")
            node = self._nodes[self._running.pop(task)]
            if row.get("node") not in (None, node):
                raise PlanningError(
                    f"{row['task']!r} has finished on node {row['node']!r}, and was started on node {node!r}"
                )
            ended.append((task, as_number(row.get("start", 0.0), f"the start of {row['task']!r}")))
        return ended


def _time(event: Mapping[str, Any]) -> float:
    now = event.get("t")
    if isinstance(now, bool) or not isinstance(now, (int, float)):
        raise PlanningError(f'an event needs its time "t", and has {repr(now)[:80]}')
    return as_number(now, 'the time "t" of an event')
