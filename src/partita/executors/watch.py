"""Watching the memory of workers from outside: address-space limits would break what maps more than it uses."""

from __future__ import annotations

from collections.abc import Sequence

from partita.executors.lanes import Lane
from partita.executors.machine import (
    available_bytes,
    descendants,
    held_bytes,
    machine_capacity,
    oom_kills,
    resident_bytes,
)

__all__ = ["MemoryWatch", "in_mebibytes"]

_LEAST_FREE_BYTES = 256 * 2**20
_LEAST_FREE_SHARE = 0.03
_GUILTY_SHARE = 0.2  # of the floor: a worker that holds less than this is not what fills the machine


class MemoryWatch:
    """Kills what uses more memory than it declared, and the largest worker when the machine runs short."""

    def __init__(self, floor_bytes: int | None = None) -> None:
        self._total = machine_capacity().memory_bytes
        share = max(_LEAST_FREE_BYTES, int(self._total * _LEAST_FREE_SHARE))
        self._floor = share if floor_bytes is None else floor_bytes
        self._oom_kills = oom_kills()

    def look(self, lanes: Sequence[Lane]) -> None:
        """Look at the lanes whose workers are running something."""
        sizes = [(self._size(lane), lane) for lane in lanes]
        if sizes and available_bytes() < self._floor:
            size, lane = max(((_held(lane), lane) for lane in lanes), key=lambda pair: pair[0])
            if size < self._floor * _GUILTY_SHARE:
                return  # something else fills the machine, and killing it would not help
            lane.worker.kill(
                "memory",
                f"the machine had less than {in_mebibytes(self._floor)} of memory left, and this was the largest worker"
                f" with {in_mebibytes(size)}; declare memory= so that less runs at the same time",
            )

    def was_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process for lack of memory since this was asked last."""
        before, self._oom_kills = self._oom_kills, oom_kills()
        return self._oom_kills > before

    def _size(self, lane: Lane) -> int:
        size = sum(map(resident_bytes, _processes(lane)))
        limit = lane.demand.memory_bytes
        if limit and size > limit:
            # Values that are mapped into memory, and what forked children share, must not count as the attempt's own.
            size = _held(lane)
        lane.worker.peak_bytes = max(lane.worker.peak_bytes, size)
        if limit and size > limit:
            lane.worker.kill("memory", f"it used {in_mebibytes(size)} of memory, {in_mebibytes(limit)} were declared")
        return size


def _processes(lane: Lane) -> list[int]:
    return [lane.worker.pid, *descendants(lane.worker.pid)]


def _held(lane: Lane) -> int:
    return sum(map(held_bytes, _processes(lane)))


def in_mebibytes(size: int) -> str:
    """A size for people."""
    return f"{size / 2**20:,.0f} MiB"
