"""Blobs behind any URL that fsspec knows (S3, GCS, SFTP, ...), with a folder here for those that were used."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.artifacts.blobs import BlobStore, FolderBlobs
from partita.artifacts.hashing import Buffer, holds, is_hash
from partita.errors import DamagedError, MissingExtraError, ValueStoreError

__all__ = ["RemoteBlobs", "open_blobs"]

#: Where a file that is being written can be seen before it is whole, unlike an object of an object store.
_NOT_ATOMIC = frozenset({"file", "ftp", "hdfs", "local", "sftp", "smb", "ssh"})


def open_blobs(place: str | Path, cache: Path, *, is_durable: bool = False) -> BlobStore:
    """The blobs of a folder, or of a URL.

    Args:
        cache: folder for what comes from a URL.
        is_durable: whether blobs in a folder survive the machine's death.

    Raises:
        MissingExtraError: what the URL needs is not installed.
    """
    if "://" in str(place):
        return RemoteBlobs(str(place), cache)
    return FolderBlobs(Path(place), is_durable=is_durable)


class RemoteBlobs:
    """Blobs under a URL: "ab/cdef..." below it."""

    def __init__(self, url: str, cache: Path) -> None:
        """
        Raises:
            MissingExtraError: what the URL needs is not installed.
            ValueStoreError: the URL is none.
        """
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtraError(f"artifacts at {url} need fsspec: pip install 'partita[remote]'") from error
        try:
            self._files, self._root = fsspec.url_to_fs(url)
        except ImportError as error:
            raise MissingExtraError(f"artifacts at {url} need more than fsspec: {error}") from error
        except ValueError as error:
            raise ValueStoreError(f"artifacts cannot be kept at {url}: {error}") from error
        protocol = self._files.protocol
        protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._is_atomic = not protocols & _NOT_ATOMIC
        self._cache = FolderBlobs(cache)
        self.url = url

    def put(self, *parts: Buffer) -> str:
        """Keep the parts as one blob, there and here.

        Raises:
            ValueStoreError: it cannot be written.
        """
        digest = self._cache.put(*parts)
        self._upload(digest)
        return digest

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file, there and here.

        Raises:
            ValueStoreError: it cannot be read or written.
        """
        digest = self._cache.put_file(path)
        self._upload(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """The blob.

        Raises:
            DamagedError: it is not there, or not what was written.
        """
        self._fetch(digest)
        return self._cache.get(digest)

    def path(self, digest: str) -> Path:
        """A local file that holds the blob, checked.

        Raises:
            DamagedError: it is not there, or not what was written.
        """
        self._fetch(digest)
        return self._cache.path(digest)

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob."""
        return self._cache.exists(digest) or bool(self._ask("exists", self._place(digest)))

    def put_preview(self, digest: str, record: bytes) -> None:
        """Keep what people see of a blob, there and here."""
        self._cache.put_preview(digest, record)
        with suppress(OSError):
            place = self._preview_place(digest)
            if not self._is_atomic:
                self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(place, record)

    def preview(self, digest: str) -> dict[str, Any] | None:
        """What people see of a blob, without fetching it."""
        found = self._cache.preview(digest)
        if found is None:
            with suppress(OSError):
                self._cache.put_preview(digest, self._files.cat_file(self._preview_place(digest)))
                found = self._cache.preview(digest)
        return found

    def _preview_place(self, digest: str) -> str:
        return self._place(digest) + ".preview"

    def _place(self, digest: str) -> str:
        if not is_hash(digest):
            raise DamagedError(f"{digest!r} is not the hash of a blob")
        return f"{self._root.rstrip('/')}/{digest[:2]}/{digest[2:]}"

    def _upload(self, digest: str) -> None:
        place, source = self._place(digest), os.fspath(self._cache.path(digest))
        if self._ask("exists", place):
            return
        if self._is_atomic:
            self._ask("put_file", source, place)
            return
        part = f"{place}.{secrets.token_hex(6)}.part"
        self._ask("makedirs", place.rpartition("/")[0], exist_ok=True)
        self._ask("put_file", source, part)
        self._ask("mv", part, place)

    def _fetch(self, digest: str) -> None:
        if self._cache.exists(digest):
            return
        place = self._place(digest)
        part = self._cache.folder / f"{digest[:8]}.{os.getpid()}.{secrets.token_hex(4)}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._files.get_file(place, os.fspath(part))
            if not holds(part, digest)[0]:
                raise DamagedError(
                    f"the blob {place} is not what was written (its hash differs); rerun the step that made it"
                )
            self._cache.put_file(part)
        except FileNotFoundError as error:
            raise DamagedError(
                f"there is no blob {place}; was {self.url} cleared? Rerun the step that made it"
            ) from error
        except OSError as error:
            raise ValueStoreError(f"the blob {place} cannot be fetched: {error}; it may be tried again") from error
        finally:
            part.unlink(missing_ok=True)

    def _ask(self, verb: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, verb)(*arguments, **options)
        except OSError as error:
            raise ValueStoreError(
                f"artifacts cannot be reached at {self.url}: {error}; it may be tried again"
            ) from error
