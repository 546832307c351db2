"""The trace in which a client launches a run: of its own spans, or of whoever started it."""

from __future__ import annotations

import os
import sys

__all__ = ["own_traceparent"]


def own_traceparent() -> str:
    """The W3C context of what this process is doing: OpenTelemetry's, where it is in use here, or the variable TRACEPARENT."""
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        if carrier.get("traceparent"):
            return carrier["traceparent"]
    return os.environ.get("TRACEPARENT", "")
