"""Whether the project's code changes, for `partita dev`: pages that show flows look at it again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from partita.workspace.discovery import code_files

__all__ = ["CodeWatch"]

#: Seconds between two looks; a project of 5,000 files takes some 30 ms.
_PAUSE_S = 0.7


class CodeWatch:
    """Looks at the times and sizes of a project's files now and then."""

    def __init__(self, folder: Path, tell: Callable[[], None]) -> None:
        """
        Args:
            tell: called, in the event loop, when a file was changed, added or taken away.
        """
        self._folder = folder
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="partita-code-watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        seen = await asyncio.to_thread(_look, self._folder)
        while True:
            await asyncio.sleep(_PAUSE_S)
            now = await asyncio.to_thread(_look, self._folder)
            if now != seen:
                seen = now
                self._tell()


def _look(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for file in code_files(folder):
        with contextlib.suppress(OSError):  # it went while we looked
            told = file.stat()
            found[str(file)] = (told.st_mtime_ns, told.st_size)
    return found
