"""Which flows may be named over HTTP: those of the project's files. A reference names a function in any module, and whoever has a
flow laid out has that function called: the command line's user may do that, and a stranger with a token may not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from partita.errors import NotFoundError

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["References"]

#: Seconds for which the list of flows is believed, and between two looks for one that is not in it.
_BELIEVED_S, _PAUSE_S = 5.0, 0.5


class References:
    """The flows of the project's files, as they are found by reading them."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._read_at_s = -_BELIEVED_S
        self._lock = threading.Lock()

    def need(self, workspace: LocalWorkspace, flow: str) -> None:
        """
        Raises:
            NotFoundError: the project's files have no such flow.
        """
        now_s = time.monotonic()
        with self._lock:
            age_s = now_s - self._read_at_s
            if age_s >= _BELIEVED_S or (flow not in self._known and age_s >= _PAUSE_S):
                self._known = frozenset(workspace.flows())
                self._read_at_s = now_s
            is_known = flow in self._known
        if not is_known:
            raise NotFoundError(
                f"{flow[:200]!r} is no flow of the project's files; a server takes those that are listed, as file.py:name, "
                "and published ones"
            )
