"""Server-sent events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from partita.api.asking import Asking
from partita.api.guard import session_cookie
from partita.errors import BusyError, PartitaError
from partita.views.plain import to_json

__all__ = ["Event", "stream"]

#: Kind and data of an event (bytes: it is JSON already); None: a sign that the stream is alive.
Event = tuple[str, Any] | None


def stream(asked: Asking, events: AsyncIterator[Event]) -> Response:
    """A stream of events, until they end, the client goes, or whoever asked may not any more.

    Raises:
        BusyError: too many streams are open, of all or of whoever asks.
    """
    server, who = asked.server, asked.identity.credential
    if server.streams >= server.settings.streams_at_most:
        raise BusyError(f"{server.streams} streams are open, which is as many as this server has", 5.0)
    if server.streams_of[who] >= server.settings.streams_of_one:
        raise BusyError(
            f"{server.streams_of[who]} streams of yours are open, which is as many as anybody may have", 5.0
        )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(asked, who, events), media_type="text/event-stream", headers=headers)


async def _may_still(asked: Asking) -> bool:
    """Whether the token or session with which a stream was asked for counts still."""
    server = asked.server
    try:
        identity, _ = await server.identifying.of(asked.request.headers, session_cookie(server.settings), asked.address)
    except PartitaError:
        return False
    return identity is not None and identity.credential == asked.identity.credential


async def _lines(asked: Asking, who: str, events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    server = asked.server
    server.streams += 1
    server.streams_of[who] += 1
    looked_at_s = time.monotonic()
    try:
        yield b"retry: 1000\n\n"
        async for event in events:
            if time.monotonic() - looked_at_s >= server.settings.heartbeat_s:
                if not await _may_still(asked):
                    return
                looked_at_s = time.monotonic()
            if event is None:
                yield b": alive\n\n"
            else:
                kind, data = event
                body = data if isinstance(data, bytes) else to_json(data)
                yield b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"
        yield b"event: end\ndata: {}\n\n"
    finally:
        server.streams -= 1
        server.streams_of[who] -= 1
        if not server.streams_of[who]:
            del server.streams_of[who]
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
