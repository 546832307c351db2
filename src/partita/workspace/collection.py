"""`python -m partita.workspace.collection FOLDER`: remove files that nothing needs, behind everybody else's work.

What it found comes as a JSON object: "freed_bytes", "blobs" and "trouble".
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from partita.errors import PartitaError
from partita.workspace.local import open_workspace
from partita.workspace.sweeping import Sweep

__all__ = ["main"]

_NICENESS = 15


def main() -> int:
    """Collect; gives the exit status."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    try:
        workspace = open_workspace(Path(sys.argv[1]))
        found = Sweep(workspace.state, store=workspace.blobs, database=workspace.database).collect()
    except PartitaError as error:
        print(json.dumps({"trouble": f"{type(error).__name__}: {error}"}))
        return 1
    print(json.dumps({"freed_bytes": found["freed_bytes"], "blobs": found["blobs"], "trouble": ""}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
