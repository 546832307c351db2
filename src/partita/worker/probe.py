"""What `partita executors test` has each executor do: a small task that tells where it ran."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

__all__ = ["probe"]

#: More than fits into a row, so that a blob is written and read.
_BLOB_BYTES = 10_000


def probe() -> dict[str, Any]:
    """Where this ran; with a value that goes the way of large values."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "python": platform.python_version(), "machine": platform.node(), "pid": os.getpid(), "cores": cores,
        "prefix": sys.prefix, "blob": os.urandom(_BLOB_BYTES),
    }  # fmt: skip
