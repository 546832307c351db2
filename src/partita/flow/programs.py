"""Running a program so that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from partita.flow.context import context

__all__ = ["KEPT_CHARACTERS", "run_program"]

#: What a program prints is kept up to here; the attempt's log has all of it.
KEPT_CHARACTERS = 10_000_000
_POLL_S = 0.05


def run_program(
    line: str | list[str], folder: str | None = None, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the program; gives its exit status, its standard output and its standard error.

    The program and its children are one process group, which is ended when the attempt is asked to stop, or when
    an exception ends the wait.

    Args:
        variables: its environment; default: that of this process.
    """
    process = subprocess.Popen(
        line,
        shell=isinstance(line, str),
        cwd=folder,
        env=dict(variables) if variables is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    kept: tuple[list[str], list[str]] = ([], [])
    readers = [
        threading.Thread(target=_copy, args=(process.stdout, kept[0], sys.stdout), daemon=True),
        threading.Thread(target=_copy, args=(process.stderr, kept[1], sys.stderr), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        _wait(process)
    except BaseException:
        _end_group(process)
        raise
    finally:
        _join(readers, process)
    return process.returncode, "".join(kept[0]), "".join(kept[1])


def _copy(source: IO[str], kept: list[str], log: Any) -> None:
    size = 0
    with source:
        for text in source:
            if size < KEPT_CHARACTERS:
                kept.append(text)
                size += len(text)
            with contextlib.suppress(ValueError, OSError):  # the log is closed: the program still runs to its end
                log.write(text)
                log.flush()


def _wait(process: subprocess.Popen[str]) -> None:
    attempt = context()
    while True:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            if attempt.should_stop():
                _end_group(process)
                return


def _end_group(process: subprocess.Popen[str], grace_s: float = 5.0) -> None:
    """Ask the whole group to end, then kill it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + grace_s
    while process.poll() is None and time.monotonic() < until:
        time.sleep(_POLL_S / 5)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _join(readers: list[threading.Thread], process: subprocess.Popen[str]) -> None:
    for reader in readers:
        reader.join(1.0)
    if any(reader.is_alive() for reader in readers):  # a child left in the background holds the pipe open
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for reader in readers:
            reader.join(1.0)
