"""Server-sent events, followed over breaks of the connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from urllib3.exceptions import HTTPError

from partita.client.transport import Transport
from partita.errors import BusyError, EngineError

__all__ = ["follow"]

#: Seconds without even a sign of life after which a stream is opened anew.
_SILENCE_S = 60.0
_FIRST_S, _LONGEST_S = 0.5, 15.0
_LINE_BYTES = 1 << 26


def follow(
    transport: Transport, path: str, query: Callable[[], Mapping[str, Any]] = dict, patience_s: float = 300.0
) -> Iterator[tuple[str, Any]]:
    """Kind and data of each event, until the server says that there are no more; "again" after each break that is over.

    Args:
        query: parameters, asked for anew each time that the stream is opened, so that it goes on where it was.
        patience_s: seconds for which a server is looked for that has gone.

    Raises:
        EngineError: it has gone for longer.
    """
    pause_s, lost_at = _FIRST_S, time.monotonic()
    is_first = True
    while True:
        try:
            for kind, data in _once(transport, path, query()):
                if kind == "open":
                    if not is_first:
                        yield "again", None
                    is_first = False
                    continue
                pause_s, lost_at = _FIRST_S, time.monotonic()
                if kind == "end":
                    return
                yield kind, data
            fault = "the stream broke off"
        except (EngineError, BusyError) as error:
            fault = str(error)
        if time.monotonic() - lost_at > patience_s:
            raise EngineError(f"{transport.url} has gone and does not come back: {fault}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_S)


def _once(transport: Transport, path: str, query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    answer = transport.send("GET", path, query, headers={"accept": "text/event-stream"}, timeout_s=_SILENCE_S)
    try:
        yield "open", None
        yield from _events(_lines(answer))
    except HTTPError as error:
        raise EngineError(f"{transport.url} broke off: {error}") from None
    finally:
        answer.close()  # what is left of it is of no use to a next request
        answer.release_conn()


def _lines(answer: Any) -> Iterator[bytes]:
    held = b""
    while part := answer.read1(1 << 16, decode_content=True):
        held += part
        *lines, held = held.split(b"\n")
        yield from lines
        if len(held) > _LINE_BYTES:
            raise EngineError("the server sent an event that is too large")


def _events(lines: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    kind, data = "message", bytearray()
    for line in lines:
        line = line.rstrip(b"\r")
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield kind, json.loads(bytes(data))
            kind, data = "message", bytearray()
        elif name == b"event":
            kind = value.decode("utf-8", "replace")
        elif name == b"data":
            data += (b"\n" if data else b"") + value
