"""The files that Docker is given to build from: those that are named here, and nothing else of the machine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

__all__ = ["write_context"]

_MODE = 0o644
_FOLDER_MODE = 0o755


def write_context(to: IO[bytes], texts: Mapping[str, bytes], code: Path, folder: str) -> None:
    """Write a tar archive that is the same for the same files, whenever and by whomever it is made.

    Args:
        texts: path in the context -> what the file holds.
        code: folder whose files are put into the folder `folder` of the context.
    """
    members = dict(texts)
    for file in code.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            members[f"{folder}/{file.relative_to(code).as_posix()}"] = file.read_bytes()
    with tarfile.open(fileobj=to, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(_folders([*members, f"{folder}/"])):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, _FOLDER_MODE
            archive.addfile(entry)
        for name, data in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), _MODE
            archive.addfile(entry, io.BytesIO(data))


def _folders(names: list[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        parts = name.split("/")[:-1]
        found.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return found
