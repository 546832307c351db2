"""What a command works with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from partita.cli.output import Output

if TYPE_CHECKING:
    from partita.workspace.port import Workspace

__all__ = ["Opener", "Session"]

#: Opens the workspace that the current folder belongs to, with settings given as arguments, by key.
Opener = Callable[[Mapping[str, Any]], "Workspace"]


class Session:
    """One use of the command line. The workspace is opened when it is first asked for."""

    def __init__(self, open_workspace: Opener, output: Output) -> None:
        self._open = open_workspace
        self._workspace: Workspace | None = None
        self.output = output

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            self._workspace = self._open({})
            self.output.set_color(self._workspace.settings.color)
        return self._workspace

    def close(self) -> None:
        if self._workspace is not None:
            with contextlib.suppress(OSError):
                self._workspace.close()
