"""The trace that an attempt stands in, for the user's code: a variable, and what OpenTelemetry has as the current context."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["in_trace"]

_VARIABLE = "TRACEPARENT"


@contextmanager
def in_trace(traceparent: str) -> Iterator[None]:
    """Let spans that are made here, and in programs started from here, hang under the attempt."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = traceparent
    attached = _attach(traceparent)
    try:
        yield
    finally:
        if attached is not None:
            context, token = attached
            context.detach(token)
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before


def _attach(traceparent: str) -> Any:
    """What is to be undone later; None: OpenTelemetry is not installed where the attempt runs."""
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        return None
    return context, context.attach(TraceContextTextMapPropagator().extract({"traceparent": traceparent}))
