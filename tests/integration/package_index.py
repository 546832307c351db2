"""A package index on this machine with one package, which answers when and how a test says."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["PackageIndex"]

NAME = "partita_test_package"
WHEEL = f"{NAME}-1.0-py3-none-any.whl"


class PackageIndex:
    """Serves `partita-test-package` 1.0, and says of everything else that it is not there.

    `UV_INDEX` leads uv here first; what is not here it takes from where it takes everything.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()  # the package was asked for
        self.may_answer = threading.Event()  # until then who asks for the package waits
        self.may_answer.set()
        self.refusals = 0  # how many further requests are answered with 503
        self.downloads = 0
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def do_HEAD(self) -> None:
                index.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def variables(self) -> dict[str, str]:
        """What leads uv here."""
        return {"UV_INDEX": f"http://127.0.0.1:{self._server.server_port}/simple", "UV_HTTP_RETRIES": "0"}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if NAME.replace("_", "-") not in request.path and NAME not in request.path:
            _send(request, 404, b"not here", "text/plain")
            return
        self.asked.set()
        self.may_answer.wait(60)
        if self.refusals:
            self.refusals -= 1
            _send(request, 503, b"down", "text/plain")
        elif request.path.endswith(".whl"):
            self.downloads += request.command == "GET"
            _send(request, 200, wheel(), "application/octet-stream")
        else:
            digest = hashlib.sha256(wheel()).hexdigest()
            page = f'<!DOCTYPE html><a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'
            _send(request, 200, page.encode(), "text/html")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    try:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)
    except OSError:
        pass  # who asked was killed


def wheel() -> bytes:
    """The package."""
    folder = f"{NAME}-1.0.dist-info"
    files = {
        f"{NAME}.py": b"ANSWER = 42\n",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n".encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},{_hash(data)},{len(data)}" for name, data in files.items()] + [f"{folder}/RECORD,,"]
    files[f"{folder}/RECORD"] = "\n".join([*rows, ""]).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return target.getvalue()


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
