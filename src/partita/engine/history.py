"""When the steps of a run became ready, began and ended, put together from what is stored."""

from __future__ import annotations

from typing import NamedTuple

from partita.core.graph import Run, Step, leaves
from partita.core.states import FINAL, Kind, Need
from partita.store.port import AttemptEnd, AttemptRow, Store

__all__ = ["History", "Try"]


class Try(NamedTuple):
    """One attempt, with what came of it."""

    start: AttemptRow
    end: AttemptEnd | None

    @property
    def began_at(self) -> float:
        """When the worker began; where it never told, when it was handed out."""
        return self.end.started_at if self.end is not None and self.end.started_at else self.start.started_at

    @property
    def ended_at(self) -> float | None:
        return self.end.ended_at if self.end is not None else None


class History:
    """The times of one run."""

    def __init__(self, store: Store, run: Run, launched_at: float) -> None:
        self._run = run
        self._launched_at = launched_at
        self.tries: dict[int, list[Try]] = {}
        for start, end in store.attempts(run.number, limit=1_000_000):
            self.tries.setdefault(start.step, []).append(Try(start, end))
        self._waits = {row.step: row for row in store.waits(run.number)}
        self._ended: dict[int, float | None] = {}

    def ended_at(self, step: Step) -> float | None:
        """When the step ended; None: it has not, or nobody knows."""
        if step.id not in self._ended:
            self._ended[step.id] = None  # an answer for whoever asks in a circle
            self._ended[step.id] = self._end(step)
        return self._ended[step.id]

    def _end(self, step: Step) -> float | None:
        if step.state not in FINAL:
            return None
        own = [made.ended_at for made in self.tries.get(step.id, ()) if made.ended_at is not None]
        wait = self._waits.get(step.id)
        if wait is not None and wait.closed_at is not None:
            own.append(wait.closed_at)
        if step.kind == Kind.FLOW:
            below = [self.ended_at(child) for child in self.children(step)]
            own += [moment for moment in below if moment is not None]
        elif not own:
            # Skipped, adopted, cached, or completed by the engine itself: as soon as its inputs were there.
            return self.inputs_at(step)[0]
        return max(own) if own else None

    def children(self, step: Step) -> list[Step]:
        """The steps directly below."""
        steps = self._run.steps
        return [steps[n] for first, end in step.children or () for n in range(first, end) if n in steps]

    def laid_at(self, step: Step) -> float:
        """When the layout that made the step was complete."""
        parent = self._run.steps.get(step.parent)
        while parent is not None:
            ends = [made.ended_at for made in self.tries.get(parent.id, ()) if made.ended_at is not None]
            if ends:
                return ends[-1]
            parent = self._run.steps.get(parent.parent)
        return self._launched_at

    def inputs_at(self, step: Step) -> tuple[float, Step | None]:
        """When the step had all that it needs, and the step that was the last; None: its layout was."""
        latest, last = self.laid_at(step), None
        sources = [(number, path) for number, path, need in step.inputs if need != Need.HOLD]
        if step.fallback_of >= 0:
            sources.append((step.fallback_of, ()))
        for number, path in sources:
            for leaf, _ in leaves(self._run, number, path):
                moment = self.ended_at(leaf)
                if moment is not None and moment > latest:
                    latest, last = moment, leaf
        return latest, last
