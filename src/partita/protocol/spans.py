"""Traces of runs: which trace, which spans, and how their context is written.

A run is a trace, unless whoever launched it gives a context, and then a part of that trace. The span of a step hangs under that
of the flow around it, the span of an attempt under its step. Ids come from the run's id, so that an engine that goes on with a
run goes on with its trace, and nothing needs to be stored.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, NamedTuple

__all__ = [
    "SpanRecord", "TraceContext", "attempt_span", "context_of", "step_span", "trace_of_run", "traceparent_of",
]  # fmt: skip

#: W3C Trace Context, level 1: what a later version appends is left out.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


class TraceContext(NamedTuple):
    """Where something stands in a trace."""

    trace: bytes  # 16 bytes
    span: bytes  # 8 bytes; empty: the trace begins here
    is_sampled: bool


class SpanRecord(NamedTuple):
    """A span that has ended, as it is handed to who sends it."""

    name: str
    trace: bytes
    span: bytes
    parent: bytes  # empty: none
    started_at: float
    ended_at: float
    attributes: dict[str, Any]
    error: dict[str, str] | None  # "type", "message", "traceback", where it failed
    is_failed: bool
    links: list[tuple[bytes, bytes]]  # (trace, span)


def context_of(traceparent: str) -> TraceContext | None:
    """The context that a header says; None: it says none that can be understood, and is to be ignored."""
    found = _TRACEPARENT.fullmatch(traceparent.strip().lower())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    if not any(trace) or not any(span):
        return None
    return TraceContext(trace, span, bool(int(found[4], 16) & _SAMPLED))


def traceparent_of(context: TraceContext) -> str:
    """The header of a context."""
    return f"00-{context.trace.hex()}-{context.span.hex()}-{'01' if context.is_sampled else '00'}"


def trace_of_run(run: str) -> bytes:
    """The trace of a run whose launcher gives none."""
    return blake2b(run.encode(), digest_size=16, person=b"trace").digest()


def step_span(run: str, step: int) -> bytes:
    """The span of a step; of step 0, the run's."""
    return blake2b(f"{run}:{step}".encode(), digest_size=8, person=b"span").digest()


def attempt_span(run: str, step: int, attempt: int) -> bytes:
    """The span of an attempt."""
    return blake2b(f"{run}:{step}:{attempt}".encode(), digest_size=8, person=b"span").digest()
