"""What the first process of a container has to do."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

__all__ = ["leave_first_process"]


def leave_first_process(passed_on: Sequence[signal.Signals]) -> None:
    """Go on in a child. The first process of a container takes no signal that it does not expect, not even SIGKILL from within.

    This one waits for it, and ends as it does, whereby the kernel ends all others.

    Args:
        passed_on: signals that are meant for the child.
    """
    child = os.fork()
    if not child:
        return
    for number in passed_on:
        signal.signal(number, lambda number, frame: os.kill(child, number))
    while True:
        ended, status = os.wait()  # orphans, too
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
