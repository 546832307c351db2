"""The values that steps made, as a workspace in memory gives them: a part of `MemoryWorkspace`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from partita.engine.inventory import Inventory
from partita.protocol.artifacts import FoundArtifact
from partita.values import unpack
from partita.workspace.inventory import find_artifact
from partita.workspace.writing import file_stem, write_artifact

if TYPE_CHECKING:
    from partita.testing.workspace import MemoryWorkspace

__all__ = ["MemoryArtifacts"]


class MemoryArtifacts:
    """What `run.artifact(name)` asks for."""

    @property
    def _memory(self) -> MemoryWorkspace:
        return cast("MemoryWorkspace", self)

    def artifact(self, name: str) -> FoundArtifact:
        """One by its name, "RUN:fit[3].model", or by the beginning of its hash.

        Raises:
            NotFoundError: there is none; names the nearest one.
        """
        verbs = Inventory(self._memory.engine.book, self._memory._reading).verbs
        return find_artifact(lambda verb, **fields: verbs[verb](fields), name)

    def value(self, name: str) -> Any:
        """An artifact's value."""
        return self._memory.encoder.decode(unpack(self.artifact(name)["node"]))

    def artifact_record(self, digest: str) -> dict[str, Any] | None:
        """What is kept of a blob for people to see."""
        return self._memory.encoder.blobs.preview(digest)

    def get_artifact(self, name: str, target: Path | None = None, *, raw: bool = False) -> list[Path]:
        """Write an artifact to a file or folder; gives the files."""
        found = self.artifact(name)
        node, stem = unpack(found["node"]), file_stem(found["view"])
        return write_artifact(self._memory.encoder.blobs, node, stem, target, is_raw=raw)
