"""A real server of a project, for tests: a process of its own, with an engine of its own, and the token that it printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from partita.workspace import open_workspace

__all__ = ["Served", "serving"]

_TOKEN = re.compile(r"partita_[0-9a-z]{12}_[0-9A-Za-z_-]{43}")
_START_S = 60.0


@dataclass
class Served:
    """A server that answers."""

    folder: Path
    process: subprocess.Popen[str]
    url: str = ""
    token: str = ""  # an administrator's
    lines: list[str] = field(default_factory=list)  # what it said

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> urllib3.BaseHTTPResponse:
        """Ask the API, as the administrator where no token is named; an empty one: as nobody."""
        secret = self.token if token is None else token
        headers = {"accept": "application/json", **more.pop("headers", {})}
        if secret:
            headers["authorization"] = f"Bearer {secret}"
        if (data := more.pop("data", None)) is not None:
            more["body"] = data
        if body is not None:
            headers["content-type"] = "application/json"
            more["body"] = json.dumps(body).encode()
        return urllib3.request(
            method, self.url + path, headers=headers, redirect=False, retries=False, timeout=60.0, **more
        )

    def form(self, path: str, token: str | None = None, **fields: str) -> urllib3.BaseHTTPResponse:
        """Send what a page's form would."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
        return self.ask("POST", path, token=token, headers=headers, data=urlencode(fields).encode())

    def session(self, token: str = "") -> str:
        """What the cookie of a browser holds that has just signed in with a token; default: the administrator's."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        form = urlencode({"token": token or self.token}).encode()
        answer = self.ask("POST", "/sign-in", token="", headers=headers, data=form)
        assert answer.status == 303, answer.data[:2000]
        return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]

    def get(self, path: str, **more: Any) -> Any:
        """What a route gives."""
        answer = self.ask("GET", path, **more)
        assert answer.status < 300, f"GET {path}: {answer.status} {answer.data[:2000]!r}"
        return answer.json()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.ask("POST", path, body if body is not None else {}, **more)
        assert answer.status < 300, f"POST {path}: {answer.status} {answer.data[:2000]!r}"
        return answer.json() if answer.data else None

    def launch(self, flow: str, **inputs: Any) -> str:
        """Start a run; gives its id."""
        id: str = self.post("/api/v1/runs", {"flow": flow, "inputs": inputs})["id"]
        return id

    def wait(self, run: str, timeout_s: float = 60.0) -> Any:
        """The run, once it has ended."""
        workspace = open_workspace(self.folder)
        try:
            assert workspace.wait(run, timeout_s)["is_final"], f"run {run} has not ended within {timeout_s:g} s"
        finally:
            workspace.close()
        return self.get(f"/api/v1/runs/{run}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        workspace = open_workspace(self.folder)
        workspace.stop_engine()
        workspace.close()


def serving(folder: Path, *options: str, environment: dict[str, str] | None = None, command: str = "server") -> Served:
    """Start a server of the project in the folder, and wait until it answers. Whoever starts it stops it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "partita.cli", command, "--port", "0", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )  # fmt: skip
    served = Served(folder, process)
    is_up = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            served.lines.append(line.rstrip())
            if found := _TOKEN.search(line):
                served.token = served.token or found[0]
            if found := re.search(r"https?://\S+", line):
                served.url = served.url or found[0]
            if "Ctrl-C ends" in line:
                is_up.set()
        is_up.set()

    threading.Thread(target=listen, daemon=True).start()
    assert is_up.wait(_START_S) and process.poll() is None, "the server did not start:\n" + "\n".join(served.lines)
    return served
