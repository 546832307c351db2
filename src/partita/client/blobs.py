"""The blobs of a server, as `partita.workspace.writing` reads them: fetched when they are first needed, and checked."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from partita.artifacts.blobs.hashing import holds, is_hash
from partita.client.artifacts import ArtifactCalls
from partita.errors import DamagedError

__all__ = ["ServerBlobs"]


class ServerBlobs:
    """A folder of copies that lasts as long as the context."""

    def __init__(self, calls: ArtifactCalls) -> None:
        self._calls = calls
        self._folder = Path(tempfile.mkdtemp(prefix="partita-blobs-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def path(self, digest: str) -> Path:
        """A local file that holds the blob.

        Raises:
            DamagedError: what came is not what the hash says.
        """
        if not is_hash(digest):
            raise DamagedError(f"{digest[:80]!r} is no hash of a blob")
        file = self._folder / digest
        if not file.exists():
            self._calls.download_blob(digest, file)
            if not holds(file, digest)[0]:
                file.unlink()
                raise DamagedError(f"what the server sent is not the blob {digest}; ask it to verify its artifacts")
        return file

    def get(self, digest: str) -> bytes:
        """The blob."""
        return self.path(digest).read_bytes()
