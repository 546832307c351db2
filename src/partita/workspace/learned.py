"""What the history of attempts tells a plan of a step, before what earlier runs of the same flow tell.

The engine is asked what it expects, so that a plan and a run go by the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log2
from typing import NamedTuple

from partita.plan.history import place_of
from partita.plan.spreads import Skewed
from partita.protocol.requests import ExpectationView, HistoryView
from partita.workspace.flow_instance import Known, Past
from partita.workspace.flow_tasks import FlowTask

__all__ = ["Asked", "Learned"]

#: What rests on attempts of the step's own function.
_OWN = ("step", "function")
#: What takes less is not told apart by its step.
SIZED_S = 0.1
#: Sizes of inputs are told apart by such parts of a doubling: what elements of a map are asked of stays little.
_PARTS = 8


class Asked(NamedTuple):
    """Of what attempt the engine is asked."""

    function: str  # as it is learned by, see `plan.history.Subject`
    version: str
    node: str  # class of the machine
    flow: str
    input_bytes: float | None  # None: the usual size
    hint_s: float | None
    place: int = 0  # of its step, see `plan.history.place_of`; 0: any


class Learned:
    """What was learned of each function; see `flow_instance.Past`."""

    def __init__(
        self,
        views: Sequence[HistoryView],
        node_class: str,
        flow: str,
        ask: Callable[[Sequence[Asked]], Sequence[ExpectationView]],
        otherwise: Past,
    ) -> None:
        """
        Args:
            views: what was learned, by function, version and node class.
            node_class: of the default executor, by which durations are told.
            flow: reference of the flow that is planned.
            ask: what the engine expects.
            otherwise: who is asked of what was not learned.
        """
        self._node_class, self._flow, self._ask, self._otherwise = node_class, flow, ask, otherwise
        self._told: dict[Asked, ExpectationView] = {}
        self._by_function: dict[str, list[HistoryView]] = {}
        self._by_task: dict[str, list[HistoryView]] = {}
        for view in sorted(views, key=lambda view: view["updated_at"]):
            self._by_function.setdefault(view["function"], []).append(view)
            self._by_task.setdefault(view["task"], []).append(view)

    def look_up(self, tasks: Iterable[FlowTask]) -> None:
        """Ask at once what `of` would ask of these tasks one after the other."""
        wanted = dict.fromkeys(asked for task in tasks for asked in self._questions(task))
        self._look_up([asked for asked in wanted if asked not in self._told])

    def of(self, task: FlowTask) -> Known | None:
        questions = self._questions(task)
        if not questions:
            return self._otherwise.of(task)
        self._look_up([asked for asked in questions if asked not in self._told])
        usual, sized, *elsewhere = questions
        told = self._told[sized]
        if told["basis"] not in _OWN:
            return self._otherwise.of(task)
        spread, seen, memory = told["duration_s"], told["seen"], self._told[usual]
        return Known(
            Skewed.of(spread["p10"], spread["p50"], spread["p90"]),
            f"{seen:,} earlier attempt{'s' * (seen != 1)}",
            told["output_bytes"]["p50"],
            {asked.node: self._told[asked]["duration_s"]["p50"] for asked in elsewhere},
            memory["memory_bytes"]["p90"] if memory["memory_basis"] in _OWN else 0.0,
        )

    def _look_up(self, wanted: Sequence[Asked]) -> None:
        if wanted:
            self._told.update(zip(wanted, self._ask(wanted), strict=True))

    def _questions(self, task: FlowTask) -> list[Asked]:
        """What of an input of the usual size and of the step's own; and on other classes of machines that it ran on."""
        views = self._views(task) if task.kind == "task" else []
        if not views:
            return []
        latest = views[-1]
        version = task.version if task.function else latest["version"]
        usual = Asked(latest["function"], version, self._node_class, self._flow, None, task.expect_s)
        sized = usual._replace(input_bytes=_rounded(task.input_bytes), place=self._place(task, latest))
        own = [view for view in views if view["version"] == version] or views
        classes = dict.fromkeys(view["node"] for view in own)
        return [usual, sized, *(sized._replace(node=node) for node in classes if node != self._node_class)]

    def _place(self, task: FlowTask, latest: HistoryView) -> int:
        """What is short is told apart by nothing."""
        return place_of(self._flow, task.path) if latest["duration_s"]["p50"] >= SIZED_S else 0

    def _views(self, task: FlowTask) -> list[HistoryView]:
        """The latest last. Of a step of an earlier run only the task's name is known."""
        if not task.function:
            named = self._by_task.get(task.title, [])
            return [view for view in named if view["function"] == named[-1]["function"]]
        own = self._by_function.get(f"{task.function}#{task.title}")
        return own or self._by_function.get(task.function, [])


def _rounded(size_bytes: float | None) -> float | None:
    return 2.0 ** (round(log2(size_bytes) * _PARTS) / _PARTS) if size_bytes else size_bytes
