"""Where a workspace keeps its blobs: in its own folder, in another one, or behind a URL."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.port import BlobStore
from partita.artifacts.blobs.remote import OWNER_FILE, RemoteBlobs
from partita.artifacts.keys import workspace_key
from partita.errors import ValueStoreError

__all__ = ["claim", "fault_of", "is_url", "open_blobs", "place_of", "requirements_of"]

#: What a worker has to have installed for a URL, by its protocol, beside fsspec.
_LIBRARIES = {
    "abfs": "adlfs>=2024.4", "az": "adlfs>=2024.4", "gcs": "gcsfs>=2024.6", "gs": "gcsfs>=2024.6", "s3": "s3fs>=2024.6",
    "s3a": "s3fs>=2024.6", "sftp": "paramiko>=3.0", "ssh": "paramiko>=3.0",
}  # fmt: skip


def is_url(place: str) -> bool:
    """Whether the place is none on this machine."""
    return "://" in place


def place_of(project: Path, setting: str | None) -> str:
    """The place that the setting means: a URL, or an absolute folder; empty: the workspace's own."""
    if not setting or is_url(setting):
        return setting or ""
    return os.fspath((project / Path(setting).expanduser()).resolve())


def open_blobs(place: str, state: Path, *, is_durable: bool = False) -> FolderBlobs | RemoteBlobs:
    """The blobs of a workspace.

    Args:
        place: a folder or a URL; empty: the folder "blobs" of the workspace.
        state: the workspace's folder. What was fetched from a URL lies in it.
        is_durable: whether blobs in a folder survive the machine's death.

    Raises:
        MissingExtraError: what the URL needs is not installed.
        ValueStoreError: the URL is none.
    """
    own = FolderBlobs(state / "blobs", is_durable=is_durable)
    if not place:
        return own
    if not is_url(place):
        return FolderBlobs(Path(place), is_durable=is_durable)
    # A folder for each URL: whatever lies in it lies there, too.
    folder = state / "fetched" / blake2b(place.encode(), digest_size=6).hexdigest()
    return RemoteBlobs(place, folder, own)


def requirements_of(place: str) -> tuple[str, ...]:
    """What has to be installed where the place is used, as requirements."""
    if not is_url(place):
        return ()
    library = _LIBRARIES.get(place.partition("://")[0].partition("::")[0])
    return ("fsspec>=2024.6", library) if library else ("fsspec>=2024.6",)


def claim(blobs: BlobStore, state: Path) -> None:
    """Make the place this workspace's own: a collection removes from it whatever this workspace does not need.

    Raises:
        ValueStoreError: it is another workspace's, or cannot be reached or written.
    """
    fault = fault_of(blobs, state)
    if fault:
        raise ValueStoreError(fault)
    if isinstance(blobs, RemoteBlobs):
        if not blobs.owner():
            blobs.claim(_owner(state))
    elif isinstance(blobs, FolderBlobs) and blobs.folder.parent != state:
        try:
            blobs.folder.mkdir(parents=True, exist_ok=True)
            (blobs.folder / OWNER_FILE).write_bytes(_owner(state))
        except OSError as error:
            raise ValueStoreError(
                f"artifacts cannot be kept in {blobs.folder}: {error.strerror}; see the folder's rights"
            ) from error


def fault_of(blobs: BlobStore, state: Path) -> str:
    """Why this workspace cannot keep its blobs there; empty: it can, as far as can be seen by looking.

    Raises:
        ValueStoreError: it cannot be reached.
    """
    if isinstance(blobs, RemoteBlobs):
        place, found = blobs.url, blobs.owner()
    elif isinstance(blobs, FolderBlobs):
        place, file = str(blobs.folder), blobs.folder / OWNER_FILE
        found = file.read_bytes() if file.exists() else b""
    else:
        return ""
    if not found or ((state / "key").exists() and found == _owner(state)):  # looking makes no workspace
        return ""
    return (
        f"artifacts at {place} belong to another workspace, which would lose what this one collects; set `artifacts` to a "
        f"place of this workspace's own, such as a folder below. Where it is the same project on another machine, copy its file "
        f".partita/key to {state / 'key'}; where that workspace is no more, remove {place}/{OWNER_FILE}"
    )


def _owner(state: Path) -> bytes:
    return blake2b(workspace_key(state), digest_size=16, person=b"owner").hexdigest().encode()
