"""Blobs behind any URL that fsspec knows (S3, GCS, SFTP, ...), with a folder here for those that were used.

What lies in the folder here was read or written by this machine; its times tell a collection what was used lately. Two kinds of
empty files lie beside: "cdef....held", of a blob that is relied on and was not fetched, and "cdef....lost", of one that was
sought in vain or found damaged. So the engine, which must not wait for a network, asks this folder alone.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.hashing import Buffer, holds, is_hash
from partita.artifacts.blobs.locking import folder_lock
from partita.artifacts.blobs.port import about
from partita.artifacts.far import FarPlace, time_of
from partita.errors import DamagedError, ValueStoreError

__all__ = ["OWNER_FILE", "FarFile", "RemoteBlobs"]

#: Says whose place it is.
OWNER_FILE = "partita-workspace"

_Found = TypeVar("_Found")


class FarFile(NamedTuple):
    """One file below the URL."""

    place: str  # as the file system knows it
    digest: str  # the blob that it is or belongs to; empty: what a killed process left half written
    suffix: str  # ".preview"; empty: the blob itself
    size_bytes: int
    written_at: float | None  # seconds since the epoch; None: the file system does not tell


class RemoteBlobs:
    """Blobs under a URL: "ab/cdef..." below it. Satisfies `BlobStore`."""

    def __init__(self, url: str, cache: Path, older: FolderBlobs | None = None) -> None:
        """
        Args:
            cache: folder for those that were used here.
            older: blobs of this workspace from before it kept them at the URL.

        Raises:
            MissingExtraError: what the URL needs is not installed.
            ValueStoreError: the URL is none.
        """
        self._far = FarPlace(url, "artifacts")
        self._files, self._root, self._is_atomic = self._far.files, self._far.root, self._far.is_atomic
        self._cache = FolderBlobs(cache)
        self._here = (self._cache, older) if older is not None else (self._cache,)
        self._removal = cache.with_name(f"{cache.name}.removal")  # is locked while blobs are removed there
        self.url = url
        self.folders = tuple(blobs.folder for blobs in self._here)  # of this machine, the cache first

    def put(self, *parts: Buffer) -> str:
        """Keep the parts as one blob, there and here.

        Raises:
            ValueStoreError: it cannot be written.
        """
        digest = self._cache.put(*parts)
        self.send(digest)
        return digest

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file, there and here.

        Raises:
            ValueStoreError: it cannot be read or written.
        """
        digest = self._cache.put_file(path)
        self.send(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """The blob.

        Raises:
            DamagedError: it is not there, or not what was written.
            ValueStoreError: the place cannot be reached.
        """
        return self._read(digest, FolderBlobs.get)

    def path(self, digest: str) -> Path:
        """A local file that holds the blob, checked.

        Raises:
            DamagedError: it is not there, or not what was written.
            ValueStoreError: the place cannot be reached.
        """
        return self._read(digest, FolderBlobs.path)

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob."""
        return self.is_near(digest) or bool(self._ask("exists", self._place(digest)))

    def hold(self, digest: str) -> bool:
        """Whether there is such a blob, as far as is known here; if so, no collection that goes on now removes it."""
        if any(blobs.hold(digest) for blobs in self._here):
            return True
        mark = self._mark(digest, "held")
        mark.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(self._cache.folder, is_alone=False):
            if self._mark(digest, "lost").exists():
                return False
            mark.touch()
        return True

    def put_preview(self, digest: str, record: bytes) -> None:
        """Keep what people see of a blob, there and here."""
        self._cache.put_preview(digest, record)
        with suppress(Exception):
            self._write(self._preview_place(digest), record)

    def preview(self, digest: str) -> dict[str, Any] | None:
        """What people see of a blob, without fetching it."""
        found = next((found for blobs in self._here if (found := blobs.preview(digest)) is not None), None)
        if found is None:
            with suppress(Exception):
                self._cache.put_preview(digest, self._files.cat_file(self._preview_place(digest)))
                found = self._cache.preview(digest)
        return found

    def is_near(self, digest: str) -> bool:
        """Whether there is a copy on this machine."""
        return any(blobs.exists(digest) for blobs in self._here)

    def send(self, digest: str) -> bool:
        """Let a blob that is here be there, too; whether it was not.

        Raises:
            DamagedError: there is no whole one here.
            ValueStoreError: it cannot be written.
        """
        # First it counts as used and then it is looked for: a collection either sees that or has removed it already.
        near = self._read_here(digest, FolderBlobs.path)
        if near is None:
            raise about(
                digest,
                f"there is no whole blob {digest[:12]} on this machine to be sent to {self.url}; rerun the run, where the "
                "step that made it makes it again",
            )
        place, source, lost = self._place(digest), os.fspath(near), self._mark(digest, "lost")
        with folder_lock(self._removal, is_alone=False):  # one that goes on has not seen it, and ends first
            pass
        if not lost.exists() and self._ask("exists", place):
            return False
        if self._is_atomic:
            self._ask("put_file", source, place)
        else:
            part = f"{place}.{secrets.token_hex(6)}.part"
            self._ask("makedirs", place.rpartition("/")[0], exist_ok=True)
            self._ask("put_file", source, part)
            self._ask("mv", part, place)
        lost.unlink(missing_ok=True)
        return True

    def check(self, digest: str) -> tuple[str, int]:
        """What is wrong with the blob that lies there ("missing", "empty", "damaged"; empty: nothing), and its bytes."""
        place, part = self._place(digest), self._part(digest)
        try:
            self._files.get_file(place, os.fspath(part))
            is_whole, size_bytes = holds(part, digest)
        except FileNotFoundError:
            return "missing", 0
        except Exception as error:
            return f"unreadable ({error})", 0
        finally:
            part.unlink(missing_ok=True)
        return ("" if is_whole else "damaged" if size_bytes else "empty"), size_bytes

    def mend(self, digest: str) -> bool:
        """Send the blob that is missing or damaged there again; where there is no whole one here, it is made again.

        Raises:
            ValueStoreError: it cannot be written.
        """
        self._lose(digest)
        with suppress(DamagedError):
            return self.send(digest)
        return self._mark(digest, "lost").exists()

    def listing(self) -> Iterator[FarFile]:
        """All files below the URL that are Partita's."""
        with suppress(Exception):
            self._files.invalidate_cache()
        found = self._ask("find", self._root, detail=True)
        for place, told in found.items():
            folder, name = place.rstrip("/").split("/")[-2:]
            rest, dot, suffix = name.partition(".")
            digest = folder + rest
            if is_hash(digest) and not suffix.endswith("part"):
                yield FarFile(place, digest, dot + suffix, int(told.get("size") or 0), time_of(told))
            elif is_hash(digest):
                yield FarFile(place, "", dot + suffix, int(told.get("size") or 0), time_of(told))

    def remove(self, files: Sequence[FarFile], oldest: float) -> list[FarFile]:
        """Remove files there unless they were used here since; gives those that were removed.

        The lock that `hold` needs is not held while the network is asked: before, what goes is marked as lost.

        Args:
            oldest: seconds since the epoch.
        """
        self._cache.folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(self._removal, is_alone=True):
            with folder_lock(self._cache.folder, is_alone=True):
                gone = [file for file in files if not file.digest or self._used_at(file.digest) < oldest]
                for digest in {file.digest for file in gone if file.digest and not file.suffix}:
                    self._lose(digest)
                    self._cache.place(digest).unlink(missing_ok=True)
                    self._mark(digest, "held").unlink(missing_ok=True)
            if gone:
                self._ask("rm", [file.place for file in gone])
        return gone

    def owner(self) -> bytes:
        """What `claim` wrote; empty where nobody did.

        Raises:
            ValueStoreError: the place cannot be reached.
        """
        try:
            return bytes(self._files.cat_file(self._owner_place()))
        except FileNotFoundError:
            return b""
        except Exception as error:
            raise self._far.unreachable(error) from error

    def claim(self, owner: bytes) -> None:
        """Say whose place this is."""
        try:
            self._write(self._owner_place(), owner)
        except Exception as error:
            raise self._far.unreachable(error) from error

    def _owner_place(self) -> str:
        return f"{self._root.rstrip('/')}/{OWNER_FILE}"

    def _preview_place(self, digest: str) -> str:
        return self._place(digest) + ".preview"

    def _place(self, digest: str) -> str:
        if not is_hash(digest):
            raise DamagedError(f"{digest!r} is not the hash of a blob")
        return f"{self._root.rstrip('/')}/{digest[:2]}/{digest[2:]}"

    def _mark(self, digest: str, what: str) -> Path:
        place = self._cache.place(digest)
        return place.with_name(f"{place.name}.{what}")

    def _used_at(self, digest: str) -> float:
        times = [0.0]
        for near in (*(blobs.place(digest) for blobs in self._here), self._mark(digest, "held")):
            with suppress(OSError):
                times.append(near.stat().st_mtime)
        return max(times)

    def _part(self, digest: str) -> Path:
        part = self._mark(digest, f"{os.getpid()}.{secrets.token_hex(4)}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        return part

    def _write(self, place: str, data: bytes) -> None:
        if not self._is_atomic:
            self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(place, data)

    def _read(self, digest: str, how: Callable[[FolderBlobs, str], _Found]) -> _Found:
        """What is read of the copy on this machine; it is fetched where there is none that is whole."""
        found = self._read_here(digest, how)
        if found is None:
            self._fetch(digest)
            found = how(self._cache, digest)
        return found

    def _read_here(self, digest: str, how: Callable[[FolderBlobs, str], _Found]) -> _Found | None:
        for blobs in self._here:
            if blobs.hold(digest):
                with suppress(DamagedError):  # it was set aside
                    return how(blobs, digest)
        return None

    def _fetch(self, digest: str) -> None:
        place, part = self._place(digest), self._part(digest)
        try:
            self._files.get_file(place, os.fspath(part))
            if not holds(part, digest)[0]:
                self._lose(digest)
                raise about(
                    digest,
                    f"the blob {place} is not what was written (its hash differs); rerun the run, where the step that made "
                    "it makes it again",
                )
            self._cache.adopt(part, digest)
        except FileNotFoundError as error:
            self._lose(digest)
            raise about(
                digest,
                f"there is no blob {place}; was {self.url} cleared? Rerun the run, where the step that made it makes it again",
            ) from error
        except (DamagedError, ValueStoreError):
            raise
        except Exception as error:
            raise ValueStoreError(f"the blob {place} cannot be fetched: {error}; it may be tried again") from error
        finally:
            part.unlink(missing_ok=True)

    def _lose(self, digest: str) -> None:
        """From now on it does not count as there, so that it is made again."""
        mark = self._mark(digest, "lost")
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()

    def _ask(self, verb: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, verb)(*arguments, **options)
        except Exception as error:  # each file system has errors of its own
            raise self._far.unreachable(error) from error
