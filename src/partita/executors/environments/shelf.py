"""The folder in which environments are kept: each under the hash of what it was declared to be.

KEY/venv/             the virtual environment, at the path where it stays: environments cannot be moved
KEY/declaration.json  what it was made from
KEY/build.log         what uv said
KEY/complete.json     written last, in one piece: without it the environment is not there
KEY.lock              held exclusively by whoever makes or removes it, shared by whoever uses it
.partita-HASH/partita  a link to the package itself, so that workers find it and nothing that lies beside it
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import partita.executors
from partita.core.environment import Declaration
from partita.executors.environments.uv import WORKER_NEEDS

__all__ = ["Kept", "Shelf"]

#: Counted up when environments are made otherwise than before.
_FORM = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """An environment that lies on the shelf."""

    key: str
    title: str  # what it was made from, for people
    python: str  # version of its interpreter
    packages: tuple[str, ...]  # "name==version" of what is installed
    made_at: float  # seconds since the epoch
    took_s: float  # seconds that making it took
    used_at: float  # seconds since the epoch: when a worker last started in it
    is_complete: bool  # else making it was broken off, or is going on
    is_in_use: bool


class Shelf:
    """The environments below one folder."""

    def __init__(self, folder: Path, needs: tuple[str, ...] = ()) -> None:
        """
        Args:
            needs: requirements of workers beside those that all have.
        """
        self.folder = Path(os.path.abspath(folder))
        self.needs = (*WORKER_NEEDS, *needs)

    def key(self, declaration: Declaration) -> str:
        """The name under which the environment lies."""
        interpreter = declaration.python or f"{sys.version_info.major}.{sys.version_info.minor}"
        told = json.dumps([_FORM, _plain(declaration), interpreter, _platform(), self.needs])
        return blake2b(told.encode(), digest_size=10).hexdigest()

    def place(self, key: str) -> Path:
        """The folder of an environment, whether it is there or not."""
        return self.folder / key

    def python(self, key: str) -> Path:
        """The interpreter of an environment."""
        return self.folder / key / "venv" / "bin" / "python"

    def is_ready(self, key: str) -> bool:
        """Whether the environment is complete, and the Python that it was made with still there."""
        return (self.folder / key / "complete.json").is_file() and os.access(self.python(key), os.X_OK)

    def use(self, key: str) -> int | None:
        """Keep others from removing the environment, and say that it was used; None where it is not ready.

        Returns an open file: the environment may be removed when it is closed.
        """
        if not self.is_ready(key):
            return None
        file = self._open_lock(key)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if self.is_ready(key):  # nobody has removed it in between
                with contextlib.suppress(OSError):
                    os.utime(self.folder / key / "complete.json")
                return file
        except OSError:
            pass
        os.close(file)
        return None

    @contextlib.contextmanager
    def locked(self, key: str, *, wait: bool) -> Iterator[int | None]:
        """Hold the environment exclusively, to make or remove it: the open lock; None where others do or use it."""
        file = self._open_lock(key)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            yield file
        finally:
            os.close(file)

    def remove(self, key: str) -> bool:
        """Remove the environment; False where it is in use."""
        with self.locked(key, wait=False) as lock:
            if lock is None:
                return False
            place = self.folder / key
            (place / "complete.json").unlink(missing_ok=True)  # first: a half removed one is not there
            shutil.rmtree(place, ignore_errors=True)
            return True  # the lock's file stays: whoever waits for it would else hold another one than those who come

    def kept(self) -> list[Kept]:
        """All environments, the one that was used last first."""
        found = [self._describe(path) for path in self.folder.glob("*/declaration.json")]
        return sorted(found, key=lambda item: -item.used_at)

    def size_bytes(self, key: str) -> int:
        """Disk that would be free without it: files that uv's cache or another environment shares do not count."""
        total = 0
        for folder, _, names in os.walk(self.folder / key):
            for name in names:
                with contextlib.suppress(OSError):
                    status = os.lstat(os.path.join(folder, name))
                    total += status.st_blocks * 512 if status.st_nlink == 1 else 0
        return total

    def home_of_partita(self) -> Path:
        """A folder with nothing in it but this package: what workers add to their import path."""
        package = Path(partita.executors.__file__).parents[1]
        home = self.folder / f".partita-{blake2b(os.fsencode(package), digest_size=6).hexdigest()}"
        home.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (home / "partita").symlink_to(package)
        return home

    def _open_lock(self, key: str) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        return os.open(self.folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _describe(self, path: Path) -> Kept:
        place = path.parent
        title, made, used_at = place.name, {}, 0.0
        with contextlib.suppress(OSError, ValueError):
            title = Declaration.from_text(path.read_text()).title
        with contextlib.suppress(OSError, ValueError):
            made = json.loads((place / "complete.json").read_text())
            used_at = (place / "complete.json").stat().st_mtime
        with self.locked(place.name, wait=False) as lock:
            is_in_use = lock is None
        return Kept(
            place.name, title, made.get("python", ""), tuple(made.get("packages", ())), made.get("made_at", 0.0),
            made.get("took_s", 0.0), used_at, bool(made), is_in_use,
        )  # fmt: skip


def _plain(declaration: Declaration) -> list[object]:
    """All that decides about what is installed: not the name of the file that it was read from."""
    return [
        declaration.requirements, declaration.constraints, declaration.lock_digest, declaration.groups, declaration.extras
    ]  # fmt: skip


def _platform() -> list[str]:
    return [sysconfig.get_platform(), platform.libc_ver()[0]]
