"""A workspace for each thread of the server: their connections to the engine do not wait for each other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from partita.workspace.local import LocalWorkspace

__all__ = ["Pool"]


class Pool:
    """Opens workspaces as threads come."""

    def __init__(self, open_workspace: Callable[[], LocalWorkspace]) -> None:
        self._open = open_workspace
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: list[LocalWorkspace] = []

    @property
    def workspace(self) -> LocalWorkspace:
        """This thread's."""
        found: LocalWorkspace | None = getattr(self._own, "workspace", None)
        if found is None:
            found = self._own.workspace = self._open()
            with self._lock:
                self._all.append(found)
        return found

    def close(self) -> None:
        with self._lock:
            for workspace in self._all:
                with contextlib.suppress(OSError):
                    workspace.close()
            self._all.clear()
