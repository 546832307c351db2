"""Comparing blobs with their hashes: what is damaged, cut short, empty or gone, and setting it aside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from partita.artifacts.hashing import holds
from partita.protocol.artifacts import BlobFault
from partita.store.census import take_census

__all__ = ["verify_blobs"]

Progress = Callable[[int, int, int], None]  # (blobs done, blobs in all, bytes read)


def verify_blobs(
    state: Path, chosen: Iterable[str] | None, owners: Callable[[str], list[str]], *, is_repairing: bool = False,
    progress: Progress = lambda done, total, size: None,
) -> tuple[int, int, list[BlobFault]]:  # fmt: skip
    """Read blobs and compare them with their hashes; gives how many, their bytes, and what is wrong.

    Args:
        chosen: hashes; None: all that there are, and all that rows name.
        owners: names of the artifacts that hold a blob.
        is_repairing: damaged blobs are moved to the folder "damaged", so that a rerun makes them again.
    """
    folder = state / "blobs"
    known = take_census(state / "store.db").blobs
    digests = sorted(set(chosen) if chosen is not None else {*known, *_stored(folder)})
    read_bytes, faults = 0, []
    for done, digest in enumerate(digests):
        progress(done, len(digests), read_bytes)
        size = known.get(digest, ("", -1))[1]
        fault, found_bytes = _fault(folder / digest[:2] / digest[2:], digest, size)
        read_bytes += found_bytes
        if fault:
            is_aside = is_repairing and fault != "missing" and _set_aside(state, digest)
            faults.append(
                BlobFault(
                    hash=digest,
                    fault=fault,
                    size_bytes=found_bytes,
                    wanted_bytes=max(size, 0),
                    artifacts=owners(digest),
                    is_set_aside=is_aside,
                )
            )
    progress(len(digests), len(digests), read_bytes)
    return len(digests), read_bytes, faults


def _fault(path: Path, digest: str, size: int) -> tuple[str, int]:
    """What is wrong with a blob, empty: nothing; and how many bytes it has."""
    try:
        is_whole, read_bytes = holds(path, digest)
    except FileNotFoundError:
        return "missing", 0
    except OSError as error:
        return f"unreadable ({error.strerror})", 0
    if is_whole:
        return "", read_bytes
    if not read_bytes:
        return "empty", 0
    return ("truncated" if read_bytes < size else "damaged"), read_bytes


def _stored(folder: Path) -> Iterable[str]:
    for place in folder.iterdir() if folder.is_dir() else ():
        if len(place.name) == 2 and place.is_dir():
            yield from (place.name + path.name for path in place.iterdir() if len(path.name) == 62 and not path.suffix)


def _set_aside(state: Path, digest: str) -> bool:
    target = state / "damaged" / digest
    target.parent.mkdir(exist_ok=True)
    try:
        os.replace(state / "blobs" / digest[:2] / digest[2:], target)
    except OSError:
        return False
    return True
