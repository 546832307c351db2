"""What the history of attempts tells a plan of a step, before what earlier runs of the same flow tell."""

from __future__ import annotations

from collections.abc import Sequence

from partita.plan.spreads import Skewed
from partita.protocol.requests import HistoryView
from partita.workspace.flow_instance import Known, Past
from partita.workspace.flow_tasks import FlowTask

__all__ = ["Learned"]


class Learned:
    """What was learned of each function; see `flow_instance.Past`."""

    def __init__(self, views: Sequence[HistoryView], node_class: str, otherwise: Past) -> None:
        """
        Args:
            views: what was learned, by function, version and node class.
            node_class: of the default executor, by which durations are told.
            otherwise: who is asked of what was not learned.
        """
        self._node_class, self._otherwise = node_class, otherwise
        self._by_function: dict[str, list[HistoryView]] = {}
        self._by_task: dict[str, list[HistoryView]] = {}
        for view in views:
            self._by_function.setdefault(view["function"], []).append(view)
            self._by_task.setdefault(view["task"], []).append(view)

    def of(self, task: FlowTask) -> Known | None:
        found = self._views(task) if task.kind == "task" else []
        if not found:
            return self._otherwise.of(task)
        own = [view for view in found if view["version"] == task.version] or found
        by_class = {view["node"]: view for view in sorted(own, key=lambda view: view["updated_at"])}
        best = by_class.get(self._node_class) or max(own, key=lambda view: view["updated_at"])
        spread, seen = best["duration_s"], best["seen"]
        return Known(
            Skewed.of(spread["p10"], spread["p50"], spread["p90"]),
            f"{seen:,} earlier attempt{'s' * (seen != 1)}",
            best["output_bytes"]["p50"],
            {name: view["duration_s"]["p50"] for name, view in by_class.items() if view is not best},
        )

    def _views(self, task: FlowTask) -> list[HistoryView]:
        """Of a step of an earlier run only the task's name is known."""
        if not task.function:
            return self._by_task.get(task.title, [])
        named = self._by_function.get(f"{task.function}#{task.title}")
        return named or self._by_function.get(task.function, [])
