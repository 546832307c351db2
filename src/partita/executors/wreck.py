"""What can be said of an attempt whose worker has died."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from partita.executors.port import LOST
from partita.executors.watch import MemoryWatch
from partita.executors.worker_process import WorkerProcess

__all__ = ["account_of", "unsent"]

_TAIL_BYTES = 2000


def account_of(
    worker: WorkerProcess, ticket: int, ending: str, watch: MemoryWatch, cpu_s: float
) -> tuple[str, str, list[float | int], list[str | int] | None]:
    """The (reason, detail, usage, log) of LOST."""
    now = time.time()
    _, start, started_at, cpu_before_s = worker.status.attempt()
    usage: list[float | int] = [started_at or now, now, max(0.0, cpu_s - cpu_before_s), worker.peak_bytes]
    log, tail = _printed(worker, start)
    if worker.fate is not None:
        reason, detail, meant = worker.fate
        if meant and meant != ticket:
            # It ended by itself in the last moment, and the worker had gone on.
            reason, detail = "died", "its worker was killed because of the order before it"
        return reason, _with_tail(detail, tail), usage, log
    if not worker.is_ready:
        return "died", _with_tail(f"the worker could not start: {ending}", worker.status.startup_output()), usage, None
    if "SIGKILL" in ending:
        ending += ", and not by us: " + (
            "the system ran out of memory" if watch.was_out_of_memory() else "perhaps the system ran out of memory"
        )
    return "died", _with_tail(f"the worker died: {ending}", tail), usage, log


def unsent(ticket: int, folder: str, error: OSError) -> list[Any]:
    """The LOST of an order that could not be written to the folder through which it travels."""
    now = time.time()
    detail = f"its arguments could not be written to {folder}: {error.strerror}"
    return [LOST, ticket, "died", detail, [now, now, 0.0, 0], None]


def _printed(worker: WorkerProcess, start: int) -> tuple[list[str | int] | None, str]:
    """Where the attempt's output lies, and the end of it."""
    name = worker.status.segment()
    if not name or not worker.workspace:
        return None, ""
    try:
        with open(Path(worker.workspace, "logs", name), "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - _TAIL_BYTES))
            tail = file.read().decode(errors="replace").strip()
    except OSError:
        return None, ""
    return ([os.path.basename(name), start, end] if end > start else None), tail


def _with_tail(detail: str, tail: str) -> str:
    return f"{detail}\nIt printed last:\n{tail}" if tail else detail
