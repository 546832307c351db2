"""Notices that what is in use changes: cores, slots, queues. The engine tells of it only when asked: it changes all the time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from partita.errors import PartitaError
from partita.views.line import Line

__all__ = ["UseWatch"]

_log = logging.getLogger("partita.server")

#: Seconds between two looks.
_PAUSE_S = 1.0
#: What of the engine's metrics pages show as of now.
_SHOWN = ("started_at", "runs", "ready", "running", "executors", "slots", "is_store_writable")


class UseWatch:
    """Looks at the engine's use while anybody wants to know of it; one look for all of them, and none for nobody."""

    def __init__(self, line: Line, tell: Callable[[], None], pause_s: float = _PAUSE_S) -> None:
        """
        Args:
            tell: called in the event loop when something has changed, and at the first look: what pages show may be older.
        """
        self._line = line
        self._tell = tell
        self._pause_s = pause_s
        self._lookers = 0
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Somebody looks."""
        self._lookers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="partita-use")
        try:
            yield
        finally:
            self._lookers -= 1
            if not self._lookers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        last: dict[str, Any] | None = None
        while True:
            try:
                metrics = await self._line.ask("metrics")
            except PartitaError:
                metrics = {}  # no engine is up; one that comes is another one
            except Exception:
                _log.exception("what is in use cannot be told for the moment")
                metrics = {}
            now = {name: metrics.get(name) for name in _SHOWN}
            if now != last:
                last = now
                self._tell()
            await asyncio.sleep(self._pause_s)
