"""What workers elsewhere have kept of checkpoints, in a place that several machines share.

Below the place lies "executors/…/checkpoints/RUN/STEP.tar", which the agents of one executor write and fetch. What belongs to a
run that was deleted is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from partita.artifacts.blobs.placing import is_url
from partita.artifacts.blobs.remote import time_of
from partita.errors import MissingExtraError, ValueStoreError

__all__ = ["KeptCheckpoint", "kept_checkpoints", "remove_checkpoint"]

_NAME = re.compile(r"executors/(?:[^/]+/)+checkpoints/([^/]+)/\d+\.tar")


class KeptCheckpoint(NamedTuple):
    """The checkpoint of one step."""

    name: str  # below the place
    run: str
    size_bytes: int
    written_at: float | None  # seconds since the epoch; None: the place does not tell


def kept_checkpoints(place: str) -> list[KeptCheckpoint]:
    """The checkpoints in a place, a folder or a URL.

    Raises:
        ValueStoreError: it cannot be read.
    """
    return list(_far(place) if is_url(place) else _near(Path(place)))


def remove_checkpoint(place: str, name: str) -> None:
    """Remove a checkpoint; one that is not there is ignored.

    Raises:
        ValueStoreError: it cannot be removed.
    """
    try:
        if is_url(place):
            files, root = _files(place)
            with suppress(FileNotFoundError):
                files.rm_file(f"{root}/{name}")
        else:
            (Path(place) / name).unlink(missing_ok=True)
    except Exception as error:  # each file system has errors of its own
        raise _unreachable(place, error) from error


def _near(place: Path) -> Iterator[KeptCheckpoint]:
    for path in (place / "executors").glob("**/checkpoints/*/*.tar"):
        name = path.relative_to(place).as_posix()
        found = _NAME.fullmatch(name)
        if found is not None:
            with suppress(FileNotFoundError):  # removed meanwhile
                status = path.stat()
                yield KeptCheckpoint(name, found[1], status.st_size, status.st_mtime)


def _far(place: str) -> Iterator[KeptCheckpoint]:
    files, root = _files(place)
    try:
        with suppress(AttributeError):
            files.invalidate_cache()
        listing = files.find(f"{root}/executors", detail=True)
    except FileNotFoundError:
        return
    except Exception as error:
        raise _unreachable(place, error) from error
    for path, told in listing.items():
        name = path.removeprefix(f"{root}/")
        found = _NAME.fullmatch(name)
        if found is not None:
            yield KeptCheckpoint(name, found[1], int(told.get("size") or 0), time_of(told))


def _files(url: str) -> tuple[Any, str]:
    try:
        import fsspec

        files, root = fsspec.url_to_fs(url)
    except ImportError as error:
        raise MissingExtraError(f"checkpoints at {url} need more than is installed: {error}") from error
    except Exception as error:
        raise _unreachable(url, error) from error
    return files, root.rstrip("/")


def _unreachable(place: str, error: Exception) -> ValueStoreError:
    told = str(error) or type(error).__name__
    return ValueStoreError(
        f"checkpoints at {place} cannot be reached: {told}; look at the address, the rights and the network"
    )
