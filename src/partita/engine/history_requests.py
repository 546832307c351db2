"""What clients ask of the history: what was learned of each function, and to forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.errors import NotFoundError
from partita.plan.durations import Estimate
from partita.plan.history import Knowledge
from partita.protocol.requests import HistoryView, SpreadView

__all__ = ["HistoryRequests"]


class HistoryRequests:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"history": self.told, "history_forget": self.forget}

    def told(self, fields: dict[str, Any]) -> list[HistoryView]:
        """What was learned of a task, or of all, by function, version and node class.

        Raises:
            NotFoundError: nothing was learned of a task of that name.
        """
        return [_view(*key, known) for key, known in self._chosen(fields.get("task", ""))]

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


def _names(function: str, title: str) -> Iterator[str]:
    yield from (function, function.partition("#")[0], title)


def _view(function: str, version: str, node: str, known: Knowledge) -> HistoryView:
    input_bytes = known.duration.typical_bytes
    expected = known.expect(input_bytes, "step")
    return HistoryView(
        task=known.title, function=function, version=version, node=node, seen=known.seen, updated_at=known.updated_at,
        input_bytes=input_bytes, duration_s=_spread(expected.duration), memory_bytes=_spread(expected.memory),
        output_bytes=_spread(expected.output), most_memory_bytes=known.most_bytes, cores=known.cores,
    )  # fmt: skip


def _spread(estimate: Estimate) -> SpreadView:
    return SpreadView(p10=estimate.p10, p50=estimate.median, p90=estimate.p90)
