"""Checkpoint folders, kept where the next attempt finds them whatever machine it runs on."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from partita.errors import PartitaError
from partita.executors.bell import Bell
from partita.protocol.objects import Objects

__all__ = ["Checkpoints"]

#: While an attempt runs, a folder that has changed is kept at most so often.
_EVERY_S = 10.0

_State = tuple[tuple[str, int, int], ...]  # (path, bytes, time of change) of each file


class Checkpoints:
    """The folders "RUN/STEP" below one folder here, and as objects "checkpoints/RUN/STEP.tar".

    They may hold gigabytes, so that they go as files, in a thread of its own, one after the other.
    """

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._kept: dict[tuple[str, int], _State] = {}  # the thread's own
        self._looked_at: dict[tuple[str, int], float] = {}
        self._keeping: dict[tuple[str, int], Future[None]] = {}  # looks that have not ended
        self._thread = ThreadPoolExecutor(1, "partita-checkpoints")
        self._bell = Bell()

    def begin(self, run: str, step: int, attempt: int) -> Future[None] | None:
        """An attempt is about to begin: it may when this is done, and finds what an earlier one has left elsewhere."""
        folder = self._place(run, step)
        if attempt <= 1:
            # What may lie there is of an order that was given back, and has gone on elsewhere since.
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return self._submit(lambda: self._fetch(run, step))

    def look(self, run: str, step: int) -> None:
        """An attempt runs: keep what it has written, if that is long ago."""
        now, key = time.monotonic(), (run, step)
        since = self._looked_at.setdefault(key, now)
        if now - since >= _EVERY_S and (key not in self._keeping or self._keeping[key].done()):
            self._looked_at[key] = now
            self._keeping[key] = self._submit(lambda: self._keep(run, step))

    def end(self, run: str, step: int, *, has_value: bool) -> Future[None] | None:
        """An attempt has ended: the next one needs its folder, if there is to be one, and finds it when this is done."""
        self._looked_at.pop((run, step), None)
        was_kept = self._keeping.pop((run, step), None) is not None or (run, step) in self._kept
        if not (was_kept or self._place(run, step).is_dir()):
            return None
        return self._submit(lambda: self._finish(run, step, has_value))

    def fileno(self) -> int:
        """Readable when something is done that was waited for."""
        return self._bell.fileno()

    def clear(self) -> None:
        """Note that what was done has been seen."""
        self._bell.silence()

    def close(self) -> None:
        """Wait until everything is kept."""
        self._thread.shutdown(wait=True)
        self._bell.close()

    def _submit(self, work: Callable[[], None]) -> Future[None]:
        future = self._thread.submit(work)
        future.add_done_callback(lambda _: self._bell.ring())
        return future

    # In the thread

    def _fetch(self, run: str, step: int) -> None:
        folder, archive = self._place(run, step), self._archive(run, step)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if self._objects.get_file(_name(run, step), archive):
                _unpack(archive, folder)
                self._kept[run, step] = _state(folder)
        except (PartitaError, OSError, tarfile.TarError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            print(f"the checkpoint of the attempt before cannot be fetched: {error}", file=sys.stderr)
        finally:
            archive.unlink(missing_ok=True)

    def _finish(self, run: str, step: int, has_value: bool) -> None:
        if not has_value:
            self._keep(run, step)
            self._kept.pop((run, step), None)
        elif self._kept.pop((run, step), None) is not None:
            try:
                self._objects.remove([_name(run, step)])
            except PartitaError as error:
                print(f"a checkpoint is left behind: {error}", file=sys.stderr)
        shutil.rmtree(self._place(run, step), ignore_errors=True)

    def _keep(self, run: str, step: int) -> None:
        folder, archive = self._place(run, step), self._archive(run, step)
        state = _state(folder)
        if not state or state == self._kept.get((run, step)):
            return
        try:
            with tarfile.open(archive, mode="w") as packed:
                packed.add(folder, ".")
            if _state(folder) != state:
                return  # it was being written; the next look keeps it
            self._objects.put_file(_name(run, step), archive)
            self._kept[run, step] = state
        except (PartitaError, OSError, tarfile.TarError) as error:
            print(f"the checkpoint cannot be kept for another machine: {error}", file=sys.stderr)
        finally:
            archive.unlink(missing_ok=True)

    def _place(self, run: str, step: int) -> Path:
        return self._folder / run / str(step)

    def _archive(self, run: str, step: int) -> Path:
        return self._folder / run / f"{step}.tar"


def _unpack(archive: Path, folder: Path) -> None:
    """Files only, and below the folder only: whoever can write there is trusted no further."""
    folder.mkdir(parents=True)
    with tarfile.open(archive, mode="r:") as packed:
        for member in packed:
            path = PurePosixPath(member.name)
            content = packed.extractfile(member) if member.isfile() else None
            if content is None or path.is_absolute() or ".." in path.parts:
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _name(run: str, step: int) -> str:
    return f"checkpoints/{run}/{step}.tar"


def _state(folder: Path) -> _State:
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            try:
                told = os.lstat(path)
            except OSError:
                continue
            found.append((path, told.st_size, told.st_mtime_ns))
    return tuple(sorted(found))
