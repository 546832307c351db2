"""What a command works with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from partita.cli.output import Output

if TYPE_CHECKING:
    from partita.workspace.port import Workspace

__all__ = ["Opener", "Session"]

#: Opens the workspace that the current folder belongs to, with settings given as arguments, by key; "server" names another.
Opener = Callable[[Mapping[str, Any]], "Workspace"]


class Session:
    """One use of the command line. The workspace is opened when it is first asked for."""

    def __init__(self, open_workspace: Opener, output: Output, server: str = "") -> None:
        """
        Args:
            server: URL of the server whose workspace is worked with; empty: the current folder's.
        """
        self._open = open_workspace
        self.server = server
        self._workspace: Workspace | None = None
        self._local: Workspace | None = None
        self.output = output

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            self._workspace = self._open(self._arguments)
            self.output.set_color(self._workspace.settings.color)
        return self._workspace

    @property
    def _arguments(self) -> dict[str, Any]:
        return {"server": self.server} if self.server else {}

    @property
    def local(self) -> Workspace:
        """The workspace of the current folder's project, also where a server is named."""
        if not self.server:
            return self.workspace
        if self._local is None:
            self._local = self._open({})
        return self._local

    def reopen(self) -> Workspace:
        """The workspace once more, with a connection of its own."""
        return self._open(self._arguments)

    def close(self) -> None:
        for workspace in (self._workspace, self._local):
            if workspace is not None:
                with contextlib.suppress(OSError):
                    workspace.close()
