"""A lock on a folder of stored things: who relies on one holds it shared for a moment, who removes holds it alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["folder_lock", "touch"]


@contextmanager
def folder_lock(folder: Path, *, is_alone: bool) -> Iterator[None]:
    """Hold the folder's lock, a file beside it. Where it cannot be had, nobody may remove anything from the folder."""
    try:
        file = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        if is_alone:
            raise
        yield
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        except OSError:
            if is_alone:
                raise
        yield
    finally:
        os.close(file)


def touch(path: Path) -> bool:
    """Let the file or folder count as just written, so that a collection keeps it; False: it is not there."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:  # somebody else's file, which a collection of ours cannot remove either
        return path.exists()
    return True
