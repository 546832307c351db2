"""Workers in containers of a Docker: starting, watching and removing them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import partita.executors
from partita.errors import ContainerError, MissingExtraError
from partita.executors.port import Capacity
from partita.executors.remote.port import GONE, OVERHEAD_BYTES, UP, AgentCommand, News, WorkerOrder

__all__ = ["EXECUTOR_LABEL", "SESSION_LABEL", "Containers", "DockerLauncher"]

_PACKAGE = Path(partita.executors.__file__).parents[1]
EXECUTOR_LABEL, SESSION_LABEL = "partita.executor", "partita.session"
_WAIT_S = 30.0
_TAIL_BYTES = 4000
_NOT_STARTED = (125, 126, 127)
#: Becomes the program that its arguments name, which the kernel kills when this process dies.
_DIE_WITH_US = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Containers:
    """What all containers of an executor have in common."""

    image: str
    project: Path  # is the working directory
    network: str = ""  # as `docker run --network` takes it; empty: Docker's own default
    user: str = ""  # as `docker run --user` takes it; empty: who runs the engine
    mounts: tuple[str, ...] = ()  # as `docker run --volume` takes them
    variables: tuple[str, ...] = ()  # names of variables that are passed on
    python: str = "python3"  # the interpreter in the image
    pull: str = "missing"  # "always", "missing" or "never"
    hidden: tuple[Path, ...] = ()  # folders in the project of which they see what is named below, and nothing else
    folders: tuple[Path, ...] = ()  # of the workspace, that workers write to
    read_only: tuple[Path, ...] = ()  # that they read

    def command(
        self, worker: WorkerOrder, capacity: Capacity, agent: AgentCommand, labels: Mapping[str, str]
    ) -> list[str]:
        """What starts the container of a worker; it ends when the container does."""
        words = ["docker", "run", "--rm", "--name", container_name(worker.session), "--pull", self.pull]
        for name, value in labels.items():
            words += ["--label", f"{name}={value}"]
        words += ["--workdir", os.fspath(self.project), "--user", self.user or f"{os.getuid()}:{os.getgid()}"]
        demand = worker.demand
        memory = demand.memory_bytes + OVERHEAD_BYTES if demand.memory_bytes else capacity.memory_bytes
        words += ["--cpus", f"{demand.cpu or capacity.cpu:g}", "--memory", str(memory), "--memory-swap", str(memory)]
        words += ["--network", self.network] if self.network else []
        words += ["--gpus", f"{demand.gpu:g}"] if demand.gpu else []
        for folder in self.hidden:
            words += ["--mount", f"type=tmpfs,destination={folder}"]
        for folder in dict.fromkeys((self.project, *self.folders)):
            words += ["--volume", f"{folder}:{folder}"]
        for folder in dict.fromkeys((_PACKAGE.parent, *self.read_only)):
            words += ["--volume", f"{folder}:{folder}:ro"]
        for mount in self.mounts:
            words += ["--volume", mount]
        for variable in (*agent.secrets, *agent.variables, *self.variables):
            words += ["--env", variable]  # its value is that of our own environment, and stands in no command
        words += [
            "--env",
            "HOME=/tmp",
            "--env",
            f"PYTHONPATH={_PACKAGE.parent}",
            "--entrypoint",
            self.python,
            self.image,
        ]
        words += ["-P", "-m", "partita.worker.agent", *agent.arguments, "--session", worker.session]
        return [*words, "--attempts", str(worker.attempts)]


def container_name(session: str) -> str:
    """The name of a session's container."""
    return f"partita-{session}"


class DockerLauncher:
    """Satisfies `partita.executors.remote.port.Launcher`: a container for each session."""

    def __init__(
        self, containers: Containers, capacity: Capacity, agent: AgentCommand, origin: str, variables: Mapping[str, str]
    ) -> None:
        """
        Args:
            capacity: of all containers together.
            origin: names the executor; containers of an earlier launcher of the same are found again.
            variables: those of this process, of which some are passed on.

        Raises:
            MissingExtraError: there is no program `docker` here.
        """
        if shutil.which("docker") is None:
            raise MissingExtraError(
                f"the executor of the image {containers.image} needs the program docker, which is not installed here"
            )
        self._containers, self._capacity, self._agent, self._origin = containers, capacity, agent, origin
        self._variables = {**variables, **agent.variables, **agent.secrets}
        self._news: deque[News] = deque()
        self._running: set[str] = set()
        self._stopped: set[str] = set()
        self._ran_out: set[str] = set()  # sessions of which Docker said that memory ran out
        self._lock = threading.Lock()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_closed = False
        self._events: subprocess.Popen[str] | None = None

    def start(self, worker: WorkerOrder) -> None:
        """Have a container started."""
        self._listen()
        labels = {EXECUTOR_LABEL: self._origin, SESSION_LABEL: worker.session, **worker.labels}
        command = self._containers.command(worker, self._capacity, self._agent, labels)
        output = tempfile.TemporaryFile()  # noqa: SIM115  a process that outlives this one writes to it
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=self._variables
        )
        with self._lock:
            self._running.add(worker.session)
        self._begin(self._await, worker.session, process, output)

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        """End a container."""
        with self._lock:
            if session not in self._running:
                return
            self._stopped.add(session)
        words = ["stop", "--time", str(max(1, round(grace_s)))] if grace_s > 0 else ["rm", "--force"]
        self._begin(self._end, session, words)

    def survey(self) -> list[str]:
        """Sessions whose containers an earlier launcher has left; those that have ended are removed.

        Raises:
            ContainerError: Docker does not answer, so that nobody knows.
        """
        words = ["ps", "--all", "--filter", f"label={EXECUTOR_LABEL}={self._origin}", "--format", "{{json .}}"]
        found = [json.loads(line) for line in _told(words).splitlines()]
        ended = [told["Names"] for told in found if told["State"] not in ("running", "created", "restarting")]
        if ended:
            _docker(["rm", "--force", *ended])
        sessions = [told["Names"].removeprefix("partita-") for told in found if told["Names"] not in ended]
        self._running.update(sessions)
        if sessions:
            self._listen()
        for session in sessions:
            self._begin(self._follow, session)
        return sessions

    def news(self) -> list[News]:
        """What has happened since."""
        with self._lock:
            found = list(self._news)
            self._news.clear()
            with suppress(BlockingIOError):
                os.eventfd_read(self._event)
        return found

    def filenos(self) -> list[int]:
        """Readable when there is news."""
        return [self._event]

    def close(self) -> None:
        """Stop watching; containers stay."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            os.close(self._event)
        if self._events is not None:
            self._events.kill()
            self._events.wait()

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="partita-docker", daemon=True).start()

    def _await(self, session: str, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        """Wait for `docker run` to end, as the container does."""
        self._say(News(session, UP))
        status = process.wait()
        with output:
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - _TAIL_BYTES))
            said = output.read().decode(errors="replace").strip()
        self._gone(session, status, said)

    def _follow(self, session: str) -> None:
        """Wait for a container that an earlier launcher has started."""
        said = _docker(["wait", container_name(session)], timeout_s=None).strip()
        self._gone(session, int(said) if said.isdecimal() else 1, "")

    def _end(self, session: str, words: Sequence[str]) -> None:
        # One that is not there yet is about to be, and must not stay.
        while session in self._running:
            _docker([*words, container_name(session)])
            if session in self._running:
                threading.Event().wait(0.5)

    def _gone(self, session: str, status: int, said: str) -> None:
        told = f": {said}" if said else ""
        if session in self._stopped:
            reason, detail = "ended", "its container was ended"
        elif session in self._ran_out:
            reason, detail = "memory", f"its container ran out of memory (exit status {status})"
        elif status in _NOT_STARTED:
            reason, detail = "refused", f"the worker could not start in {self._containers.image}{told}"
        elif status == 128 + signal.SIGKILL:
            reason, detail = "died", f"the worker died: its container was killed, and not by us{told}"
        else:
            reason = "died" if status else "ended"
            detail = f"the worker died: its container ended with exit status {status}{told}"
        self._say(News(session, GONE, reason, detail, status))

    def _listen(self) -> None:
        """Hear of containers that run out of memory, which their exit status does not tell."""
        if self._events is not None:
            return
        words = ["docker", "events", "--filter", "event=oom", "--filter", f"label={EXECUTOR_LABEL}={self._origin}"]
        form = f'{{{{index .Actor.Attributes "{SESSION_LABEL}"}}}}'
        command = [sys.executable, "-S", "-c", _DIE_WITH_US, *words, "--format", form]
        self._events = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=self._variables,
        )  # fmt: skip
        self._begin(self._hear, self._events)

    def _hear(self, events: subprocess.Popen[str]) -> None:
        assert events.stdout is not None
        with events.stdout:
            for line in events.stdout:
                self._ran_out.add(line.strip())

    def _say(self, news: News) -> None:
        with self._lock:
            if news.what == GONE:
                if news.session not in self._running:
                    return
                self._running.discard(news.session)
            if not self._is_closed:
                self._news.append(news)
                os.eventfd_write(self._event, 1)


def _told(words: Sequence[str]) -> str:
    """What Docker answers.

    Raises:
        ContainerError: it does not.
    """
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ContainerError(f"Docker does not answer: {error}") from error
    if done.returncode:
        raise ContainerError(f"Docker does not answer: {done.stderr.strip()}")
    return done.stdout


def _docker(words: Sequence[str], timeout_s: float | None = _WAIT_S) -> str:
    """What Docker answers; empty where it does not. A Docker that does not answer is told of by the first worker."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout_s, check=False)
        return done.stdout
    return ""
