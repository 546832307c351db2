"""The command line. It speaks only to the `Workspace` port, and loads only what the command given needs.

app.py         the commands, and how their ends become exit statuses
session.py     what a command works with: the workspace and the output
output.py      text, tables and JSON, for terminals and for pipes
inputs.py      a flow's arguments as words of the command line
watching.py    following a run: progress.py is what is known of it, live.py and lines.py show it
graphs/        a flow's graph as a tree, Mermaid or SVG
the others     one command, or one group of commands, each
"""

from __future__ import annotations

from partita.cli.app import main

__all__ = ["main"]
