"""`python -m partita.worker ORDERS CONTROL STATUS ENGINE`: three inherited file descriptors, and the engine's pid."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["main"]

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> None:
    """Be a worker until the engine says stop or ends."""
    library = ctypes.CDLL(None)
    orders, control, status, engine = map(int, arguments)
    library.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != engine:
        return  # the engine died before the kernel knew that we are to die with it
    library.prctl(_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _make_importable()
    from partita.worker.loop import Worker

    Worker(orders, control, status).serve()
    # Threads and exit handlers of user code must not keep a worker alive that has nothing to do.
    os._exit(0)


def _make_importable() -> None:
    """Find Partita where the engine found it."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in sys.path:
        # First: in an environment of a task it holds nothing else, and must win over what a lock file names.
        sys.path.insert(0, root)


if __name__ == "__main__":
    main(sys.argv[1:])
