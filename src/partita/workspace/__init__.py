"""The composition root: what a workspace is, and how its parts are put together.

catalogue.py    the components that can be used here
port.py         what clients can ask of a workspace, as plain data
local.py        that port over the local engine's socket
connection.py   the socket, and starting the engine on demand
composition.py  the only place that names concrete stores and executors
runs.py         runs as Python code holds them
"""

from __future__ import annotations

from partita.workspace.local import LocalWorkspace, open_workspace
from partita.workspace.port import CatalogueView, CheckView, GraphView, Workspace
from partita.workspace.runs import Run

__all__ = ["CatalogueView", "CheckView", "GraphView", "LocalWorkspace", "Run", "Workspace", "open_workspace"]
