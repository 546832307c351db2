"""Checkpoint folders, kept where the next attempt finds them whatever machine it runs on."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
import time
from pathlib import Path, PurePosixPath

from partita.errors import PartitaError
from partita.protocol.objects import Objects

__all__ = ["Checkpoints"]

#: While an attempt runs, a folder that has changed is kept at most so often.
_EVERY_S = 10.0

_State = tuple[tuple[str, int, int], ...]  # (path, bytes, time of change) of each file


class Checkpoints:
    """The folders "RUN/STEP" below one folder here, and as objects "checkpoints/RUN/STEP.tar"."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._kept: dict[tuple[str, int], _State] = {}
        self._looked_at: dict[tuple[str, int], float] = {}

    def begin(self, run: str, step: int, attempt: int) -> None:
        """An attempt begins: let it find what an earlier one has left elsewhere."""
        folder = self._place(run, step)
        shutil.rmtree(folder, ignore_errors=True)  # of an order that was given back, and has gone on elsewhere since
        if attempt <= 1:
            return
        try:
            data = self._objects.get(_name(run, step))
            if data is None:
                return
            _unpack(data, folder)
            self._kept[run, step] = _state(folder)
        except (PartitaError, OSError, tarfile.TarError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            print(f"the checkpoint of the attempt before cannot be fetched: {error}", file=sys.stderr)

    def look(self, run: str, step: int) -> None:
        """An attempt runs: keep what it has written, if that is long ago."""
        now = time.monotonic()
        since = self._looked_at.setdefault((run, step), now)
        if now - since >= _EVERY_S:
            self._looked_at[run, step] = now
            self._keep(run, step)

    def end(self, run: str, step: int, *, has_value: bool) -> None:
        """An attempt has ended: the next one needs its folder, if there is to be one."""
        if not has_value:
            self._keep(run, step)
        elif self._kept.pop((run, step), None) is not None:
            try:
                self._objects.remove([_name(run, step)])
            except PartitaError as error:
                print(f"a checkpoint is left behind: {error}", file=sys.stderr)
        self._looked_at.pop((run, step), None)
        shutil.rmtree(self._place(run, step), ignore_errors=True)

    def _keep(self, run: str, step: int) -> None:
        folder = self._place(run, step)
        state = _state(folder)
        if not state or state == self._kept.get((run, step)):
            return
        buffer = io.BytesIO()
        try:
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                archive.add(folder, ".")
            if _state(folder) != state:
                return  # it was being written; the next look keeps it
            self._objects.put(_name(run, step), buffer.getvalue())
            self._kept[run, step] = state
        except (PartitaError, OSError, tarfile.TarError) as error:
            print(f"the checkpoint cannot be kept for another machine: {error}", file=sys.stderr)

    def _place(self, run: str, step: int) -> Path:
        return self._folder / run / str(step)


def _unpack(data: bytes, folder: Path) -> None:
    """Files only, and below the folder only: whoever can write there is trusted no further."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            content = archive.extractfile(member) if member.isfile() else None
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
