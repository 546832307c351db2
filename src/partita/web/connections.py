"""Connections of the server: whoever does not say what they want within a time, or says too much of it, is dropped.

Uvicorn waits for a request's head for ever, and keeps all that comes of it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from partita.views.plain import to_json

__all__ = ["HEAD_BYTES", "HEAD_S", "Connection"]

#: Seconds within which the head of a request has to come, however it is cut into pieces.
HEAD_S = 10.0
#: Bytes of the head of a request: its address and all its headers.
HEAD_BYTES = 64 << 10


class Connection(HttpToolsProtocol):
    """One connection."""

    _waiting: asyncio.TimerHandle | None = None  # for the head of a request
    _head_bytes = 0  # that have come of it

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()  # the next request of a connection that is kept
        if self._waiting is None:
            super().data_received(data)
            return
        self._head_bytes += len(data)
        super().data_received(data)
        # A body may have come along; of the head alone it is known only while it is not whole.
        if self._waiting is not None and self._head_bytes > HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large", f"the head of a request may have {HEAD_BYTES:,} bytes")

    def on_headers_complete(self) -> None:
        self._have()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._head_bytes = 0
        self._waiting = self.loop.call_later(
            HEAD_S, self._refuse, 408, "Request Timeout", f"the head of a request has to come within {HEAD_S:g} s"
        )

    def _have(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "Bad Request", "this is no HTTP request")

    def _refuse(self, status: int, title: str, detail: str) -> None:
        self._have()
        if not self.transport.is_closing():
            body = to_json({"type": "about:blank", "title": title, "status": status, "detail": detail})
            head = (
                f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()
