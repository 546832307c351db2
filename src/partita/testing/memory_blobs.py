"""Blobs in memory, for workspaces that live as long as a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partita.artifacts.blobs.hashing import Buffer, hash_bytes, is_hash
from partita.errors import DamagedError, ValueStoreError
from partita.values import unpack

__all__ = ["MemoryBlobs"]


class MemoryBlobs:
    """A `BlobStore` in a dict. What is asked for as a file is written to a folder first."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: where the files go that somebody asks for; made when the first one is.
        """
        self._folder = folder
        self._blobs: dict[str, bytes] = {}
        self._previews: dict[str, bytes] = {}

    def put(self, *parts: Buffer) -> str:
        """Keep the parts, one after the other, as one blob; its hash."""
        data = b"".join(parts)
        digest = hash_bytes((data,))
        self._blobs.setdefault(digest, data)
        return digest

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file; its hash.

        Raises:
            ValueStoreError: it cannot be read.
        """
        try:
            return self.put(path.read_bytes())
        except OSError as error:
            raise ValueStoreError(f"the file {path} cannot be read: {error}") from error

    def get(self, digest: str) -> bytes:
        """The blob.

        Raises:
            DamagedError: there is none of this hash.
        """
        try:
            return self._blobs[digest]
        except KeyError:
            what = f"there is no blob {digest[:12]}" if is_hash(digest) else f"{digest!r} is not the hash of a blob"
            raise DamagedError(f"{what} in this memory; was the value made in another workspace?") from None

    def path(self, digest: str) -> Path:
        """A local file that holds the blob.

        Raises:
            DamagedError: there is none of this hash.
        """
        data = self.get(digest)
        file = self._folder / digest
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            file.chmod(0o444)
        return file

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob."""
        return digest in self._blobs

    def hold(self, digest: str) -> bool:
        """Whether there is such a blob; nothing is ever collected here."""
        return self.exists(digest)

    def put_preview(self, digest: str, record: bytes) -> None:
        """Keep what people see of a blob."""
        self._previews[digest] = record

    def preview(self, digest: str) -> dict[str, Any] | None:
        """What people see of a blob."""
        record = self._previews.get(digest)
        return unpack(record) if record is not None else None
