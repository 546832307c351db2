"""Deleting finished runs: which may go, and which are still needed by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from partita.core.states import FINAL, Mark, State
from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.errors import RunError
from partita.protocol.artifacts import HeldRun
from partita.protocol.requests import RunView
from partita.store.models import VersionRow
from partita.store.port import RunRow, Store
from partita.values import unpack

__all__ = ["Pruning"]

_PAGE = 1000
#: Seconds for which the lineage of models is remembered: another engine of the store may add to it.
_REMEMBERED_S = 10.0


class Pruning:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self._needed: tuple[Any, dict[str, str]] | None = None  # runs in the lineage of models, and as of when
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"prunable": self.prunable, "delete": self.delete}

    def prunable(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The runs that would be deleted, newest first, and those of them that are held.

        Args:
            fields: "flow", "states", "before" (seconds since the epoch at which a run ended), "keep" (so many of the
                newest runs of each flow stay), "runs" (names of runs; then nothing else counts).
        """
        chosen, held = [], []
        for row in self._chosen(fields):
            reason = self._holder(row)
            if reason:
                held.append(HeldRun(run=row.id, reason=reason))
            else:
                chosen.append(self._view(row))
        return {"runs": chosen, "held": held}

    def _chosen(self, fields: dict[str, Any]) -> Iterator[RunRow]:
        if fields.get("runs"):
            yield from dict.fromkeys(self._reading.find(name) for name in fields["runs"])
            return
        states = [int(State[state.upper()]) for state in fields.get("states") or ()] or [int(s) for s in FINAL]
        before, keep, last = fields.get("before"), int(fields.get("keep") or 0), 0
        seen: dict[str, int] = {}
        while rows := self._book.store.runs(flow=fields.get("flow", ""), states=states, before=last, limit=_PAGE):
            last = rows[-1].number
            for row in rows:
                if row.state not in FINAL:
                    continue
                seen[row.flow] = seen.get(row.flow, 0) + 1
                if seen[row.flow] > keep and (before is None or (row.ended_at or row.created_at) < before):
                    yield row

    def _view(self, row: RunRow) -> RunView:
        return self._reading.run(row.id)

    def _holder(self, row: RunRow) -> str:
        """Why a run cannot be deleted; empty: it can."""
        if self._book.live(row.id) is not None or row.state not in FINAL:
            return "it has not ended; cancel it first"
        for live in self._book.lives.values():
            if not live.is_final and live.options.get("adopt") == row.id:
                return f"run {live.run.id} reruns it and has not ended"
        for other in self._book.store.unfinished_runs():
            if _options(other).get("adopt") == row.id:
                return f"run {other.id} reruns it and has not ended"
        made = self._versions_of(row)
        if made:
            return f"it made {made}; the registry keeps it"
        parent = _options(row).get("parent")
        above = self._book.store.run(parent[0]) if parent else None
        if above is not None and (above.state not in FINAL or self._book.live(above.id) is not None):
            return f"run {above.id}, which launched it, has not ended"
        return ""

    def _versions_of(self, row: RunRow) -> str:
        """The version of a model that came from this run, or from one that took values of it over; empty: none did."""
        book = self._book
        moment = (book.versions_changed, book.now // _REMEMBERED_S)
        if self._needed is None or self._needed[0] != moment:
            self._needed = (moment, self._lineage_of_models())
        return self._needed[1].get(row.id, "")

    def _lineage_of_models(self) -> dict[str, str]:
        """A version that came from it, by the id of each run in the lineage of models: those that registered one, those
        that they rerun, that launched them, and whose values they found in the cache.
        """
        store, found = self._book.store, {}
        stack = [
            (version.run, f"{version.name}:{version.number}")
            for model in store.models()
            for version in each_version(store, model.name)
            if version.run
        ]
        by_value = {entry.value: entry.run for entry in store.cache_entries()} if stack else {}
        while stack:
            run, version = stack.pop()
            if run in found:
                continue
            found[run] = version
            row = store.run(run)
            if row is None:
                continue
            options = _options(row)
            parent = options.get("parent")
            stack.extend((above, version) for above in (options.get("adopt"), parent[0] if parent else None) if above)
            for step in store.all_steps(row.number):
                if step.marks & Mark.CACHED and step.value is not None and step.value in by_value:
                    stack.append((by_value[step.value], version))
            uses = {(use.name, use.number) for use in store.model_uses(run=row.number)}
            stack.extend(
                (used.run, version) for key in uses if (used := store.model_version(*key)) is not None and used.run
            )
        return found

    def delete(self, fields: dict[str, Any]) -> str:
        """Delete one run with its steps; its logs and checkpoints are the client's to remove.

        Raises:
            RunError: it has not ended, or another run needs it.
        """
        row = self._reading.find(fields["run"])
        reason = self._holder(row)
        if reason:
            raise RunError(f"run {row.id} cannot be deleted: {reason}")
        self._book.store.delete_run(row.number)
        return row.id


def each_version(store: Store, name: str) -> Iterator[VersionRow]:
    """Every version of a model."""
    before = 0
    while page := store.versions(name, before=before, limit=_PAGE):
        yield from page
        before = page[-1].number


def _options(row: RunRow) -> dict[str, Any]:
    options: dict[str, Any] = unpack(row.options) if row.options else {}
    return options
