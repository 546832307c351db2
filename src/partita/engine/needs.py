"""What runs that have not ended need of finished ones: those that they rerun, and those whose values they took from the cache."""

from __future__ import annotations

from collections.abc import Iterator

from partita.engine.ancestry import options_of
from partita.engine.book import Book
from partita.store.port import RunRow

__all__ = ["Needs"]

#: Seconds after which it is looked at again what a run that this engine does not have took from the cache.
_REMEMBERED_S = 10.0


class Needs:
    """Of this engine's runs it knows at any time; of others as of the last look."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._others: list[tuple[int, str, str]] = []  # number, id, and the run that it reruns
        self._taken: dict[int, tuple[float, frozenset[str]]] = {}  # by number: when it was looked at, and whose values

    def look(self) -> Iterator[None]:
        """Look at the unfinished runs that this engine does not have, one from one step to the next."""
        for row in self._read():
            known = self._taken.get(row.number)
            if known is None or self._book.now - known[0] >= _REMEMBERED_S:
                self._learn(row.number)
                yield
        for row in self._read():  # runs may have begun meanwhile
            if row.number not in self._taken:
                self._learn(row.number)
        there = {number for number, _, _ in self._others}
        self._taken = {number: known for number, known in self._taken.items() if number in there}

    def _read(self) -> list[RunRow]:
        rows = [row for row in self._book.store.unfinished_runs() if self._book.live(row.id) is None]
        self._others = [(row.number, row.id, options_of(row).get("adopt") or "") for row in rows]
        return rows

    def _learn(self, number: int) -> None:
        self._taken[number] = self._book.now, frozenset(self._book.store.cache_makers(number))

    def reason(self, run: str) -> str:
        """Which unfinished run needs it, and for what; empty: none does."""
        lives = [live for live in self._book.lives.values() if not live.is_final]
        for live in lives:
            if live.options.get("adopt") == run:
                return _reruns(live.run.id)
        for _, other, adopted in self._others:
            if adopted == run:
                return _reruns(other)
        # What such a run makes of the values may become a model, whose lineage then leads to the run that made them.
        for live in lives:
            if run in live.borrowed:
                return _took(live.run.id)
        for number, other, _ in self._others:
            if run in self._taken[number][1]:
                return _took(other)
        return ""


def _reruns(run: str) -> str:
    return f"run {run} reruns it and has not ended"


def _took(run: str) -> str:
    return f"run {run} took values of it from the cache and has not ended"
