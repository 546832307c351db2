"""A web server on this machine whose answers a test sets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Server:
    """Answers as the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []  # verb, path, headers, body
        self.answers: dict[str, Callable[[int], tuple[int, dict[str, str], bytes]]] = {}  # path -> by number of call
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                number = sum(asked[1].partition("?")[0] == path for asked in outer.asked)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.command, self.path, headers, body))
                status, given, data = outer.answers[path](number)
                self.send_response(status)
                given.setdefault("Content-Length", str(len(data)))
                for name, value in given.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
                if int(given["Content-Length"]) != len(data):
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = answer  # noqa: N815

            def log_message(self, *args: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *about: None  # type: ignore[method-assign]  # who asked has left
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def say(self, path: str, status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"") -> str:
        """Always answer so; gives the address."""
        self.answers[path] = lambda number: (status, dict(headers or {}), body)
        return self.url + path

    def say_in_turn(self, path: str, *answers: tuple[int, dict[str, str], bytes]) -> str:
        """Answer the first call by the first, and so on; the last one stays."""
        self.answers[path] = lambda number: (lambda a: (a[0], dict(a[1]), a[2]))(answers[min(number, len(answers) - 1)])
        return self.url + path

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()
