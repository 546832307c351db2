"""The way to a workspace's engine: its socket, and starting it when nobody answers there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgpack

from partita import errors
from partita.errors import EngineError, PartitaError

__all__ = ["HEADER", "Connection", "error_of", "socket_path"]

#: What stands before each message: its length.
HEADER = struct.Struct("<I")
START_TIMEOUT_S = 20.0
#: A Unix socket's path holds at most so many bytes; a longer one lies in the system's folder for temporary files.
_PATH_LIMIT_BYTES = 100


def socket_path(state: Path) -> Path:
    """Where the engine of the workspace folder listens."""
    path = state / "engine.sock"
    if len(os.fsencode(path)) <= _PATH_LIMIT_BYTES:
        return path
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"partita-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise EngineError(
            f"{folder} belongs to somebody else; remove it or set XDG_RUNTIME_DIR to a folder of your own"
        )
    return folder / f"{hashlib.blake2b(os.fsencode(state), digest_size=10).hexdigest()}.sock"


class Connection:
    """One client's connection. Reconnects, and starts an engine, as needed. May be used from several threads."""

    def __init__(self, project: Path, state: Path, database: str = "") -> None:
        self._project = project
        self._state = state
        self._database = database  # URL of the database that has the runs; empty: they lie in the folder
        self._socket: socket.socket | None = None
        self._number = 0
        self._lock = threading.Lock()

    def ask(self, verb: str, *, start: bool = True, **fields: Any) -> Any:
        """Ask the engine; raises what it refused with.

        Args:
            start: start an engine where none is up.

        Raises:
            EngineError: there is none, or it ended while it was asked.
        """
        with self._lock:
            for attempt in range(3):
                if self._socket is None:
                    self._socket = self._connect() or (self._start() if start else None)
                if self._socket is None:
                    raise EngineError("no engine is up in this workspace")
                try:
                    return self._exchange(verb, fields)
                except (ConnectionError, EOFError) as error:
                    self._disconnect()
                    if attempt == 2 or not start:
                        raise EngineError(f"the engine ended while it was asked for {verb!r}: {error}") from None
        raise EngineError(f"the engine cannot be reached; see {self._state / 'engine.log'}")

    def _exchange(self, verb: str, fields: dict[str, Any]) -> Any:
        asked = self._send(verb, fields)
        try:
            while True:
                size = HEADER.unpack(self._receive(HEADER.size))[0]
                number, is_ok, answer = msgpack.unpackb(self._receive(size), raw=False, strict_map_key=False)
                if number == asked:
                    break
        except BaseException:
            # An answer may still come (after Ctrl-C, say) and must not be taken for the next one's.
            self._disconnect()
            raise
        if is_ok:
            return answer
        raise error_of(answer)

    def _send(self, verb: str, fields: dict[str, Any]) -> int:
        """Ask; gives the number that the answer will have."""
        assert self._socket is not None
        self._number += 1
        body = msgpack.packb([self._number, verb, fields], use_bin_type=True)
        self._socket.sendall(HEADER.pack(len(body)) + body)
        return self._number

    def _receive(self, size: int) -> bytes:
        assert self._socket is not None
        parts = bytearray()
        while len(parts) < size:
            data = self._socket.recv(min(size - len(parts), 1 << 18))
            if not data:
                raise EOFError("the connection was closed")
            parts += data
        return bytes(parts)

    def _connect(self) -> socket.socket | None:
        path = socket_path(self._state)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            made.connect(os.fspath(path))
        except OSError:
            made.close()
            return None
        return made

    def _start(self) -> socket.socket:
        """Start an engine that outlives this process, and wait until it answers."""
        self._state.mkdir(parents=True, exist_ok=True)
        log = self._state / "engine.log"
        position = log.stat().st_size if log.exists() else 0
        process = self._start_process(log)
        until = time.monotonic() + START_TIMEOUT_S
        pause_s = 0.005
        while time.monotonic() < until:
            found = self._connect()
            if found is not None:
                return found
            status = process.poll()
            if status not in (None, 0):
                raise EngineError(_last_words(log, position) or f"the engine ended at once with status {status}")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.2, 0.05)
            if status == 0:  # another engine has the workspace: one that starts, or one that ends and answers no more
                process = self._start_process(log)
        raise EngineError(f"the engine did not answer within {START_TIMEOUT_S:g} s; see {log}")

    def _start_process(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "partita.workspace", os.fspath(self._project)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/",
                env={**_surroundings(), "PARTITA_STORE": self._database or os.fspath(self._state)},
            )  # fmt: skip
        # It outlives this process as a rule; where it does not, somebody has to take note of its end.
        threading.Thread(target=process.wait, name="partita-engine-end", daemon=True).start()
        return process

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def close(self) -> None:
        self._disconnect()


def _surroundings() -> dict[str, str]:
    """The environment of an engine: it outlives what this process is doing, and is no part of a trace of that."""
    kept = {name: value for name, value in os.environ.items() if name not in ("TRACEPARENT", "TRACESTATE")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _last_words(log: Path, position: int) -> str:
    """What the engine said before it ended: its last line, which names the trouble."""
    with log.open("rb") as stream:
        stream.seek(position)
        lines = stream.read(65536).decode("utf-8", "replace").strip().splitlines()
    return _message(lines[-1]) if lines else ""


def _message(line: str) -> str:
    """What a line of the engine's log says, where it is an object."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(line)["message"])
    return line


def error_of(answer: dict[str, Any]) -> PartitaError:
    """The error of an answer that refuses."""
    kind = getattr(errors, str(answer.get("type")), EngineError)
    if kind is errors.CheckError:
        return errors.CheckError([errors.Problem(**problem) for problem in answer.get("problems") or ()])
    if not (isinstance(kind, type) and issubclass(kind, PartitaError)):
        kind = EngineError
    return kind(str(answer.get("message", "")))
