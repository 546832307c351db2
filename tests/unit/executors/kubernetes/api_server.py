"""A server that answers as the API server does, and says what a real one says only when it is in trouble."""

from __future__ import annotations

import json
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Server"]


class Server(ThreadingHTTPServer):
    """Answers each call with the next of `answers`, and when there is none with success."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: deque[tuple[int, dict[str, Any], dict[str, str]] | None] = deque()
        self.calls: list[tuple[str, str, dict[str, list[str]], Any]] = []
        self.times: list[float] = []
        self.tokens: list[str] = []

    def refuse(self, status: int, message: str, **headers: str) -> None:
        self.answers.append((status, {"kind": "Status", "message": message, "code": status}, headers))

    def made(self, method: str) -> list[tuple[str, dict[str, list[str]], Any]]:
        return [(path, query, body) for verb, path, query, body in self.calls if verb == method]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.server.calls.append((self.command, parts.path, parse_qs(parts.query), body))
        self.server.times.append(time.monotonic())
        self.server.tokens.append(str(self.headers.get("Authorization")))
        answer = self.server.answers.popleft() if self.server.answers else (200, {"metadata": {}, "items": []}, {})
        if answer is None:  # the connection is lost after the call has been carried out
            self.close_connection = True
            return
        status, document, headers = answer
        packed = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(packed)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(packed)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *words: Any) -> None:
        pass
