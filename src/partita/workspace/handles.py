"""A value of a run as Python code holds it: looked at without being opened, opened, or written to files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.protocol.artifacts import ArtifactView
from partita.values import unpack

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Artifact"]


class Artifact:
    """One artifact. It is not opened before `value()`, which runs code where it was pickled.

    Raises:
        NotFoundError: there is none of that name.
    """

    def __init__(self, workspace: LocalWorkspace, name: str) -> None:
        """
        Args:
            name: as `partita artifacts show` takes it: "RUN:fit[3].model", or the beginning of a hash.
        """
        self._workspace = workspace
        self._found = workspace.artifact(name)

    @property
    def name(self) -> str:
        """ "RUN:fit[3].model"."""
        return self._found["view"]["name"]

    @property
    def view(self) -> ArtifactView:
        """Its record: type, size, hash, what it was made from."""
        return self._found["view"]

    @property
    def parts(self) -> list[Artifact]:
        """What a dict, tuple or dataclass consists of, each for itself."""
        return [Artifact(self._workspace, part["name"]) for part in self._found["parts"]]

    @property
    def record(self) -> dict[str, Any] | None:
        """What is kept for people to see: the head of a table, a small picture, a waveform, by "kind"; None: nothing."""
        from partita.workspace.inventory import shown_hash

        digest = shown_hash(self._found)
        return self._workspace.artifact_record(digest) if digest else None

    def value(self) -> Any:
        """The value, opened in this process.

        Raises:
            DamagedError: what is stored is not what was written.
            ValueStoreError: what the value is made of cannot be found.
        """
        from partita.workspace.runs import encoder_of

        return encoder_of(self._workspace).decode(unpack(self._found["node"]))

    def save(self, to: str | os.PathLike[str] | None = None, *, raw: bool = False) -> list[Path]:
        """Write it to a file or folder that other programs read, as `partita artifacts get` does; gives the files.

        Args:
            to: file or folder; default: named after the step, in the working directory.
            raw: write what is stored, byte for byte.

        Raises:
            ValueStoreError: it can be opened by Python only, or cannot be written.
        """
        return self._workspace.get_artifact(self.name, Path(to) if to is not None else None, raw=raw)

    def __repr__(self) -> str:
        return f"<Artifact {self.name} {_text(self._found)}>"

    def _repr_html_(self) -> str:
        from partita.drawing.record_html import record_html

        return record_html(self.record, _text(self._found), title=self.name)


def _text(found: Any) -> str:
    from partita.drawing.results import result_line

    return result_line(found["node"]) or "None"
