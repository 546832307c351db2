"""The port of a store of blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from partita.artifacts.blobs.hashing import Buffer
from partita.errors import DamagedError

__all__ = ["BlobStore", "about"]


class BlobStore(Protocol):
    """Keeps bytes under their BLAKE3 hash.

    Laws:

    1. A blob is there whole or not at all, whatever dies while it is written.
    2. What is read is what was written: anything else raises DamagedError.
    3. The same bytes have the same hash and are kept once.
    4. What was found damaged counts as not there, so that whoever needs it makes it again.
    5. What `put` gave, or `hold` found, is not removed by a collection that goes on at that moment.
    """

    def put(self, *parts: Buffer) -> str:
        """Keep the parts, one after the other, as one blob; its hash."""
        ...

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file; its hash."""
        ...

    def get(self, digest: str) -> bytes:
        """The blob."""
        ...

    def path(self, digest: str) -> Path:
        """A local file that holds the blob, checked; it must not be changed."""
        ...

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob."""
        ...

    def hold(self, digest: str) -> bool:
        """Whether there is such a blob; quick, without asking a network. If so, no collection that goes on removes it."""
        ...

    def put_preview(self, digest: str, record: bytes) -> None:
        """Keep what people see of a blob beside it (`artifacts.previews.display`); that it cannot be kept is no error."""
        ...

    def preview(self, digest: str) -> dict[str, Any] | None:
        """What people see of a blob, without opening it; None where nothing is kept."""
        ...


def about(digest: str, message: str) -> DamagedError:
    """The error that a blob is damaged or not there."""
    error = DamagedError(message)
    error.digest = digest
    return error
