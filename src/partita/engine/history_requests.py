"""What clients ask of the history: what was learned of each function, what it expects of an attempt, and to forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.errors import NotFoundError
from partita.plan.durations import Estimate
from partita.plan.history import History, Knowledge, Subject
from partita.protocol.requests import ExpectationView, HistoryView, SpreadView

__all__ = ["HistoryRequests", "expectation", "view"]


class HistoryRequests:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "history": self.told, "history_forget": self.forget, "expect": self.expected,
        }  # fmt: skip

    def told(self, fields: dict[str, Any]) -> list[HistoryView]:
        """What was learned of a task, or of all, by function, version and node class.

        Raises:
            NotFoundError: nothing was learned of a task of that name.
        """
        return [view(*key, known) for key, known in self._chosen(fields.get("task", ""))]

    def expected(self, fields: dict[str, Any]) -> list[ExpectationView]:
        """What attempts are thought to take; see `expectation`."""
        self._book.learning.refresh()
        return [expectation(self._book.learning.history, *asked) for asked in fields["asked"]]

    def forget(self, fields: dict[str, Any]) -> int:
        """Forget what was learned of a task; gives of how many versions and node classes.

        Raises:
            NotFoundError: nothing was learned of a task of that name.
        """
        functions = [key[0] for key, _ in self._chosen(fields["task"])]
        for function in dict.fromkeys(functions):
            self._book.learning.unlearn(function)
        return len(functions)

    def _chosen(self, task: str) -> list[tuple[tuple[str, str, str], Knowledge]]:
        self._book.learning.refresh()
        known = self._book.learning.history.known()
        found = [(key, each) for key, each in known if not task or task in _names(key[0], each.title)]
        if task and not found:
            raise NotFoundError(f"nothing was learned of a task {task!r}; `partita history` shows of which it was")
        return found


def expectation(
    history: History,
    function: str,
    version: str,
    node: str,
    flow: str,
    input_bytes: float | None,
    hint_s: float | None,
    place: int = 0,
) -> ExpectationView:
    """What the history tells of an attempt.

    Args:
        function: as it is learned by, see `plan.history.Subject`.
        input_bytes: size of its arguments and inputs; None: the usual one.
        hint_s: what the task's option expect= says, in seconds.
        place: of its step, see `plan.history.place_of`; 0: any.
    """
    subject = Subject(function, version, node, flow)
    size = history.usual_bytes(subject) if input_bytes is None else input_bytes
    told = history.expect(subject, size, hint_s, place)
    return ExpectationView(
        basis=told.duration.basis, seen=told.duration.count, duration_s=_spread(told.duration),
        memory_basis=told.memory.basis, memory_bytes=_spread(told.memory), output_bytes=_spread(told.output),
    )  # fmt: skip


def _names(function: str, title: str) -> Iterator[str]:
    yield from (function, function.partition("#")[0], title)


def view(function: str, version: str, node: str, known: Knowledge) -> HistoryView:
    """What is known of a function in one version on machines of one class."""
    input_bytes = known.duration.typical_bytes
    return HistoryView(
        task=known.title, function=function, version=version, node=node, seen=known.seen, updated_at=known.updated_at,
        input_bytes=round(input_bytes), duration_s=_spread(known.estimate("duration", input_bytes)),
        memory_bytes=_spread(known.estimate("memory", input_bytes)),
        output_bytes=_spread(known.estimate("output", input_bytes)), most_memory_bytes=round(known.most_bytes), cores=known.cores,
    )  # fmt: skip


def _spread(estimate: Estimate) -> SpreadView:
    return SpreadView(p10=estimate.p10, p50=estimate.median, p90=estimate.p90)
