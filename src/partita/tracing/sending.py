"""The process that sends spans: one thread takes them off the socket, another one exports them."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgpack

from partita.protocol.spans import SpanRecord
from partita.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = ["Sender"]

_log = logging.getLogger("partita.tracing")

_HELD_SPANS = 100_000
_BATCH_SPANS = 512
#: Seconds that spans wait for others to go with them.
_GATHERED_S = 1.0
#: Seconds after the engine's end in which what is left is sent.
_ENDING_S = 10.0
_PACKET_BYTES = 1 << 20


class Sender:
    """Sends spans."""

    def __init__(self, connection: socket.socket) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._connection = connection
        self._exporter = OTLPSpanExporter()
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "partita"}
        self._resource: Resource = Resource.create({**named, "service.version": VERSION})
        self._scope: InstrumentationScope = InstrumentationScope("partita", VERSION)
        self._spans: deque[SpanRecord] = deque()
        self._news = threading.Condition()
        self._has_ended = False
        self._sent = self._dropped = 0

    def serve(self) -> None:
        """Take and send until the other end is closed and all is sent, or the time for that is over."""
        exporting = threading.Thread(target=self._export_all, name="export", daemon=True)
        exporting.start()
        while data := self._receive():
            spans = [SpanRecord(*record) for record in msgpack.unpackb(data, unicode_errors="replace")]
            with self._news:
                room = _HELD_SPANS - len(self._spans)
                self._spans.extend(spans[:room])
                self._dropped += max(len(spans) - room, 0)
                self._news.notify()
        with self._news:
            self._has_ended = True
            self._news.notify()
        exporting.join(_ENDING_S)

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(_PACKET_BYTES)
        except OSError:
            return b""

    def _export_all(self) -> None:
        while batch := self._next():
            is_sent = self._export(batch)
            with self._news:
                self._sent += len(batch) if is_sent else 0
                self._dropped += 0 if is_sent else len(batch)
            self._tell()

    def _next(self) -> list[SpanRecord]:
        """The next spans to go together; empty: there will be no more."""
        with self._news:
            until = None
            while not self._has_ended and len(self._spans) < _BATCH_SPANS:
                if self._spans and until is None:
                    until = time.monotonic() + _GATHERED_S
                left_s = None if until is None else until - time.monotonic()
                if left_s is not None and left_s <= 0:
                    break
                self._news.wait(left_s)
            return [self._spans.popleft() for _ in range(min(_BATCH_SPANS, len(self._spans)))]

    def _export(self, batch: Sequence[SpanRecord]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        try:
            result = self._exporter.export([self._made(record) for record in batch])
        except Exception as error:
            _log.error("%s spans could not be sent: %s", len(batch), error)
            return False
        return result is SpanExportResult.SUCCESS

    def _tell(self) -> None:
        with suppress(OSError):  # the engine asks seldom, and has ended or will be told the sums later
            self._connection.send(msgpack.packb([self._sent, self._dropped]), socket.MSG_DONTWAIT)

    def _made(self, record: SpanRecord) -> ReadableSpan:
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        events = []
        if record.error is not None:
            told: dict[str, Any] = {
                "exception.type": record.error["type"], "exception.message": record.error["message"],
                "exception.stacktrace": record.error["traceback"],
            }  # fmt: skip
            events.append(Event("exception", told, _ns(record.ended_at)))
        failed = Status(StatusCode.ERROR, record.error["message"] if record.error else None)
        return ReadableSpan(
            name=record.name,
            context=_context(record.trace, record.span),
            parent=_context(record.trace, record.parent) if record.parent else None,
            resource=self._resource,
            attributes=record.attributes,
            events=events,
            links=[Link(_context(trace, span)) for trace, span in record.links],
            kind=SpanKind.INTERNAL,
            instrumentation_scope=self._scope,
            status=failed if record.is_failed else Status(StatusCode.UNSET),
            start_time=_ns(record.started_at),
            end_time=_ns(record.ended_at),
        )


def _context(trace: bytes, span: bytes) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        int.from_bytes(trace, "big"), int.from_bytes(span, "big"), is_remote=False, trace_flags=TraceFlags(1)
    )


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
