"""Where a workspace lies, and whether it still lies there while its engine works."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from partita.errors import EngineError

__all__ = ["MovedError", "Place"]


class MovedError(EngineError):
    """The workspace's folder was moved or removed under its engine."""


class Place:
    """The folder of a workspace's state, known by its inode."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = os.fspath(folder)
        self._identity = self._look()

    @property
    def name(self) -> str:
        """What names the folder on this machine, wherever it is moved to."""
        device, inode = self._identity or (0, 0)
        return f"{device:x}.{inode:x}"

    def is_kept(self) -> bool:
        """Whether the folder is still the one that it was."""
        return self._look() == self._identity

    def guard(self) -> None:
        """Do nothing as long as the folder is there.

        Raises:
            MovedError: what workers write under its path now would be lost, so nothing of it may be recorded.
        """
        if self._look() != self._identity:
            raise MovedError(
                f"{self.folder} was moved or removed while its engine worked; the engine ends, and its runs go on "
                "from what was stored when someone next asks for them at the new place"
            )

    def leave_unless_kept(self) -> None:
        """End this process at once where the folder is lost: nothing may be closed in order.

        SQLite would take away the log of the database that lies under the path now, which is another engine's.
        """
        if not self.is_kept():
            logging.shutdown()
            os._exit(4)

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino
