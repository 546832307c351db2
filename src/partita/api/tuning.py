"""Studies that the server is at: each in a thread of its own, with the journal that `partita tune` writes too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from partita.errors import BusyError, StudyError
from partita.protocol.studies import StudyView, TuneRequest
from partita.workspace.local import LocalWorkspace

__all__ = ["Tuning"]

_log = logging.getLogger("partita.server")
#: Studies at once; each looks at its trials some times a second.
_AT_MOST = 8
#: Seconds within which a study has begun, or it was refused: its flow is loaded in a worker first.
_BEGINNING_S = 300.0
#: Seconds that studies have to let go of their journals when the server ends.
_ENDING_S = 2.0


@dataclass(slots=True)
class _Search:
    """One study that the server is at."""

    has_begun: threading.Event = field(default_factory=threading.Event)
    is_stopped: bool = False
    name: str = ""
    view: StudyView | None = None  # as it stood last
    error: Exception | None = None  # why it was refused
    thread: threading.Thread | None = None


class Tuning:
    """Begins studies, and stops them. A study that the server's end breaks off can be gone on with."""

    def __init__(self, open_workspace: Callable[[], LocalWorkspace], announce: Callable[[str], None]) -> None:
        """
        Args:
            announce: is told the name of a study that has changed.
        """
        self._open = open_workspace
        self._announce = announce
        self._lock = threading.Lock()
        self._at: list[_Search] = []

    def start(self, request: TuneRequest) -> StudyView:
        """Begin a study, or go on with one; how it stands at its beginning.

        Raises:
            BusyError: the server is at too many.
            PartitaError: it was refused.
        """
        made = _Search()
        with self._lock:
            if len(self._at) >= _AT_MOST:
                raise BusyError(f"the server is at {_AT_MOST} studies already; wait for one, or stop one", 30.0)
            self._at.append(made)
        made.thread = threading.Thread(target=self._search, args=(made, request), name="partita-study", daemon=True)
        made.thread.start()
        if not made.has_begun.wait(_BEGINNING_S):
            made.is_stopped = True
            raise StudyError("the study did not begin in time; what its flow imports may hang")
        if made.error is not None:
            raise made.error
        return cast("StudyView", made.view)

    def stop(self, name: str) -> bool:
        """Begin no more trials of a study; whether the server was at it. Those that run go on."""
        with self._lock:
            found = [search for search in self._at if search.name == name]
        for search in found:
            search.is_stopped = True
        return bool(found)

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            found = list(self._at)
        for search in found:
            search.is_stopped = True
        for search in found:
            if search.thread is not None:
                search.thread.join(_ENDING_S)

    def _search(self, search: _Search, request: TuneRequest) -> None:
        def show(view: StudyView) -> bool:
            search.name, search.view = view["name"], view
            search.has_begun.set()
            self._announce(view["name"])
            return not search.is_stopped

        workspace = self._open()
        try:
            search.view = workspace.tune(request, show)
            self._announce(search.view["name"])
        except Exception as error:
            search.error = error
            if search.has_begun.is_set():
                _log.error("the study %s ended: %s", search.name, error, exc_info=error)
        finally:
            with self._lock:
                self._at.remove(search)
            search.has_begun.set()
            workspace.close()
