"""What the engine's verb "metrics" answers: counts and amounts as plain data, from which any page for a scraper can be made.

What is called a count only grows while an engine lives, and begins again with the next one (`started_at` tells); the rest is
as of now.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = ["EngineMetrics", "ExecutorMetrics", "HistogramView", "RetentionCounts", "SpanCounts"]


class HistogramView(TypedDict):
    """How often something took how long."""

    bounds_s: list[float]  # upper bounds in seconds, rising
    counts: list[
        int
    ]  # how often it took at most so long and longer than the bound before; the last one: longer than all
    sum_s: float  # all of it together


class ExecutorMetrics(TypedDict):
    """One executor now."""

    queued: int  # steps that are ready and wait for room; one that may go to several executors counts at each
    running: int  # attempts handed out and not ended
    workers: int  # its lanes, idle ones included
    capacity: dict[str, float]  # "cpu", "memory" (bytes), "gpu", "workers" where they are limited
    held: dict[str, float]
    free: dict[str, float]


class SpanCounts(TypedDict):
    """What became of spans; all 0 where there are no traces."""

    made: int  # count
    sent: int  # count; taken by the receiver
    dropped: int  # count; there was no room for them, or the receiver did not take them


class RetentionCounts(TypedDict):
    """What retention has removed; counts."""

    passes: int
    runs: int
    logs: int  # runs whose logs went earlier than they
    values: int  # runs whose values went earlier than they
    freed_bytes: int  # of files, as far as the passes that have ended know


class EngineMetrics(TypedDict):
    """All of it."""

    version: str
    pid: int
    started_at: float
    clients: int  # connections
    runs_started: int  # count
    runs_taken_up: int  # count; from an earlier engine
    runs_ended: dict[str, int]  # counts by state
    steps_ended: dict[str, int]  # counts by state
    attempts_started: int  # count
    attempts_ended: list[tuple[str, str, int]]  # (executor, outcome, count)
    runs: int  # that have not ended
    steps: int  # in memory
    ready: int  # steps that wait for room
    running: int  # attempts handed out and not ended
    waiting: int  # steps that wait for a time, an event, a person, or for their next attempt
    executors: dict[str, ExecutorMetrics]
    slots: dict[str, tuple[float, float]]  # named limits: (capacity, held)
    turns: HistogramView  # turns of the engine that did something
    commits: HistogramView  # transactions of the store
    failed_commits: int  # count; each was tried again
    is_store_writable: bool
    log_bytes: int  # count; what attempts have printed
    spans: SpanCounts
    retention: RetentionCounts
