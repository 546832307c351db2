"""The answer to the verb "metrics"."""

from __future__ import annotations

import os

from partita.core.states import State
from partita.engine.book import Book
from partita.engine.lanes import Lanes
from partita.protocol.metrics import EngineMetrics, ExecutorMetrics, RetentionCounts, SpanCounts

__all__ = ["metrics_of"]

_SLOT = "slot "


def metrics_of(book: Book, version: str, started_at: float, clients: int, trouble: str) -> EngineMetrics:
    """What there is to be told now; it takes no longer when runs are large."""
    counters, described = book.counters, book.describe()
    running: dict[str, int] = {}
    for flight in book.flights.values():
        running[flight.executor.name] = running.get(flight.executor.name, 0) + 1
    slots: dict[str, tuple[float, float]] = {}
    for lanes in book.executors.values():
        pool = lanes.pool
        slots |= {
            name.removeprefix(_SLOT): (amount, pool.held[name])
            for name, amount in pool.capacity.items()
            if name.startswith(_SLOT)
        }
    return EngineMetrics(
        version=version, pid=os.getpid(), started_at=started_at, clients=clients,
        runs_started=counters.runs_started, runs_taken_up=counters.runs_taken_up,
        runs_ended=_by_name(counters.runs_ended), steps_ended=_by_name(counters.steps_ended),
        attempts_started=counters.attempts_started,
        attempts_ended=[(name, outcome, count) for (name, outcome), count in counters.attempts_ended.items()],
        runs=described["runs"], steps=described["steps"],
        ready=sum(len(lanes.queue) for lanes in book.executors.values()), running=len(book.flights),
        waiting=len(book.waits) + sum(timer[2] == "due" for timer in book.timers),
        executors={name: _executor(lanes, running.get(name, 0)) for name, lanes in book.executors.items()},
        slots=slots, turns=counters.turns.view(), commits=counters.commits.view(),
        failed_commits=counters.failed_commits, is_store_writable=not trouble, log_bytes=counters.log_bytes,
        spans=book.tracing.outlet.counts() if book.tracing is not None else SpanCounts(made=0, sent=0, dropped=0),
        retention=RetentionCounts(passes=0, runs=0, logs=0, values=0, freed_bytes=0),
    )  # fmt: skip


def _by_name(counts: dict[int, int]) -> dict[str, int]:
    return {State(state).name.lower(): count for state, count in counts.items()}


def _executor(lanes: Lanes, running: int) -> ExecutorMetrics:
    capacity = {name: amount for name, amount in lanes.pool.capacity.items() if not name.startswith(_SLOT)}
    held = {name: lanes.pool.held[name] for name in capacity}
    return ExecutorMetrics(
        queued=len(lanes.queue), running=running, workers=len(lanes), capacity=capacity, held=held,
        free={name: amount - held[name] for name, amount in capacity.items()},
    )  # fmt: skip
