"""The environments of one executor: which are ready, and the processes that make others."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from partita.core.environment import Declaration
from partita.executors.environments import build
from partita.executors.environments.shelf import Shelf
from partita.executors.environments.uv import WORKER_NEEDS
from partita.executors.port import PREPARED, PREPARING, Message
from partita.executors.worker_process import WORKER_MARK, Interpreter

__all__ = ["Builders"]

_BUILD_FILE = os.path.abspath(build.__file__)
_TAIL_BYTES = 4096


@dataclass(slots=True)
class _Build:
    environment: str
    key: str
    process: subprocess.Popen[bytes]
    pidfd: int
    answer: IO[bytes]
    told: str = ""


class Builders:
    """Makes environments beside the executor, each in a process of its own, and keeps those in use from being removed.

    Args:
        shelf: where they lie.
        timeout_s: seconds that making one may take.
        variables: of the processes.
        mark: by which they are found when the executor has died.
        epoll: watches the processes; who waits on it hands what became readable to `ended`.
    """

    def __init__(
        self,
        shelf: Shelf,
        timeout_s: float,
        variables: dict[str, str] | None,
        mark: str,
        epoll: select.epoll,
    ) -> None:
        self.shelf = shelf
        self._extra_needs = shelf.needs[len(WORKER_NEEDS) :]
        self._timeout_s = timeout_s
        self._variables = variables
        self._mark = mark
        self._epoll = epoll
        self._keys: dict[str, str] = {}  # by declaration
        self._used: dict[str, int] = {}  # open lock by declaration
        self._builds: dict[int, _Build] = {}  # by pidfd

    def __bool__(self) -> bool:
        return bool(self._builds)

    def is_ready(self, environment: str) -> bool:
        """Whether workers can be started in it; from then on nobody removes it while this process lives."""
        key = self._key(environment)
        if environment in self._used:
            if self.shelf.is_ready(key):
                return True
            os.close(self._used.pop(environment))  # somebody deleted its folder
        lock = self.shelf.use(key)
        if lock is None:
            return False
        self._used[environment] = lock
        return True

    def begin(self, environment: str, bundle: str, folder: str) -> None:
        """Make the environment, unless that is under way."""
        if any(item.environment == environment for item in self._builds.values()):
            return
        key = self._key(environment)
        answer = os.fdopen(os.memfd_create("environment"), "w+b")
        declared = os.memfd_create("declaration")
        os.write(declared, environment.encode())
        os.lseek(declared, 0, os.SEEK_SET)
        variables = dict(os.environ) if self._variables is None else dict(self._variables)
        process = subprocess.Popen(
            [
                sys.executable, "-P", _BUILD_FILE, os.fspath(self.shelf.folder), key, str(self._timeout_s), bundle,
                folder, str(os.getpid()), *self._extra_needs,
            ],
            stdin=declared,
            stdout=answer,
            stderr=answer,
            start_new_session=True,
            env=variables | {WORKER_MARK: f"{self._mark}.build."},
        )  # fmt: skip
        os.close(declared)
        pidfd = os.pidfd_open(process.pid)
        self._builds[pidfd] = _Build(environment, key, process, pidfd, answer)
        self._epoll.register(pidfd, select.EPOLLIN)

    def ended(self, pidfd: int) -> list[Message]:
        """A file descriptor became readable: PREPARED of the build behind it, nothing where it is none of ours."""
        found = self._builds.pop(pidfd, None)
        if found is None:
            return []
        self._epoll.unregister(pidfd)
        os.close(pidfd)
        status = found.process.wait()
        answer = _answer(found.answer, status)
        is_ready = bool(answer.get("ok")) and self.is_ready(found.environment)
        error = "" if is_ready else str(answer.get("error") or "it was made, and is not there any more")
        log = os.fspath(self.shelf.place(found.key) / "build.log")
        return [[PREPARED, found.environment, error, bool(answer.get("transient")), log]]

    def news(self) -> list[Message]:
        """PREPARING of builds of which there is something new to tell."""
        found: list[Message] = []
        for item in self._builds.values():
            line = _last_line(self.shelf.place(item.key) / "build.log")
            if line and line != item.told:
                item.told = line
                found.append([PREPARING, item.environment, line])
        return found

    def interpreter(self, environment: str) -> Interpreter:
        """How workers are started in an environment that is ready."""
        key = self._key(environment)
        venv = self.shelf.place(key) / "venv"
        home = self.shelf.home_of_partita()
        return Interpreter(os.fspath(venv / "bin" / "python"), os.fspath(home / "partita"), os.fspath(venv))

    def _key(self, environment: str) -> str:
        found = self._keys.get(environment)
        if found is None:
            found = self._keys[environment] = self.shelf.key(Declaration.from_text(environment))
        return found

    def close(self) -> None:
        """End what is under way."""
        for item in self._builds.values():
            item.process.kill()
            item.process.wait()
            os.close(item.pidfd)
            item.answer.close()
        self._builds.clear()
        for lock in self._used.values():
            os.close(lock)
        self._used.clear()


def _answer(file: IO[bytes], status: int) -> dict[str, Any]:
    with file:
        file.seek(0)
        text = file.read().decode(errors="replace").strip()
    try:
        answer = json.loads(text.rpartition("\n")[2])
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    told = f": {text[-_TAIL_BYTES:]}" if text else ""
    return {"ok": False, "error": f"the process that made it ended too early ({ending}){told}", "transient": True}


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
