"""One worker as the executor holds it: a process, two packet sockets, a pidfd and a page of status."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import partita.executors
from partita.executors.channel import Channel, channel_pair
from partita.executors.machine import cpu_seconds, descendants, marked_processes
from partita.executors.status import StatusPage
from partita.executors.stray_containers import remove_strays
from partita.protocol.packets import PACKET_BYTES
from partita.protocol.secrets import KEY_VARIABLE

__all__ = ["WORKER_MARK", "Interpreter", "Key", "WorkerProcess", "exit_in_words", "kill_marked"]

#: What a worker is bound to: (bundle, environment, threads, GPU devices).
Key = tuple[str, str, int, tuple[str, ...]]

#: The variable by which the processes that a worker started are found again, even after they left its group.
WORKER_MARK = "PARTITA_WORKER"

#: Variables that would lead another interpreter to the packages of this one.
_VARIABLES_OF_OURS = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")


class Interpreter(NamedTuple):
    """The Python that a worker is a process of."""

    executable: str
    package: str  # folder of Partita as that Python is to find it
    venv: str = ""  # folder of its virtual environment, where it is not that of the engine

    def variables(self, given: dict[str, str]) -> dict[str, str]:
        """The variables of its processes: programs that a task starts are looked for in its environment first."""
        if not self.venv:
            return given
        kept = {name: value for name, value in given.items() if name not in _VARIABLES_OF_OURS}
        path = os.pathsep.join([os.path.join(self.venv, "bin"), given.get("PATH", os.defpath)])
        return {**kept, "VIRTUAL_ENV": self.venv, "PATH": path}


_OWN = Interpreter(sys.executable, str(Path(partita.executors.__file__).parents[1]))


class WorkerProcess:
    """Started bare; bound to a key by the first profile that is sent to it."""

    def __init__(self, mark: str, variables: dict[str, str], interpreter: Interpreter | None = None) -> None:
        self._interpreter = interpreter or _OWN
        self.mark = f"{WORKER_MARK}={mark}."
        self.key: Key | None = None
        self.known: set[int] = set()  # numbers of the profiles that it was sent
        self.workspace = ""
        self.is_ready = False
        self.is_garbled = False  # it said something that is no message, so that it is not listened to any more
        self.fate: tuple[str, str, int] | None = None  # (reason, detail, ticket meant) once we have killed it
        self.peak_bytes = 0  # of the running attempt, as sampled from outside
        self.status = StatusPage.create()
        ours, self._theirs = channel_pair()
        ours_control, theirs_control = channel_pair()
        self._theirs.setblocking(True)
        self.orders, self.control = Channel(ours), Channel(ours_control)
        self._receive = ours.recv
        self._process = self._start(theirs_control, self._interpreter.variables(variables) | {WORKER_MARK: f"{mark}."})
        theirs_control.close()
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)

    def _start(self, theirs_control: socket.socket, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        file = os.path.join(self._interpreter.package, "worker", "__main__.py")
        files = (self._theirs.fileno(), theirs_control.fileno(), self.status.file)
        executable = self._interpreter.executable
        command = [executable, "-P", file]
        if not os.access(executable, os.X_OK):
            # It ends at once like any worker that cannot start, and says why; the engine goes on.
            command = [sys.executable, "-c", f"raise SystemExit('{executable} is not there any more')"]
        return subprocess.Popen(
            [*command, *map(str, files), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=self.status.file,
            stderr=self.status.file,
            pass_fds=files,
            start_new_session=True,
            env={name: value for name, value in variables.items() if name != KEY_VARIABLE},
        )

    @property
    def is_of_ours(self) -> bool:
        """Whether it is a process of the Python that the engine runs in."""
        return not self._interpreter.venv

    def receive(self) -> bytes | None:
        """The next packet of the worker, None when there is none now."""
        try:
            return self._receive(PACKET_BYTES)
        except BlockingIOError:
            return None

    def take_unread(self) -> list[bytes]:
        """The packets that the worker has not begun to read; it will not see them."""
        packets = []
        with suppress(BlockingIOError):
            while True:
                packets.append(self._theirs.recv(PACKET_BYTES, socket.MSG_DONTWAIT))
        packets.extend(self.orders.outbox)
        self.orders.outbox.clear()
        return packets

    def signal_stop(self) -> None:
        """Make the worker look at its control socket."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGUSR1)

    def kill(self, reason: str, detail: str, ticket: int = 0) -> None:
        """Kill the worker and everything that it has started; `receive` of the executor tells the rest.

        Args:
            ticket: the order that this is about; 0: whichever runs.
        """
        if self.fate is None:
            self.fate = (reason, detail, ticket)
        children = descendants(self.pid)
        self._signal_group(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)

    def cpu_s(self) -> float:
        """CPU time so far."""
        return cpu_seconds(self.pid)

    def reap(self) -> int:
        """The exit status, after the process has ended; whatever it started is killed, containers as well."""
        self._signal_group(signal.SIGKILL)
        status = self._process.wait()
        kill_marked(self.mark)
        if self.workspace:
            remove_strays(Path(self.workspace), self.pid)
        return status

    def close(self) -> None:
        """Release the file descriptors of a reaped worker."""
        self.orders.socket.close()
        self.control.socket.close()
        self._theirs.close()
        self.status.close()
        os.close(self.pidfd)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def kill_marked(mark: str) -> None:
    """Kill every process that carries the mark, until none is left (one may fork while we look)."""
    for _ in range(100):
        strays = [pid for pid in marked_processes(mark) if pid != os.getpid()]
        if not strays:
            return
        for pid in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def exit_in_words(status: int) -> str:
    """An exit status as people say it."""
    if status >= 0:
        return f"it ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"it was killed by signal {-status} ({name})"
