"""What a backup says of itself: every file with its size and hash. It is written last, so that there is none of a broken one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

from partita.errors import BackupError

__all__ = [
    "BLOBS",
    "BUNDLES",
    "FORMAT",
    "MANIFEST",
    "SNAPSHOTS",
    "Manifest",
    "read_manifest",
    "snapshots_in",
    "write_manifest",
]

FORMAT = 1
MANIFEST = "manifest.json"
#: Folders of a backup: what its snapshots share, under their hashes, and each snapshot.
BLOBS, BUNDLES, SNAPSHOTS = "blobs", "bundles", "snapshots"


class Manifest(TypedDict):
    """One snapshot of a workspace."""

    format: int
    name: str  # of the snapshot: when it was taken
    made_at: float
    version: str  # of Partita
    project: str  # name of the project's folder
    store: str  # what the rows lay in: "sqlite" or "postgresql"
    tables: int  # version of the store's tables
    runs: int
    unfinished: int
    keys: str  # "sealed" or "left out"
    artifacts: str  # where values are that the backup does not hold; empty: it holds all
    files: dict[str, tuple[int, str]]  # (bytes, BLAKE3) by path in the backup
    blobs: dict[str, int]  # bytes by hash
    absent: list[str]  # what the rows name and was not there when the backup was made


def write_manifest(manifest: Manifest) -> bytes:
    return json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"


def read_manifest(file: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        BackupError: it is none, or of a newer Partita.
    """
    try:
        found: Any = json.loads(file.read_bytes())
        made: int = found["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{file} is no manifest of a backup ({error}); give what `partita backup` wrote") from error
    if made > FORMAT:
        raise BackupError(
            f"the backup {file.parent} was made by a newer Partita ({found.get('version')}); upgrade Partita"
        )
    return found  # type: ignore[no-any-return]


def snapshots_in(folder: Path) -> list[str]:
    """The whole snapshots of a backup, the latest last."""
    return sorted(path.parent.name for path in (folder / SNAPSHOTS).glob(f"*/{MANIFEST}"))
