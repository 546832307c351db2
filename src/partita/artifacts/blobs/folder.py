"""Blobs as files in a folder, under the hash of what they hold."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from partita.artifacts.blobs.hashing import (
    DIGEST_BYTES,
    Buffer,
    hash_bytes,
    hash_file,
    holds,
    is_hash,
    is_hash_of,
    new_hash,
)
from partita.artifacts.blobs.locking import folder_lock, touch
from partita.artifacts.blobs.port import about
from partita.errors import DamagedError, ValueStoreError
from partita.values import unpack

__all__ = ["FolderBlobs"]

_CHUNK_BYTES = 4 << 20
_LARGE_BYTES = 16 << 20


class FolderBlobs:
    """Blobs as files in a folder: "ab/cdef...", read-only once written."""

    def __init__(self, folder: Path, *, is_durable: bool = False) -> None:
        """
        Args:
            is_durable: whether a blob survives the machine's death as soon as `put` has returned.
        """
        self.folder = Path(folder)
        self._is_durable = is_durable
        self._checked: dict[str, tuple[int, int, int]] = {}  # by hash: inode, size and time of the file that was read

    def put(self, *parts: Buffer) -> str:
        """Keep the parts as one blob.

        Raises:
            ValueStoreError: the disk refuses.
        """
        size = sum(memoryview(part).nbytes for part in parts)
        if size >= _LARGE_BYTES:
            return self._put_large(parts, size)
        digest = hash_bytes(parts)
        if not self._has(digest, size):
            with _Part(self.folder, digest, self._is_durable) as part:
                part.write(parts)
        return digest

    def _put_large(self, parts: tuple[Buffer, ...], size: int) -> str:
        """Hash on another core while the blob is written; it gets its name at the end."""
        with (
            ThreadPoolExecutor(1) as other,
            _Part(self.folder, secrets.token_hex(DIGEST_BYTES), self._is_durable) as part,
        ):
            hashing = other.submit(hash_bytes, parts)
            part.write(parts)
            digest = hashing.result()
            part.become(digest)
            if self._has(digest, size):
                part.drop()
        return digest

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file.

        Raises:
            ValueStoreError: it cannot be read, or the disk refuses.
        """
        try:
            digest, size = hash_file(path)
        except OSError as error:
            raise ValueStoreError(f"the file {path} cannot be read: {error}") from error
        if not self._has(digest, size):
            with _Part(self.folder, digest, self._is_durable) as part:
                if part.copy(path) != digest:
                    raise ValueStoreError(f"the file {path} changed while it was stored; store it once it is complete")
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Move a file that was found to hold the blob, in this folder under another name, to the blob's place.

        Raises:
            ValueStoreError: the disk refuses.
        """
        try:
            os.chmod(path, 0o444)
            os.utime(path)
            os.replace(path, self.place(digest))
        except OSError as error:
            raise ValueStoreError(
                f"a blob cannot be written to {self.folder}: {error}; see the folder's rights"
            ) from error

    def get(self, digest: str) -> bytes:
        """The blob.

        Raises:
            DamagedError: it is not there, or not what was written.
        """
        try:
            data = self.place(digest).read_bytes()
        except OSError as error:
            raise self._missing(digest, error) from error
        if not is_hash_of(digest, data):
            raise self._damaged(digest)
        return data

    def path(self, digest: str) -> Path:
        """The blob's file, checked once as long as it does not change.

        Raises:
            DamagedError: it is not there, or not what was written.
        """
        place = self.place(digest)
        try:
            status = place.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._checked.get(digest) != seen:
                if not holds(place, digest)[0]:
                    raise self._damaged(digest)
                self._checked[digest] = seen
        except OSError as error:
            raise self._missing(digest, error) from error
        return place

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob."""
        return self.place(digest).exists()

    def hold(self, digest: str) -> bool:
        """Whether there is such a blob; if so, no collection that goes on now removes it: it counts as just written."""
        place = self.place(digest)
        if not place.exists():
            return False
        with folder_lock(self.folder, is_alone=False):
            return touch(place)

    def put_preview(self, digest: str, record: bytes) -> None:
        """Keep what people see of a blob beside it, in "ab/cdef....preview": a collection removes both."""
        place = self._preview_place(digest)
        if place.exists():
            return
        part = place.with_name(f"{digest[2:10]}.{os.getpid()}.{secrets.token_hex(4)}.part")
        with suppress(OSError):
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(record)
                os.replace(part, place)
            finally:
                part.unlink(missing_ok=True)

    def preview(self, digest: str) -> dict[str, Any] | None:
        """What people see of a blob, without opening it."""
        try:
            record = unpack(self._preview_place(digest).read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def _preview_place(self, digest: str) -> Path:
        place = self.place(digest)
        return place.with_name(place.name + ".preview")

    def place(self, digest: str) -> Path:
        """Where the blob lies, if there is one.

        Raises:
            DamagedError: it is no hash.
        """
        if not is_hash(digest):
            raise DamagedError(f"{digest!r} is not the hash of a blob")
        return self.folder / digest[:2] / digest[2:]

    def _has(self, digest: str, size: int) -> bool:
        try:
            if self.place(digest).stat().st_size != size:  # a torn write of a dying machine is mended
                return False
        except OSError:
            return False
        return self.hold(digest)

    def set_aside(self, digest: str) -> Path | None:
        """Move a damaged blob to the folder "damaged" beside this one, so that it is made again; where it is now."""
        target = self.folder.with_name("damaged") / digest
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(self.place(digest), target)
        except OSError:
            return None
        return target

    def _missing(self, digest: str, error: OSError) -> DamagedError:
        return about(
            digest,
            f"the blob {digest[:12]} cannot be read: {error}; was {self.folder} cleared? Rerun the run, where the step that "
            "made it makes it again",
        )

    def _damaged(self, digest: str) -> DamagedError:
        aside = self.set_aside(digest)
        told = f"it was moved to {aside}" if aside is not None else "delete the file"
        return about(
            digest,
            f"the blob {self.place(digest)} is not what was written (its hash differs); {told}; rerun the run, "
            "where the step that made it makes it again, and check the disk",
        )


class _Part:
    """A blob that is being written: it takes its place at the end, or leaves nothing behind."""

    def __init__(self, folder: Path, digest: str, is_durable: bool) -> None:
        self._place = folder / digest[:2] / digest[2:]
        self.path = self._place.with_name(f"{digest[2:10]}.{os.getpid()}.{secrets.token_hex(4)}.part")
        self._is_durable = is_durable
        self._is_dropped = False

    def become(self, digest: str) -> None:
        """The hash of what was written is known now."""
        folder = self._place.parent.parent
        self._place = folder / digest[:2] / digest[2:]
        self._place.parent.mkdir(exist_ok=True)

    def drop(self) -> None:
        """It is there already."""
        self._is_dropped = True

    def __enter__(self) -> Self:
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def write(self, parts: Iterable[Buffer]) -> None:
        """Write the parts."""
        with open(self.path, "xb", buffering=0) as file:
            for part in parts:
                left = memoryview(part).cast("B")
                while left:
                    left = left[file.write(left[:_CHUNK_BYTES]) :]

    def copy(self, source: Path) -> str:
        """Write what a file holds; the hash of what was written."""
        digest, buffer = new_hash(), memoryview(bytearray(_CHUNK_BYTES))
        with (
            ThreadPoolExecutor(1) as other,
            open(source, "rb", buffering=0) as read,
            open(self.path, "xb", buffering=0) as written,
        ):
            while count := read.readinto(buffer):
                hashing = other.submit(digest.update, buffer[:count])
                left = buffer[:count]
                while left:
                    left = left[written.write(left) :]
                hashing.result()
        return str(digest.hexdigest())

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None and not self._is_dropped:
                self._finish()
        except OSError as fault:
            raise self._refused(fault) from fault
        finally:
            self.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._refused(error) from error

    def _finish(self) -> None:
        os.chmod(self.path, 0o444)
        if self._is_durable:
            _flush(self.path)
        os.replace(self.path, self._place)
        if self._is_durable:
            _flush(self._place.parent)

    def _refused(self, error: OSError) -> ValueStoreError:
        folder = self._place.parent.parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return ValueStoreError(
                f"there is no room left for a blob in {folder} ({error.strerror}); make room on the disk"
            )
        return ValueStoreError(f"a blob cannot be written to {folder}: {error}; see the folder's rights")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
