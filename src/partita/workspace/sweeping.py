"""Garbage collection: removing blobs, bundles, logs and checkpoints that nothing needs, also while runs go on.

The law. A blob is needed if any row of the store names it: a step's value or arguments, a run's inputs, a cache entry, a
waiting event; or if a needed blob names it (a folder's list of files). A blob that no row names is still kept while it may
be about to be named:

1. Workers write a blob before the outcome that names it is stored. While the attempt has not ended, its blobs are no older
   than its start, so nothing is removed that is younger than the oldest attempt that has not ended.
2. Whoever finds a blob that is there already, and relies on it (a worker that makes the same value again, the engine that
   takes a value from the cache or from an earlier run), first lets it count as just written, under the shared lock.
   Removing looks at the time again and removes under the same lock held alone.
3. Rows are read in one transaction, after the moment that counts as now: a name cannot slip from a row not yet read to
   one already read.
4. Inputs of runs that are started from Python are written before the run is: what is younger than a grace, an hour unless
   told otherwise and never less than a minute, is kept whatever names it.

Blobs at a URL are looked at with the time at which this machine used them last, as the file or mark in its cache says, and
given up under the lock of that cache before they are removed (`artifacts.blobs.remote`). Only the workspace that owns the
place gets so far.

The same holds for bundles, and for their archives in a place that several machines share. Logs and checkpoints belong to a
run that the store has.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.locking import folder_lock
from partita.artifacts.blobs.placing import fault_of
from partita.artifacts.blobs.remote import RemoteBlobs
from partita.artifacts.checkpoints import kept_checkpoints, remove_checkpoint
from partita.artifacts.code.archive import archives, remove_archive
from partita.errors import DamagedError, ValueStoreError
from partita.store.census import Census
from partita.store.opening import census_of

__all__ = ["GRACE_S", "LEAST_GRACE_S", "Sweep", "needed_blobs", "remove_run"]

GRACE_S = 3600.0
LEAST_GRACE_S = 60.0
#: File systems stamp with a clock that is a little behind.
_SLACK_S = 2.0
_BATCH = 200

#: Codecs whose blobs name no other blobs; of any other, blobs up to a size are searched for names.
_FLAT = frozenset({
    "arrow", "audio", "bytes", "enum", "file", "html", "msgpack", "npy", "numpy-scalar", "onnx", "pandas", "path", "pickle",
    "picture", "polars", "safetensors", "scalar", "sealed", "tensors", "text",
})  # fmt: skip
_SEARCHED_BYTES = 64 << 20
_HASH = re.compile(rb"[0-9a-f]{64}")
_PLACE = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"([0-9a-f]{62})(\..+)?")
_BUNDLE = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class Sweep:
    """One collection in a workspace's folder."""

    state: Path
    grace_s: float = GRACE_S
    store: FolderBlobs | RemoteBlobs | None = None  # None: the folder "blobs" of the workspace
    database: str = ""  # URL of the database that has the rows; empty: they lie in the workspace's folder
    is_dry: bool = False
    is_local: bool = False  # also removes the copies here of blobs that are kept at a URL
    slack_s: float = _SLACK_S
    blobs: int = 0  # removed
    bundles: int = 0
    archives: int = 0  # of bundles, in a place that machines share
    runs: int = 0  # of which logs or checkpoints were left
    freed_bytes: int = 0
    kept: int = 0  # blobs that are needed
    copies: int = 0  # of blobs at a URL, removed from this machine
    young: int = 0  # blobs that nothing names, too young to be removed
    removed: list[str] = field(default_factory=list)  # hashes of blobs

    def collect(self) -> dict[str, Any]:
        """Remove what nothing needs; what was found, as a map.

        Raises:
            ValueStoreError: the place of the blobs is another workspace's, or cannot be reached.
        """
        blobs = self.store or FolderBlobs(self.state / "blobs")
        if fault := fault_of(blobs, self.state):  # the engine may have been started before the setting named this place
            raise ValueStoreError(fault)
        now = time.time()
        census = census_of(self.state, self.database)
        oldest = now - self.grace_s
        if census.oldest_start is not None:
            oldest = min(oldest, census.oldest_start)
        oldest -= self.slack_s
        needed = needed_blobs(census, blobs)
        if isinstance(blobs, RemoteBlobs):
            self._sweep_far(blobs, needed, oldest)
            cache, *others = blobs.folders
            if self.is_local:
                self._sweep_copies(cache, oldest)
            for folder in (cache, *others):
                self._sweep_blobs(folder, needed, oldest, is_counted=folder != cache)
        else:
            self._sweep_blobs(blobs.folder, needed, oldest)
        self._sweep_bundles(census.bundles, oldest)
        self._sweep_archives(_shared(blobs, self.state), census.bundles, oldest)
        self._sweep_runs(census.runs, oldest, _shared(blobs, self.state))
        self._sweep_logs(census.without_logs)
        told = ("blobs", "copies", "bundles", "archives", "runs", "freed_bytes", "kept", "young", "removed")
        return {**{name: getattr(self, name) for name in told}, "is_dry": self.is_dry}

    def _sweep_blobs(self, folder: Path, needed: set[str], oldest: float, *, is_counted: bool = True) -> None:
        unneeded = (
            path
            for digest, path in _files(folder)
            if digest is None or self._is_unneeded(digest, path.suffix, needed, is_counted)
        )
        while batch := list(islice(unneeded, _BATCH)):
            with folder_lock(folder, is_alone=True):
                for path in batch:
                    self._remove_file(path, oldest, is_counted)

    def _sweep_far(self, blobs: RemoteBlobs, needed: set[str], oldest: float) -> None:
        """What lies at the URL. What the place does not date is not removed."""
        unneeded = (
            file for file in blobs.listing() if not file.digest or self._is_unneeded(file.digest, file.suffix, needed)
        )
        while batch := list(islice(unneeded, _BATCH)):
            old = [file for file in batch if file.written_at is not None and file.written_at < oldest]
            gone = old if self.is_dry else blobs.remove(old, oldest)
            self.young += sum(bool(file.digest) and not file.suffix for file in batch if file not in gone)
            self.freed_bytes += sum(file.size_bytes for file in gone)
            digests = [file.digest for file in gone if file.digest and not file.suffix]
            self.blobs += len(digests)
            self.removed += digests

    def _sweep_copies(self, cache: Path, oldest: float) -> None:
        """Copies on this machine of what lies at the URL."""
        if not cache.is_dir():
            return
        with folder_lock(cache, is_alone=True):
            for digest, path in _files(cache):
                if digest is None or path.suffix:
                    continue
                with suppress(FileNotFoundError):  # found damaged and set aside meanwhile
                    status = path.stat()
                    if status.st_mtime >= oldest:
                        continue
                    if not self.is_dry:
                        path.unlink()
                    self.copies += 1
                    self.freed_bytes += status.st_size

    def _is_unneeded(self, digest: str, suffix: str, needed: set[str], is_counted: bool = True) -> bool:
        if digest in needed:
            self.kept += is_counted and not suffix
            return False
        return True

    def _remove_file(self, path: Path, oldest: float, is_counted: bool) -> None:
        try:
            status = path.stat()
        except OSError:
            return
        is_blob = is_counted and not path.suffix
        if status.st_mtime >= oldest:
            self.young += is_blob
            return
        if not self.is_dry:
            path.unlink(missing_ok=True)
        self.freed_bytes += status.st_size
        if is_blob:
            self.blobs += 1
            self.removed.append(path.parent.name + path.name)

    def _sweep_bundles(self, needed: set[str], oldest: float) -> None:
        folder = self.state / "bundles"
        for path in [path for path in _folders(folder) if _BUNDLE.fullmatch(path.name) and path.name not in needed]:
            with folder_lock(folder, is_alone=True):
                if not path.exists() or path.stat().st_mtime >= oldest:
                    continue
                size = _size_of(path)
                if not self.is_dry:
                    moved = path.with_name(f".{path.name[:16]}.{os.getpid()}.part")
                    path.rename(moved)
                    path = moved
            if not self.is_dry:
                shutil.rmtree(path, ignore_errors=True)
            self.bundles += 1
            self.freed_bytes += size

    def _sweep_archives(self, place: str, needed: set[str], oldest: float) -> None:
        for archive in archives(place) if place else ():
            is_old = archive.written_at is not None and archive.written_at < oldest
            if archive.hash in needed or not is_old:
                continue
            if self.is_dry or remove_archive(place, archive.hash, oldest):
                self.archives += 1
                self.freed_bytes += archive.size_bytes

    def _sweep_runs(self, known: set[str], oldest: float, shared: str) -> None:
        gone: set[str] = set()
        for place in filter(None, (os.fspath(self.state), shared)):
            for kept in kept_checkpoints(place):
                is_old = kept.written_at is not None and kept.written_at < oldest
                if kept.run in known or not is_old:
                    continue
                gone.add(kept.run)
                self.freed_bytes += kept.size_bytes
                if not self.is_dry:
                    remove_checkpoint(place, kept.name)
        for kind in ("logs", "checkpoints"):
            for path in _folders(self.state / kind):
                if path.name in known or not _is_older(path, oldest):
                    continue
                gone.add(path.name)
                self.freed_bytes += _size_of(path)
                if not self.is_dry:
                    shutil.rmtree(path, ignore_errors=True)
        self.runs = len(gone)

    def _sweep_logs(self, let_go: set[str]) -> None:
        """The logs of runs that retention has let go of, whatever their age."""
        for path in _folders(self.state / "logs"):
            if path.name in let_go:
                self.freed_bytes += _size_of(path)
                if not self.is_dry:
                    shutil.rmtree(path, ignore_errors=True)


def remove_run(state: Path, run: str) -> int:
    """Remove the logs and checkpoints of a run that was deleted; gives their bytes. A collection finds what lies elsewhere."""
    freed_bytes = 0
    for kept in kept_checkpoints(os.fspath(state)):
        if kept.run == run:
            freed_bytes += kept.size_bytes
            remove_checkpoint(os.fspath(state), kept.name)
    for kind in ("logs", "checkpoints"):
        folder = state / kind / run
        if folder.is_dir():
            freed_bytes += _size_of(folder)
            shutil.rmtree(folder, ignore_errors=True)
    return freed_bytes


def needed_blobs(census: Census, blobs: FolderBlobs | RemoteBlobs) -> set[str]:
    """The blobs that rows name, and those that these name."""
    needed, pending = set(census.hashes), list(census.hashes)
    while pending:
        digest = pending.pop()
        codec, size = census.blobs.get(digest, ("", 0))
        if codec in _FLAT or size > _SEARCHED_BYTES:
            continue
        if not codec and isinstance(blobs, RemoteBlobs) and not blobs.is_near(digest):
            continue  # most of these only look like hashes
        try:
            path = blobs.path(digest)
            if path.stat().st_size > _SEARCHED_BYTES:
                continue
            named = {found.decode() for found in _HASH.findall(path.read_bytes())}
        except DamagedError as error:
            if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
                raise  # what it names would be removed, and it may be there
            continue
        pending.extend(named - needed)
        needed |= named
    return needed


def _shared(blobs: FolderBlobs | RemoteBlobs, state: Path) -> str:
    """The place of blobs that other machines may reach; empty: they lie in the workspace's folder."""
    if isinstance(blobs, RemoteBlobs):
        return blobs.url
    return "" if blobs.folder.parent == state else os.fspath(blobs.folder)


def _files(folder: Path) -> Iterator[tuple[str | None, Path]]:
    """(hash, path) of every blob and of what belongs to one; None: what a killed process left half written."""
    for place in _folders(folder):
        if not _PLACE.fullmatch(place.name):
            continue
        for path in place.iterdir():
            found = _REST.fullmatch(path.name)
            if found is not None:
                yield place.name + found[1], path
            elif path.name.endswith(".part"):
                yield None, path


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()] if folder.is_dir() else []


def _is_older(path: Path, moment: float) -> bool:
    """Whether it was last written before; False, too, where somebody else has removed it."""
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:
        return False


def _size_of(folder: Path) -> int:
    """The bytes of its files, as far as they are there: a collection and whoever deletes a run may remove the same ones."""
    size_bytes = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                size_bytes += os.lstat(os.path.join(place, name)).st_size
    return size_bytes
