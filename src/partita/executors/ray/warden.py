"""The process that outlives an actor's by a moment and ends what that has started: `python -I -S warden.py MARK`.

An actor that is killed cannot see to it itself. The warden knows of its end by the end of its own standard input. It imports
nothing of Partita's, so that it starts at once and takes little memory.
"""

from __future__ import annotations

import os
import signal
import sys
import time

__all__ = ["end_marked", "main"]

_ROUNDS = 100


def end_marked(mark: str) -> None:
    """Kill every process but this one whose environment has the mark "NAME=value", until none is left."""
    wanted = b"\0" + mark.encode() + b"\0"
    for _ in range(_ROUNDS):
        found = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_marked(pid, wanted)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.01)


def _is_marked(pid: int, wanted: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if wanted not in b"\0" + file.read():
                return False
        with open(f"/proc/{pid}/stat", "rb") as file:
            return pid != os.getpid() and file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def main() -> None:
    """Wait for the end of standard input, then for nothing more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    end_marked(sys.argv[1])


if __name__ == "__main__":
    main()
