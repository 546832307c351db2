"""A Ray of our own on this machine, started when it is needed: with a token, reachable from this machine only.

Its keeper, a process in a session of its own (`python -m partita.executors.ray.local FOLDER ...`), starts Ray and ends it:
when it is told to, when no engine has held it for the time that it was given, or when Ray itself ends. So an engine that dies
leaves steps running for the next one, and nothing stays for ever.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

import psutil

import partita.executors
from partita.errors import PartitaError

__all__ = ["LocalRay", "RayUnavailableError", "bare_variables", "local_folder"]

_PACKAGE_PARENT = str(Path(partita.executors.__file__).parents[2])
_SET_PARENT_DEATH_SIGNAL = 1
_LONGEST_TEMPORARY = 20  # of a folder's name, so that Ray's sockets below it have names that the kernel takes
_OBJECT_STORE_BYTES = 80_000_000
_LOOK_S = 0.25
_KEEPERS = 2


class RayUnavailableError(PartitaError):
    """Ray could not be started or reached."""


class LocalSize(NamedTuple):
    """What a local Ray may hand out."""

    cpu: int
    memory_bytes: int
    gpu: int
    resources: str  # JSON of further ones


def local_folder(origin: str) -> Path:
    """Where the local Ray of an executor lies."""
    name = f"partita-ray-{os.getuid()}-{hashlib.sha256(origin.encode()).hexdigest()[:10]}"
    place = tempfile.gettempdir()
    if len(place) > _LONGEST_TEMPORARY:
        place = "/tmp"
    return Path(place, name)


def bare_variables() -> dict[str, str]:
    """Our variables without Ray's; Partita can be imported by who has them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = [_PACKAGE_PARENT, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "RAY_USAGE_STATS_ENABLED": "0"}


class LocalRay:
    """The local Ray in a folder, which may be running or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: IO[bytes] | None = None

    def variables(self) -> Mapping[str, str]:
        """What a process needs to be let in."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # fmt: skip

    def hold(self) -> None:
        """Keep it from ending for want of an engine, as long as this process lives.

        Raises:
            RayUnavailableError: its folder is not its user's alone.
        """
        if self._held is None:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
            if found.st_uid != os.getuid() or self.folder.is_symlink() or found.st_mode & 0o077:
                raise RayUnavailableError(f"{self.folder} is not a folder of this user's alone; remove it")
            self._held = (self.folder / "engines").open("ab")
            fcntl.flock(self._held, fcntl.LOCK_SH)

    def address(self) -> str:
        """Where it is reached; empty: it is not running."""
        if not _is_locked(self.folder / "keeper"):
            return ""
        try:
            return (self.folder / "address").read_text().strip()
        except OSError:
            return ""

    def start(self, size: LocalSize, lease_s: float, timeout_s: float = 90.0) -> str:
        """Have it run; gives its address.

        Args:
            lease_s: how long it stays without an engine.

        Raises:
            RayUnavailableError: it does not start.
        """
        self.hold()
        until = time.monotonic() + timeout_s
        keepers = 0
        keeper: subprocess.Popen[bytes] | None = None
        while not (address := self.address()):
            has_keeper = (keeper is not None and keeper.poll() is None) or _is_locked(self.folder / "keeper")
            if time.monotonic() > until or (not has_keeper and keepers == _KEEPERS):
                raise RayUnavailableError(
                    f"the local Ray did not start; {self.folder / 'log'} says: {self._last_said()}"
                )
            if not has_keeper:  # also where one was just ending
                keeper, keepers = self._start_keeper(size, lease_s), keepers + 1
            time.sleep(0.1)
        return address

    def _start_keeper(self, size: LocalSize, lease_s: float) -> subprocess.Popen[bytes]:
        self._write_token()
        words = [str(self.folder), str(lease_s), str(size.cpu), str(size.memory_bytes), str(size.gpu), size.resources]
        with (self.folder / "log").open("wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-P", "-m", "partita.executors.ray.local", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**bare_variables(), **self.variables(), "RAY_process_group_cleanup_enabled": "1"},
            )  # fmt: skip
        threading.Thread(target=keeper.wait, name="partita-ray-keeper", daemon=True).start()
        return keeper

    def stop(self, timeout_s: float = 15.0) -> None:
        """End it with all that runs in it, and remove what it left."""
        self.release()
        until = time.monotonic() + timeout_s
        while _is_locked(self.folder / "keeper") and time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((self.folder / "pid").read_text()), signal.SIGTERM)
            time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Hold it no longer."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _write_token(self) -> None:
        path = self.folder / "token"
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w") as writer:
            writer.write(secrets.token_hex(32))

    def _last_said(self) -> str:
        with contextlib.suppress(OSError):
            return (self.folder / "log").read_text(errors="replace").strip()[-1000:]
        return ""


def _is_locked(path: Path) -> bool:
    """Whether a process holds the file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _keep(folder: Path, lease_s: float, size: LocalSize) -> None:
    with (folder / "keeper").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another one keeps it
        (folder / "pid").write_text(str(os.getpid()))
        (folder / "address").unlink(missing_ok=True)
        shutil.rmtree(folder / "r", ignore_errors=True)  # of one whose keeper was killed
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        ray = subprocess.Popen(_command(folder, size), stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        try:
            _watch(folder, lease_s, ray)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            (folder / "address").unlink(missing_ok=True)
            _end_session()
            ray.wait()
            shutil.rmtree(folder / "r", ignore_errors=True)
            (folder / "token").unlink(missing_ok=True)


def _command(folder: Path, size: LocalSize) -> list[str]:
    words = [sys.executable, "-P", "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    words += ["--node-ip-address=127.0.0.1", "--port=0", f"--temp-dir={folder / 'r'}", "--include-dashboard=false"]
    words += ["--dashboard-agent-listen-port=0", "--min-worker-port=0", "--max-worker-port=0"]
    if (
        importlib.util.find_spec("grpc") is not None
    ):  # Ray then serves clients at a port that several on a machine would share
        words += [f"--ray-client-server-port={_free_port()}"]
    words += [f"--num-cpus={size.cpu}", f"--num-gpus={size.gpu}", f"--object-store-memory={_OBJECT_STORE_BYTES}"]
    words += [f"--memory={size.memory_bytes}"] if size.memory_bytes else []
    return [*words, f"--resources={size.resources}", "--include-log-monitor=false", "--no-monitor"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _watch(folder: Path, lease_s: float, ray: subprocess.Popen[bytes]) -> None:
    """Return when Ray is to end, or has."""
    started, held_at = folder / "r" / "ray_current_cluster", time.monotonic()
    while ray.poll() is None:
        if not (folder / "address").exists() and started.exists() and (address := started.read_text().strip()):
            (folder / "address.new").write_text(address)
            (folder / "address.new").rename(folder / "address")
        if _is_locked(folder / "engines"):
            held_at = time.monotonic()
        elif time.monotonic() - held_at > lease_s:
            return
        time.sleep(_LOOK_S)


def _end_session() -> None:
    """Kill all other processes of our session, and those that they started."""
    own = os.getpid()
    for _ in range(50):
        found = {process.pid: process for process in psutil.Process(own).children(recursive=True)}
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                if os.getsid(process.pid) == own:
                    found[process.pid] = process
        living = [process for pid, process in found.items() if pid != own and _is_living(process)]
        if not living:
            return
        for process in living:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)


def _is_living(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def main() -> None:
    """Keep a local Ray."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("lease_s", type=float)
    parser.add_argument("cpu", type=int)
    parser.add_argument("memory_bytes", type=int)
    parser.add_argument("gpu", type=int)
    parser.add_argument("resources")
    options = parser.parse_args()
    size = LocalSize(options.cpu, options.memory_bytes, options.gpu, options.resources)
    _keep(options.folder, options.lease_s, size)


if __name__ == "__main__":
    main()
