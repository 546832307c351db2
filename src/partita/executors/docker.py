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
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import partita.executors
from partita.errors import ContainerError, MissingExtraError
from partita.executors.inbox import Inbox
from partita.executors.port import Capacity
from partita.executors.remote.asking import Question
from partita.executors.remote.port import GONE, OVERHEAD_BYTES, UP, AgentCommand, News, WorkerOrder

__all__ = ["EXECUTOR_LABEL", "SESSION_LABEL", "Containers", "DockerLauncher"]

_PACKAGE = Path(partita.executors.__file__).parents[1]
EXECUTOR_LABEL, SESSION_LABEL = "partita.executor", "partita.session"
_WAIT_S = 30.0
_TAIL_BYTES = 4000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_NOT_STARTED = (125, 126, 127)
#: How `docker run` ends when it fails itself, whatever the container does: at first, and once that has been started.
_FAILED, _FAILED_LATER = 125, 1
#: What it says when Docker goes away from it, of which the exit status is that of a container that cannot be started.
_CUT_OFF = "error waiting for container"
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
    """Satisfies `partita.executors.remote.port.Launcher`: a container for each session.

    A thread waits for the end of each. The program that it waits with also ends when Docker goes away, and a Docker that is
    restarted may have left the container as it was; so Docker is asked before that counts as the container's end.
    """

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
        self._inbox: Inbox[News] = Inbox()
        self._left = Question(self._ask_what_was_left, self._inbox.bell)
        self._ours: set[str] = set()  # sessions that were started here
        self._running: set[str] = set()
        self._stopped: set[str] = set()
        self._ran_out: set[str] = set()  # sessions of which Docker said that memory ran out
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._is_listening = False
        self._events: subprocess.Popen[str] | None = None

    def start(self, worker: WorkerOrder) -> None:
        """Have a container started."""
        self._listen()
        labels = {EXECUTOR_LABEL: self._origin, SESSION_LABEL: worker.session, **worker.labels}
        command = self._containers.command(worker, self._capacity, self._agent, labels)
        output = tempfile.TemporaryFile()  # noqa: SIM115  a process that outlives this one writes to it
        self._ours.add(worker.session)
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

    def survey(self) -> list[str] | None:
        """Sessions whose containers an earlier launcher has left.

        Raises:
            ContainerError: Docker does not answer, so that nobody knows.
        """
        found = self._left.answer()
        if found is None:
            return None
        sessions = [session for session in found if session not in self._ours]
        with self._lock:
            self._running.update(sessions)
        if sessions:
            self._listen()
        for session in sessions:
            self._begin(self._follow, session)
        return sessions

    def news(self) -> list[News]:
        """What has happened since."""
        return self._inbox.take()

    def filenos(self) -> list[int]:
        """Readable when there is news."""
        return [self._inbox.bell.fileno()]

    def close(self) -> None:
        """Stop watching; containers stay."""
        with self._lock:
            self._closing.set()
            events = self._events
        self._inbox.close()
        if events is not None:
            events.kill()
            events.wait()

    def _listen(self) -> None:
        """Hear of containers that run out of memory, which their exit status does not tell."""
        if not self._is_listening:
            self._is_listening = True
            self._begin(self._hear)

    # In threads

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="partita-docker", daemon=True).start()

    def _ask_what_was_left(self) -> list[str]:
        """Sessions whose containers are there; those that have ended are removed."""
        found = _listed(f"{EXECUTOR_LABEL}={self._origin}")
        ended = [name for name, state in found.items() if state not in ("running", "created", "restarting")]
        if ended:
            with suppress(ContainerError):  # it has removed them itself
                _docker(["rm", "--force", *ended])
        return [name.removeprefix("partita-") for name in found if name not in ended]

    def _await(self, session: str, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        """Wait for `docker run` to end."""
        self._say(News(session, UP))
        status = process.wait()
        with output:
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - _TAIL_BYTES))
            said = output.read().decode(errors="replace").strip()
        if status < 0 or (status == _FAILED and (_CUT_OFF in said or _is_there(session))):
            self._follow(session, said)
        elif status == _FAILED_LATER:
            self._follow(session, said, status)
        else:
            self._gone(session, status, said)

    def _follow(self, session: str, said: str = "", status: int | None = None) -> None:
        """Wait for the end of a container, however long Docker does not answer.

        Args:
            said: what there is of what it has printed.
            status: what its exit status was if it is not there any more; None: nobody knows.
        """
        name, pause_s = container_name(session), _FIRST_PAUSE_S
        while not self._closing.is_set():
            asked_at = time.monotonic()
            with suppress(ContainerError, ValueError):  # the second where `wait` was cut off before it said a number
                state = _listed(f"{SESSION_LABEL}={session}").get(name)
                if state is None:
                    self._gone(session, status, said)
                    return
                if state != "created":  # else who began it is about to start it
                    status = int(_docker(["wait", name], timeout_s=None))
                    if state != "running":
                        _docker(["rm", "--force", name])
                    self._gone(session, status, said)
                    return
            if time.monotonic() - asked_at > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _end(self, session: str, words: Sequence[str]) -> None:
        # One that is not there yet is about to be, and must not stay.
        while session in self._running:
            with suppress(ContainerError):
                _docker([*words, container_name(session)])
            if session in self._running:
                threading.Event().wait(0.5)

    def _gone(self, session: str, status: int | None, said: str) -> None:
        told = f": {said}" if said else ""
        if session in self._stopped:
            reason, detail = "ended", "its container was ended"
        elif session in self._ran_out:
            how = f" (exit status {status})" if status is not None else ""
            reason, detail = "memory", f"its container ran out of memory{how}"
        elif status is None:
            reason = "died"
            detail = f"the worker died: its container is not there any more, and nobody knows how it ended{told}"
        elif status in _NOT_STARTED:
            reason, detail = "refused", f"the worker could not start in {self._containers.image}{told}"
        elif status == 128 + signal.SIGKILL:
            reason, detail = "died", f"the worker died: its container was killed, and not by us{told}"
        else:
            reason = "died" if status else "ended"
            detail = f"the worker died: its container ended with exit status {status}{told}"
        self._say(News(session, GONE, reason, detail, status))

    def _hear(self) -> None:
        """Hear events, again when Docker has gone away meanwhile."""
        words = ["docker", "events", "--filter", "event=oom", "--filter", f"label={EXECUTOR_LABEL}={self._origin}"]
        form = f'{{{{index .Actor.Attributes "{SESSION_LABEL}"}}}}'
        command = [sys.executable, "-S", "-c", _DIE_WITH_US, *words, "--format", form]
        while True:
            with self._lock:
                if self._closing.is_set():
                    return
                self._events = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                    env=self._variables,
                )  # fmt: skip
            with self._events as events:
                assert events.stdout is not None
                for line in events.stdout:
                    self._ran_out.add(line.strip())
            self._closing.wait(_LONGEST_PAUSE_S / 2)

    def _say(self, news: News) -> None:
        with self._lock:
            if news.what == GONE:
                if news.session not in self._running:
                    return
                self._running.discard(news.session)
        self._inbox.put([news])


def _listed(label: str) -> dict[str, str]:
    """The states of the containers of a label, by their names.

    Raises:
        ContainerError: Docker does not answer, or not in a way that is known.
    """
    told = _docker(["ps", "--all", "--filter", f"label={label}", "--format", "{{json .}}"])
    try:
        return {found["Names"]: found["State"] for found in map(json.loads, told.splitlines())}
    except (ValueError, LookupError, TypeError) as error:
        raise ContainerError(f"Docker lists containers in a way that is not known: {told[:200]}") from error


def _is_there(session: str) -> bool:
    """Whether Docker says now that it has the session's container."""
    with suppress(ContainerError):
        return bool(_listed(f"{SESSION_LABEL}={session}"))
    return False


def _docker(words: Sequence[str], timeout_s: float | None = _WAIT_S) -> str:
    """What Docker answers.

    Raises:
        ContainerError: it does not, or refuses.
    """
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ContainerError(f"Docker does not answer: {error}") from error
    if done.returncode:
        raise ContainerError(f"Docker does not answer: {done.stderr.strip()}")
    return done.stdout
