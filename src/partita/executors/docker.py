"""Workers in Docker containers: each is warm for many attempts, and talks as a local one does.

A container's worker connects to a socket that is mounted into it, and is handed what a local worker inherits: its ends of the
packet sockets and the page of status, which pass between processes of one kernel whatever containers they are in. So the
executor of local processes serves containers too; only starting, signalling and ending them differ.

The container sees the project's folder, the workspace's folder and Partita's own code under the paths that they have here.
It ends when the connection does: with its engine, however that dies. What is left of it is removed by the next engine.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import partita.executors
from partita.errors import MissingExtraError
from partita.executors.port import PREPARED, Capacity, Launchable
from partita.executors.process import ProcessExecutor
from partita.executors.worker_process import WORKER_MARK, Interpreter, WorkerProcess

__all__ = ["Containers", "DockerExecutor"]

_PACKAGE = Path(partita.executors.__file__).parents[1]
_LABEL = "partita.workspace"
_REMOVAL_S = 30.0


@dataclass(frozen=True, slots=True)
class Containers:
    """What all containers of an executor have in common."""

    image: str
    project: Path  # is the working directory
    state: Path
    network: str = ""  # as `docker run --network` takes it; empty: Docker's own default
    user: str = ""  # as `docker run --user` takes it; empty: who runs the engine
    mounts: tuple[str, ...] = ()  # as `docker run --volume` takes them
    variables: tuple[str, ...] = ()  # names of variables that are passed on
    python: str = "python3"  # the interpreter in the image
    pull: str = "missing"  # "always", "missing" or "never"

    def command(self, name: str, capacity: Capacity, greeting: Path, label: str, mark: str) -> list[str]:
        """What starts a container whose worker asks at the socket `greeting` for what it is to work on."""
        folders = {os.fspath(folder): ":ro" if folder == _PACKAGE.parent else "" for folder in
                   (self.project, self.state, greeting.parent, _PACKAGE.parent)}  # fmt: skip
        words = ["docker", "run", "--rm", "--name", name, "--label", f"{_LABEL}={label}", "--pull", self.pull]
        words += ["--workdir", os.fspath(self.project), "--user", self.user or f"{os.getuid()}:{os.getgid()}"]
        words += ["--cpus", f"{capacity.cpu:g}", "--memory", str(capacity.memory_bytes)]
        words += ["--network", self.network] if self.network else []
        words += ["--gpus", f"{capacity.gpu:g}"] if capacity.gpu else []
        for folder, suffix in folders.items():
            words += ["--volume", f"{folder}:{folder}{suffix}"]
        for mount in self.mounts:
            words += ["--volume", mount]
        for variable in ("PARTITA_DURABILITY", *self.variables):
            words += ["--env", variable]  # its value is that of our own environment, and stands in no command
        words += ["--env", f"{WORKER_MARK}={mark}", "--env", "HOME=/tmp", "--entrypoint", self.python, self.image]
        return [*words, "-P", os.fspath(_PACKAGE / "worker" / "__main__.py"), "--connect", os.fspath(greeting)]


class DockerExecutor(ProcessExecutor):
    """The executor of local processes, with workers in containers."""

    def __init__(self, containers: Containers, capacity: Capacity, *, origin: str = "", **others: Any) -> None:
        """
        Args:
            origin: names the workspace; containers of an earlier engine of the same are removed.
            others: as `ProcessExecutor` takes them.

        Raises:
            MissingExtraError: there is no program `docker` here.
        """
        if shutil.which("docker") is None:
            raise MissingExtraError(
                f"the executor of the image {containers.image} needs the program docker, which is not installed here"
            )
        self._containers = containers
        self._label = origin or uuid.uuid4().hex
        self._whole = capacity
        self._sockets = Path(tempfile.mkdtemp(prefix="partita-docker-"))
        os.chmod(self._sockets, 0o711)  # for containers of another user; the names in it cannot be listed, nor guessed
        if origin:
            _remove_containers(origin)
        super().__init__(capacity, origin=origin, **others)

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        """Containers have the packages of their image: a task with an environment of its own cannot run in them."""
        if not environment:
            return True
        told = (
            f"the executor has the packages of the image {self._containers.image}; put them into the image, or let the task "
            "run on another executor"
        )
        self._say([[PREPARED, environment, told, False, ""]])
        return False

    def close(self) -> None:
        """Kill what runs and release everything."""
        super().close()
        _remove_containers(self._label)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _make_worker(self, mark: str, variables: dict[str, str], interpreter: Interpreter | None) -> WorkerProcess:
        return _ContainerWorker(mark, variables, self._containers, self._whole, self._sockets, self._label)


class _ContainerWorker(WorkerProcess):
    """A worker in a container. Its process here is `docker run`, which ends when the container does."""

    def __init__(
        self,
        mark: str,
        variables: dict[str, str],
        containers: Containers,
        capacity: Capacity,
        sockets: Path,
        label: str,
    ) -> None:
        self._name = f"partita-{uuid.uuid4().hex[:16]}"
        self._greeting = sockets / f"{self._name[-16:]}.sock"
        self._command = containers.command(self._name, capacity, self._greeting, label, f"{mark}.")
        self._inner_pid = 0  # of the worker itself, as this machine numbers it; 0: not known yet
        super().__init__(mark, variables)

    @property
    def is_of_ours(self) -> bool:
        """Whether it is a process of the Python that the engine runs in."""
        return True  # one that cannot start is not started in advance again

    def _start(self, theirs_control: socket.socket, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        listener.bind(os.fspath(self._greeting))
        os.chmod(self._greeting, 0o666)
        listener.listen(1)
        files = [os.dup(file) for file in (self._theirs.fileno(), theirs_control.fileno(), self.status.file)]
        process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self.status.file, stderr=self.status.file,
            start_new_session=True, env=variables,
        )  # fmt: skip
        self._held: list[socket.socket] = []
        threading.Thread(target=self._greet, args=(listener, files), name="partita-greeting", daemon=True).start()
        weakref.finalize(self, _close_all, self._held)
        return process

    def _greet(self, listener: socket.socket, files: list[int]) -> None:
        """Hand the worker what it works with, once it asks; the connection stays, and its end is the worker's."""
        with listener, suppress(OSError):
            listener.settimeout(600)
            connection, _ = listener.accept()
            connection.settimeout(None)
            if self.fate is not None:
                connection.close()
                raise OSError("it was killed meanwhile")
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self._inner_pid = int.from_bytes(credentials[:4], "little")
            self.pid = self._inner_pid
            socket.send_fds(connection, [b"partita"], files)
            self._held.append(connection)
        for file in files:
            os.close(file)
        with suppress(OSError):
            self._greeting.unlink()

    def signal_stop(self) -> None:
        """Make the worker look at its control socket."""
        self._signal(signal.SIGUSR1)

    def kill(self, reason: str, detail: str, ticket: int = 0) -> None:
        """Kill the container with everything that it has started."""
        if self.fate is None:
            self.fate = (reason, detail, ticket)
        _close_all(self._held)
        if self._inner_pid:
            self._signal(signal.SIGKILL)
        else:
            self._process.kill()  # it is still starting; whom it starts finds nobody to ask, and ends

    def reap(self) -> int:
        """The exit status, after the container has ended."""
        _close_all(self._held)
        status = self._process.wait()
        _docker_later(["rm", "--force", self._name])
        return 128 - status if 128 < status < 128 + 65 else status

    def close(self) -> None:
        """Release the file descriptors of a reaped worker."""
        super().close()
        with suppress(OSError):
            self._greeting.unlink()

    def _signal(self, number: signal.Signals) -> None:
        if self._inner_pid:
            try:
                os.kill(self._inner_pid, number)  # at once, where we may
                return
            except ProcessLookupError:
                return
            except PermissionError:
                pass
        _docker_later(["kill", "--signal", number.name, self._name])


def _close_all(connections: list[socket.socket]) -> None:
    while connections:
        connections.pop().close()


def _docker_later(words: Sequence[str]) -> None:
    """Have Docker do something, without waiting for it."""

    def do() -> None:
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["docker", *words], capture_output=True, timeout=_REMOVAL_S, check=False)

    threading.Thread(target=do, name="partita-docker", daemon=True).start()


def _remove_containers(label: str) -> None:
    """Remove what an engine has left behind. A Docker that does not answer is told of by the first worker."""
    with suppress(OSError, subprocess.TimeoutExpired):
        listed = subprocess.run(
            ["docker", "ps", "--all", "--quiet", "--filter", f"label={_LABEL}={label}"],
            capture_output=True, text=True, timeout=_REMOVAL_S, check=False,
        )  # fmt: skip
        if names := listed.stdout.split():
            subprocess.run(["docker", "rm", "--force", *names], capture_output=True, timeout=_REMOVAL_S, check=False)
