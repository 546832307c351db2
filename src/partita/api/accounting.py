"""Around everything else: each request is counted, and noted on a line of the server's log.

A line tells the pattern of the path, and neither the path nor what stands behind its question mark: tokens, codes of a sign-in
and names of artifacts would be there. With an id, which the answer carries too, a line is found again.
"""

from __future__ import annotations

import logging
import re
import time
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partita.api.metering import Meter

__all__ = ["Accounting", "route_of"]

_log = logging.getLogger("partita.server.requests")
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_RUN = re.compile("[0-9a-z]{1,40}")
#: Asked every few seconds by machines, and no news.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static"})


class Accounting:
    """The outermost part of the server."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, is_noted = time.perf_counter(), 0, False
        given = Headers(scope=scope).get("x-request-id", "")
        id = given if _ID.fullmatch(given) else token_hex(8)

        def note() -> None:
            nonlocal is_noted
            if not is_noted:
                is_noted = True
                self._note(scope, id, status or 500, time.perf_counter() - began)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = id
                if headers.get("content-type", "").startswith("text/event-stream"):
                    note()  # it goes on for as long as somebody looks
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            note()

    def _note(self, scope: Scope, id: str, status: int, took_s: float) -> None:
        route, method = route_of(scope), scope["method"][:20]
        self._meter.count(route, method, status, took_s)
        level = logging.ERROR if status >= 500 else logging.DEBUG if route in _QUIET and status < 400 else logging.INFO
        if not _log.isEnabledFor(level):
            return
        identity, client = scope.get("partita.identity"), scope.get("client")
        told: dict[str, Any] = {
            "method": method, "route": route, "status": status, "ms": round(1000 * took_s, 1),
            "who": identity.name if identity is not None else "", "address": client[0] if client else "", "request": id,
        }  # fmt: skip
        run = scope.get("path_params", {}).get("run", "")
        if isinstance(run, str) and _RUN.fullmatch(run):
            told["run"] = run
        words = (
            told["method"],
            told["route"] or "no route",
            told["status"],
            told["ms"],
            told["who"] or "nobody",
            told["address"],
        )
        _log.log(level, "%s %s %s in %s ms, %s from %s", *map(_printable, words), extra=told)


def route_of(scope: Scope) -> str:
    """The pattern of a request's path; empty: there is no route for it."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    return "/static" if scope["path"].startswith("/static/") and "endpoint" in scope else ""


def _printable(word: object) -> str:
    """No name may begin a line of its own."""
    text = str(word)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
