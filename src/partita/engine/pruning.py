"""Deleting finished runs: which may go, and which are still needed by others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from partita.core.states import FINAL, State
from partita.engine.ancestry import Ancestry, options_of
from partita.engine.book import Book
from partita.engine.needs import Needs
from partita.engine.reading import Reading
from partita.errors import RunError
from partita.protocol.artifacts import HeldRun
from partita.protocol.requests import RunView
from partita.store.port import RunRow

__all__ = ["Pruning"]

#: Runs that one answer looks at, and the seconds after which it is given with those that were looked at by then: all other
#: runs wait meanwhile.
LOOKED_AT, PAGE_S = 500, 0.02


class Pruning:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self.ancestry = Ancestry(book)
        self.needs = Needs(book)
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"prunable": self.prunable, "delete": self.delete}

    def prunable(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A page of the runs that would be deleted, newest first, and of those of them that are held.

        Args:
            fields: "flow", "states", "before" (seconds since the epoch at which a run ended), "keep" (so many of the
                newest runs of each flow stay), "runs" (names of runs; then nothing else counts), "after" ("next" of the
                page before; 0: the first), "limit" (of runs that are looked at).

        Returns "runs", "held", "looked" (how many runs were looked at) and "next", None after the last page.
        """
        limit = min(max(int(fields.get("limit") or LOOKED_AT), 1), LOOKED_AT)
        after = max(int(fields.get("after") or 0), 0)
        until_s = time.monotonic() + PAGE_S
        self._look()
        chosen: list[RunView] = []
        held: list[HeldRun] = []
        looked, next_ = 0, None
        for row, fits, place in (self._named if fields.get("runs") else self._all)(fields, after, limit):
            looked += 1
            reason = self.holder(row) if fits else ""
            if reason:
                held.append(HeldRun(run=row.id, reason=reason))
            elif fits:
                chosen.append(self._reading.run(row.id))
            if place is None or time.monotonic() >= until_s:
                next_ = place
                break
            next_ = place
        return {"runs": chosen, "held": held, "looked": looked, "next": next_}

    def _named(self, fields: dict[str, Any], after: int, limit: int) -> Iterator[tuple[RunRow, bool, int | None]]:
        """Runs by their names, whether they are meant, and the place after them; None: there are no more."""
        names, seen = list(fields["runs"]), set[str]()
        for place, name in enumerate(names[after : after + limit], after + 1):
            row = self._reading.find(name)
            yield row, row.id not in seen, place if place < len(names) else None
            seen.add(row.id)

    def _all(self, fields: dict[str, Any], after: int, limit: int) -> Iterator[tuple[RunRow, bool, int | None]]:
        """Finished runs, whether they are meant, and the place after them; None: there are no more."""
        store, flow, keep, before = (
            self._book.store,
            fields.get("flow", ""),
            int(fields.get("keep") or 0),
            fields.get("before"),
        )
        given = [int(State[state.upper()]) for state in fields.get("states") or ()]
        states = [state for state in given or map(int, FINAL) if state in FINAL]
        if not states:
            return
        # Which runs of a flow are its newest does not depend on where a page begins.
        seen = store.runs_above(after - 1, flow=flow, states=states) if keep and after else {}
        rows = store.runs(flow=flow, states=states, before=after, limit=limit + 1)
        for number, row in enumerate(rows[:limit], 1):
            seen[row.flow] = seen.get(row.flow, 0) + 1
            fits = seen[row.flow] > keep and (before is None or (row.ended_at or row.created_at) < before)
            yield row, fits, row.number if number < len(rows) else None

    def _look(self) -> None:
        for _ in self.needs.look():
            pass

    def holder(self, row: RunRow) -> str:
        """Why a run cannot be deleted; empty: it can. What other engines' runs need is known as of `needs.look()`."""
        if self._book.live(row.id) is not None or row.state not in FINAL:
            return "it has not ended; cancel it first"
        needed = self.needs.reason(row.id)
        if needed:
            return needed
        made = self.ancestry.version_of(row.id)
        if made:
            return f"it made {made}; the registry keeps it"
        parent = options_of(row).get("parent")
        above = self._book.store.run(parent[0]) if parent else None
        if above is not None and (above.state not in FINAL or self._book.live(above.id) is not None):
            return f"run {above.id}, which launched it, has not ended"
        return ""

    def delete(self, fields: dict[str, Any]) -> str:
        """Delete one run with its steps; its logs and checkpoints are the client's to remove.

        Raises:
            RunError: it has not ended, or another run needs it.
        """
        row = self._reading.find(fields["run"])
        self._look()
        reason = self.holder(row)
        if reason:
            raise RunError(f"run {row.id} cannot be deleted: {reason}")
        self._book.store.delete_run(row.number)
        return row.id
