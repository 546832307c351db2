"""Be the engine of the workspace of a project's folder."""

from __future__ import annotations

import sys

from partita.workspace.composition import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
