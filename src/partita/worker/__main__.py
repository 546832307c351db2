"""`python -m partita.worker ORDERS CONTROL STATUS ENGINE`: three inherited file descriptors, and the engine's pid.

Or `python -m partita.worker --connect SOCKET`: in a container, which inherits nothing; the file descriptors come from whoever
listens there, and the worker ends with that connection.
"""

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
    if arguments[0] == "--connect":
        _leave_first_process()
        orders, control, status = _connect(arguments[1])
    else:
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


def _leave_first_process() -> None:
    """Go on in a child. The first process of a container takes no signal that it does not expect, not even SIGKILL from within.

    This one waits for it, and ends as it does, whereby the kernel ends all others.
    """
    child = os.fork()
    if not child:
        return
    signal.signal(signal.SIGUSR1, lambda number, frame: os.kill(child, number))  # what is meant for the worker
    while True:
        ended, status = os.wait()  # orphans, too
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _connect(path: str) -> list[int]:
    """The file descriptors that a local worker inherits."""
    import socket
    import threading

    engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    engine.connect(path)
    _, files, _, _ = socket.recv_fds(engine, 16, 3)

    def end_with_engine() -> None:
        engine.recv(1)
        os._exit(1)  # the container's first process: all others go with it

    threading.Thread(target=end_with_engine, name="partita-engine", daemon=True).start()
    return files


def _make_importable() -> None:
    """Find Partita where the engine found it."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in sys.path:
        # First: in an environment of a task it holds nothing else, and must win over what a lock file names.
        sys.path.insert(0, root)


if __name__ == "__main__":
    main(sys.argv[1:])
