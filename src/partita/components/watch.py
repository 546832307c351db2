"""Waiting for files, and what has changed in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from partita.flow.context import context
from partita.flow.task import task

__all__ = ["FileState", "FolderChanges", "folder_changes", "wait_for_changes", "wait_for_file"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was found."""

    path: Path
    size_bytes: int
    modified_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What differs between two looks at a folder; paths are relative to it."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    state: dict[str, list[int]]  # path -> size in bytes and nanoseconds of its change: pass it on as `since`

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.changed or self.removed)


@task(cpu=0, tags=("file", "folder", "wait"))
def wait_for_file(
    path: Path, *, settled_s: float = 1.0, minimum_bytes: int = 0, timeout_s: float = 3600.0, poll_s: float = 1.0
) -> FileState:
    """Wait until a file is there and has stopped growing.

    Args:
        path: the file. With `*` or `?` in its name, the first file by name that matches and has settled.
        settled_s: seconds for which size and time of change must have stayed the same.
        minimum_bytes: a smaller file does not count yet.
        timeout_s: seconds after which it gives up.
        poll_s: seconds between two looks.

    Raises:
        TimeoutError: there was no such file in time.
    """
    seen: dict[Path, tuple[FileState, float]] = {}

    def look() -> FileState | None:
        now = time.monotonic()
        for file in _matching(path):
            state = _state(file)
            if state is None or state.size_bytes < minimum_bytes:
                continue
            known = seen.get(file)
            if known is None or known[0] != state:
                seen[file] = known = (state, now)
            if now - known[1] >= settled_s:
                return state
        return None

    return _poll(look, f"{path} has not come and settled", timeout_s, poll_s)


@task(tags=("file", "folder"))
def folder_changes(folder: Path, since: dict[str, list[int]] | None = None, *, pattern: str = "**/*") -> FolderChanges:
    """Tell what was added, changed and removed in a folder since a look before.

    Args:
        folder: the folder; one that does not exist counts as empty.
        since: the `state` of the look before; without, all files count as added.
        pattern: which files are looked at.
    """
    return _compared(folder, since or {}, pattern)


@task(cpu=0, tags=("file", "folder", "wait"))
def wait_for_changes(
    folder: Path,
    since: dict[str, list[int]] | None = None,
    *,
    pattern: str = "**/*",
    settled_s: float = 1.0,
    timeout_s: float = 3600.0,
    poll_s: float = 1.0,
) -> FolderChanges:
    """Wait until something in a folder has changed, and no more changes come.

    Args:
        folder: the folder; one that does not exist counts as empty.
        since: the `state` of a look before; without, what is there at the beginning is what it is compared with.
        pattern: which files are looked at.
        settled_s: seconds for which the folder must have stayed the same.
        timeout_s: seconds after which it gives up.
        poll_s: seconds between two looks.

    Raises:
        TimeoutError: nothing has changed in time.
    """
    first = since if since is not None else _compared(folder, {}, pattern).state
    last: list[tuple[FolderChanges, float]] = []

    def look() -> FolderChanges | None:
        now, found = time.monotonic(), _compared(folder, first, pattern)
        if not last or last[0][0] != found:
            last[:] = [(found, now)]
        return found if not found.is_empty and now - last[0][1] >= settled_s else None

    return _poll(look, f"nothing has changed and settled in {folder}", timeout_s, poll_s)


def _poll(look: Callable[[], T | None], lack: str, timeout_s: float, poll_s: float) -> T:
    begun = time.monotonic()
    while True:
        found = look()
        if found is not None:
            return found
        waited = time.monotonic() - begun
        if waited >= timeout_s or context().should_stop():
            raise TimeoutError(f"{lack} within {min(waited, timeout_s):.3g} s")
        context().progress(waited, timeout_s, "seconds waited")
        time.sleep(max(min(poll_s, timeout_s - waited), 0.01))


def _matching(path: Path) -> list[Path]:
    if not any(sign in path.name for sign in "*?["):
        return [path]
    return sorted(path.parent.glob(path.name))


def _state(file: Path) -> FileState | None:
    try:
        about = file.stat()
    except OSError:
        return None
    return FileState(file, about.st_size, about.st_mtime_ns / 1e9) if file.is_file() else None


def _compared(folder: Path, since: dict[str, list[int]], pattern: str) -> FolderChanges:
    state: dict[str, list[int]] = {}
    for file in sorted(folder.glob(pattern)):
        try:
            about = file.stat()
        except OSError:
            continue  # gone since it was listed
        if file.is_file():
            state[file.relative_to(folder).as_posix()] = [about.st_size, about.st_mtime_ns]
    return FolderChanges(
        added=[name for name in state if name not in since],
        changed=[name for name in state if name in since and list(since[name]) != state[name]],
        removed=sorted(name for name in since if name not in state),
        state=state,
    )
