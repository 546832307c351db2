"""Where a call stands, as "file.py:12"."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType

from partita.errors import DefinitionError

__all__ = ["OWN_FOLDER", "Places"]

OWN_FOLDER = os.path.dirname(__file__) + os.sep
_IMPORTING = "<frozen importlib"


@lru_cache(4096)
def _real(path: str) -> str:
    return os.path.realpath(path)


class Places:
    """Finds places, each once: a body that calls a task 20,000 times does so from one line."""

    def __init__(self, project: Path) -> None:
        self._prefix = _real(str(project)) + os.sep
        # The code is kept, so that its id is not given to another one.
        self._found: dict[tuple[int, int], tuple[str, CodeType]] = {}

    def of(self, frame: FrameType, name: str) -> str:
        """The place that the frame has reached.

        Raises:
            DefinitionError: a module is being imported there.
        """
        key = (id(frame.f_code), frame.f_lasti)
        found = self._found.get(key)
        if found is None:
            self._refuse_import(frame, name)
            found = self._found[key] = (self.in_project(frame.f_code.co_filename, frame.f_lineno), frame.f_code)
        return found[0]

    def in_project(self, file: str, line: int) -> str:
        """The place, with the file relative to the project where it lies in it."""
        real = _real(file)
        shown = real[len(self._prefix) :] if real.startswith(self._prefix) else os.path.basename(file)
        return f"{shown}:{line}"

    def _refuse_import(self, frame: FrameType, name: str) -> None:
        current: FrameType | None = frame
        while current is not None and not current.f_code.co_filename.startswith(OWN_FOLDER):
            if current.f_code.co_filename.startswith(_IMPORTING):
                raise DefinitionError(
                    f"{name} was called while a module is imported, in the midst of a flow's body "
                    f"({self.in_project(frame.f_code.co_filename, frame.f_lineno)}); call it in the body itself, or "
                    f"under `if __name__ == '__main__':`"
                )
            current = current.f_back
