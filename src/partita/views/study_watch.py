"""Notices that studies go on: they are files that whoever tunes appends to, and the engine knows nothing of them."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from partita.tune.journal import FolderJournals
from partita.views.following import Following

__all__ = ["StudyWatch"]

_PAUSE_S = 0.4
#: Seconds after which nobody is taken to look at studies any more who has not loaded a page of them.
_INTEREST_S = 12 * 3600.0
#: Seconds for which a study that grew is looked at for whether somebody is still at it.
_LIVELY_S = 600.0

_Look = dict[str, tuple[int, bool]]  # name -> bytes of the journal, and whether it is held


class StudyWatch:
    """Looks at the journals' sizes, while anybody follows the server and has looked at studies lately."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._until = 0.0
        self._is_over = threading.Event()

    def look(self, folder: Path) -> None:
        """A page of studies was shown."""
        with self._lock:
            self._until = time.monotonic() + _INTEREST_S
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, args=(folder,), name="partita-studies", daemon=True)
                self._thread.start()

    def _watch(self, folder: Path) -> None:
        before = _looked(folder)
        while time.monotonic() < self._until and not self._is_over.wait(_PAUSE_S):
            if not self._following.is_looked_at:
                continue
            now = _looked(folder)
            for name in before.keys() | now.keys():
                if before.get(name) != now.get(name):
                    self._following.announce("studies", name)
            before = now

    def close(self) -> None:
        self._is_over.set()


def _looked(folder: Path) -> _Look:
    journals, found = FolderJournals(folder), _Look()
    now = time.time()
    with contextlib.suppress(OSError):
        for file in folder.glob("*.jsonl"):
            with contextlib.suppress(OSError):
                about = file.stat()
                is_lively = now - about.st_mtime < _LIVELY_S
                found[file.stem] = (about.st_size, is_lively and journals.is_held(file.stem))
    return found
