"""What workers elsewhere have kept of checkpoints, in a place that several machines share.

Below the place lies "executors/…/checkpoints/RUN/STEP.tar", which the agents of one executor write and fetch. What belongs to a
run that was deleted is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from partita.artifacts.blobs.placing import is_url
from partita.artifacts.far import FarPlace, time_of
from partita.errors import ValueStoreError

__all__ = ["KeptCheckpoint", "kept_checkpoints", "remove_checkpoint"]

_WHAT = "checkpoints"
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
    if not is_url(place):
        try:
            (Path(place) / name).unlink(missing_ok=True)
        except OSError as error:
            raise ValueStoreError(
                f"the checkpoint {name} cannot be removed from {place}: {error.strerror}; see the folder's rights"
            ) from error
        return
    far = FarPlace(place, _WHAT)
    try:
        with suppress(FileNotFoundError):
            far.files.rm_file(f"{far.root}/{name}")
    except Exception as error:  # each file system has errors of its own
        raise far.unreachable(error) from error


def _near(place: Path) -> Iterator[KeptCheckpoint]:
    for path in (place / "executors").glob("**/checkpoints/*/*.tar"):
        name = path.relative_to(place).as_posix()
        found = _NAME.fullmatch(name)
        if found is not None:
            with suppress(FileNotFoundError):  # removed meanwhile
                status = path.stat()
                yield KeptCheckpoint(name, found[1], status.st_size, status.st_mtime)


def _far(place: str) -> Iterator[KeptCheckpoint]:
    far = FarPlace(place, _WHAT)
    try:
        with suppress(AttributeError):
            far.files.invalidate_cache()
        listing = far.files.find(f"{far.root}/executors", detail=True)
    except FileNotFoundError:
        return
    except Exception as error:
        raise far.unreachable(error) from error
    for path, told in listing.items():
        name = path.removeprefix(f"{far.root}/")
        found = _NAME.fullmatch(name)
        if found is not None:
            yield KeptCheckpoint(name, found[1], int(told.get("size") or 0), time_of(told))
