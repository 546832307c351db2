"""Comparing blobs with their hashes: what is damaged, cut short, empty or gone, and setting it aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.hashing import holds
from partita.artifacts.blobs.remote import RemoteBlobs
from partita.protocol.artifacts import BlobFault
from partita.store.opening import census_of

__all__ = ["verify_blobs"]

Progress = Callable[[int, int, int], None]  # (blobs done, blobs in all, bytes read)


def verify_blobs(
    blobs: FolderBlobs | RemoteBlobs, state: Path, chosen: Iterable[str] | None, owners: Callable[[str], list[str]],
    *, database: str = "", is_repairing: bool = False,
    progress: Progress = lambda done, total, size: None,
) -> tuple[int, int, list[BlobFault]]:  # fmt: skip
    """Read blobs and compare them with their hashes; gives how many, their bytes, and what is wrong.

    Args:
        chosen: hashes; None: all that there are, and all that rows name.
        database: URL of the database that has the rows; empty: they lie in the workspace's folder.
        owners: names of the artifacts that hold a blob.
        is_repairing: damaged blobs are set aside, so that a rerun makes them again, or sent again from here.
    """
    known = census_of(state, database).blobs
    digests = sorted(set(chosen) if chosen is not None else {*known, *_stored(blobs)})
    read_bytes, faults = 0, []
    for done, digest in enumerate(digests):
        progress(done, len(digests), read_bytes)
        size = known.get(digest, ("", -1))[1]
        fault, found_bytes = _fault(blobs, digest, size)
        read_bytes += found_bytes
        if fault:
            is_mended = is_repairing and _is_mended(blobs, digest, fault)
            faults.append(
                BlobFault(
                    hash=digest,
                    fault=fault,
                    size_bytes=found_bytes,
                    wanted_bytes=max(size, 0),
                    artifacts=owners(digest),
                    is_repaired=is_mended,
                )
            )
    progress(len(digests), len(digests), read_bytes)
    return len(digests), read_bytes, faults


def _fault(blobs: FolderBlobs | RemoteBlobs, digest: str, size: int) -> tuple[str, int]:
    """What is wrong with a blob, empty: nothing; and how many bytes it has."""
    if isinstance(blobs, RemoteBlobs):
        fault, read_bytes = blobs.check(digest)
    else:
        try:
            is_whole, read_bytes = holds(blobs.place(digest), digest)
        except FileNotFoundError:
            return "missing", 0
        except OSError as error:
            return f"unreadable ({error.strerror})", 0
        fault = "" if is_whole else "damaged" if read_bytes else "empty"
    return ("truncated" if fault == "damaged" and read_bytes < size else fault), read_bytes


def _stored(blobs: FolderBlobs | RemoteBlobs) -> Iterable[str]:
    if isinstance(blobs, RemoteBlobs):
        yield from (file.digest for file in blobs.listing() if file.digest and not file.suffix)
        return
    folder = blobs.folder
    for place in folder.iterdir() if folder.is_dir() else ():
        if len(place.name) == 2 and place.is_dir():
            yield from (place.name + path.name for path in place.iterdir() if len(path.name) == 62 and not path.suffix)


def _is_mended(blobs: FolderBlobs | RemoteBlobs, digest: str, fault: str) -> bool:
    """Whether the fault is out of the way: the blob is whole again, or will be made again."""
    if isinstance(blobs, RemoteBlobs):
        return not fault.startswith("unreadable") and blobs.mend(
            digest
        )  # a network that fails says nothing of the blob
    return fault != "missing" and blobs.set_aside(digest) is not None
