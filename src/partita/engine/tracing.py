"""What the engine tells of runs as spans: each when it has ended, and handed on when the turn is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from partita.core.graph import Step, path_of
from partita.core.states import Kind, State
from partita.engine.lanes import Flight
from partita.engine.live import Live
from partita.protocol.metrics import SpanCounts
from partita.protocol.spans import (
    SpanRecord,
    TraceContext,
    attempt_span,
    context_of,
    step_span,
    trace_of_run,
    traceparent_of,
)
from partita.store.port import AttemptEnd, AttemptRow, Store
from partita.values import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Outlet", "Tracing"]

_BAD_OUTCOMES = frozenset({"failed", "crashed", "timeout", "lost", "cancelled"})
_BAD_STATES = frozenset({State.FAILED, State.CANCELLED})
_HALF = 2**64


class Outlet(Protocol):
    """Where spans go. Laws: `take` never waits and never raises; what cannot be taken is counted."""

    def take(self, spans: list[SpanRecord]) -> None: ...

    def counts(self) -> SpanCounts: ...

    def close(self) -> None:
        """Let what was taken be sent, without waiting for it."""
        ...


class Tracing:
    """Makes spans of what happens to runs."""

    def __init__(self, outlet: Outlet, store: Store, share: float = 1.0) -> None:
        """
        Args:
            share: of the runs whose launchers do not say whether they are traced, so many are.
        """
        self.outlet = outlet
        self._store = store
        self._share = share
        self._contexts: dict[int, TraceContext] = {}  # by the number of the run: its trace, and the span above it
        self._began: dict[tuple[int, int], float] = {}  # when the first attempt of a step did
        self._ended: list[SpanRecord] = []

    def of_attempt(self, live: Live, step: int, attempt: int) -> str:
        """The context that an attempt works in, as a header."""
        context = self._context(live)
        return traceparent_of(context._replace(span=attempt_span(live.run.id, step, attempt)))

    def attempt_ended(self, live: Live, flight: Flight, end: AttemptEnd) -> None:
        """An attempt that was handed out has ended."""
        began = end.started_at or flight.handed_at or end.ended_at
        facts = {
            "partita.executor": flight.executor.name, "partita.node": flight.executor.node,
            "partita.input_bytes": flight.input_bytes,
        }  # fmt: skip
        self._end_attempt(live, end, began, facts)

    def attempt_lost(self, live: Live, start: AttemptRow, end: AttemptEnd) -> None:
        """An attempt of an earlier engine, of which nobody knows how far it came."""
        self._end_attempt(live, end, start.started_at, {"partita.executor": start.executor.partition("#")[0]})

    def _end_attempt(self, live: Live, end: AttemptEnd, began: float, facts: dict[str, Any]) -> None:
        place, context = (end.run, end.step), self._context(live)
        self._began.setdefault(place, began)
        if not context.is_sampled:
            return
        run, step = live.run.id, live.run.steps.get(end.step)
        name = step.name if step is not None else str(end.step)
        attributes = {
            "partita.run": run, "partita.step": end.step, "partita.attempt": end.number, "partita.outcome": end.outcome,
            "partita.cpu_s": end.cpu_s, "partita.peak_bytes": end.peak_bytes, "partita.output_bytes": end.output_bytes, **facts,
        }  # fmt: skip
        record = SpanRecord(
            f"{name} #{end.number}", context.trace, attempt_span(run, end.step, end.number), step_span(run, end.step),
            began, max(end.ended_at, began), attributes, _error(end.error), end.outcome in _BAD_OUTCOMES, [],
        )  # fmt: skip
        self._ended.append(record)

    def step_ended(self, live: Live, step: Step, now: float) -> None:
        """A step has become final; step 0 is the run."""
        began = self._began.pop((live.run.number, step.id), now)
        if step.parent > 0:  # a flow that was laid out in place begins with the first of its steps
            above = (live.run.number, step.parent)
            self._began[above] = min(began, self._began.get(above, began))
        context = self._context(live)
        if not step.id or not context.is_sampled:
            return
        run = live.run
        attributes = {
            "partita.run": run.id, "partita.step": step.id, "partita.path": path_of(run, step.id),
            "partita.kind": Kind(step.kind).name.lower(), "partita.state": State(step.state).name.lower(),
            "partita.attempts": step.attempts,
        }  # fmt: skip
        is_failed = step.state in _BAD_STATES
        error = _error(step.error) if is_failed else None
        record = SpanRecord(
            step.name, context.trace, step_span(run.id, step.id), step_span(run.id, max(step.parent, 0)),
            began, max(now, began), attributes, error, is_failed, [],
        )  # fmt: skip
        self._ended.append(record)

    def run_ended(self, live: Live, now: float) -> None:
        """A run has become final."""
        context, run, row = self._context(live), live.run, live.row
        if context.is_sampled:
            began = live.started_at or row.created_at
            is_failed = run.state in _BAD_STATES
            attributes = {
                "partita.run": run.id, "partita.flow": row.flow, "partita.state": State(run.state).name.lower(),
                "partita.bundle": row.bundle, "partita.steps": len(run.steps),
                "partita.owner": str(live.options.get("owner") or live.options.get("user") or ""),
                "partita.tags": [str(tag) for tag in live.options.get("tags") or ()],
            }  # fmt: skip
            record = SpanRecord(
                row.title, context.trace, step_span(run.id, 0), context.span, began, max(now, began), attributes,
                _error(run.root.error) if is_failed else None, is_failed, self._links(live),
            )  # fmt: skip
            self._ended.append(record)
        self._contexts.pop(run.number, None)
        for place in [place for place in self._began if place[0] == run.number]:
            del self._began[place]

    def hand_on(self) -> None:
        """The turn is committed: what it ended may be told."""
        if self._ended:
            ended, self._ended = self._ended, []
            self.outlet.take(ended)
        else:
            self.outlet.take([])

    def _links(self, live: Live) -> list[tuple[bytes, bytes]]:
        """A rerun is linked to the run that it adopts from."""
        adopted = live.options.get("adopt")
        if not adopted:
            return []
        row = self._store.run(adopted)
        options = unpack(row.options) if row is not None and row.options else {}
        return [(self._made(adopted, options).trace, step_span(adopted, 0))]

    def _context(self, live: Live) -> TraceContext:
        found = self._contexts.get(live.run.number)
        if found is None:
            found = self._contexts[live.run.number] = self._made(live.run.id, live.options)
        return found

    def _made(self, run: str, options: Mapping[str, Any]) -> TraceContext:
        given = context_of(str(options.get("traceparent") or ""))
        if given is not None:
            return given
        trace = trace_of_run(run)
        # As samplers by the trace's id do it, so that those of user code agree.
        return TraceContext(trace, b"", int.from_bytes(trace[8:], "big") < self._share * _HALF)


def _error(packed: bytes | None) -> dict[str, str] | None:
    if not packed:
        return None
    told = unpack(packed)
    return {name: str(told.get(name) or "") for name in ("type", "message", "traceback")}
