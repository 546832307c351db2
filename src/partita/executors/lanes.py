"""Lanes, and the pool of workers that serve them."""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from partita.core.records import Demand
from partita.executors.worker_process import Interpreter, Key, WorkerProcess

__all__ = ["Lane", "Pool", "Stopping", "lane_environment"]

#: Libraries read these when they are imported.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TBB_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


@dataclass(slots=True)
class Stopping:
    """An attempt that was asked to stop."""

    ticket: int
    reason: str
    grace_s: float
    kill_at: float  # monotonic seconds


@dataclass(slots=True, eq=False)
class Lane:
    """A queue of orders and the worker that runs them."""

    number: int
    demand: Demand
    devices: tuple[tuple[str, float], ...]
    worker: WorkerProcess
    queue: deque[int] = field(default_factory=deque)  # tickets; the first runs, or will be next
    asking: set[int] = field(default_factory=set)  # requests of the running attempt that nobody has answered
    stopping: Stopping | None = None


def lane_environment(key: Key, declares_gpu: bool) -> dict[str, str]:
    """The variables that bind a bare worker to a key."""
    _, _, threads, devices = key
    variables = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    if declares_gpu or devices:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    return variables


class Pool:
    """Keeps bare workers ready and finished ones warm; `opened` is told of every worker that was started."""

    def __init__(
        self,
        spare: int,
        keep: int,
        environment: dict[str, str] | None,
        opened: Callable[[WorkerProcess], None],
        origin: str,
    ) -> None:
        self.mark = f"{origin}-{uuid.uuid4().hex[:12]}"
        self.workers: set[WorkerProcess] = set()
        self._spare, self._keep = spare, keep
        self._environment = environment
        self._opened = opened
        self._bare: list[WorkerProcess] = []
        self._warm: dict[WorkerProcess, None] = {}  # in the order in which they became idle
        self._count = 0

    def stop_prestarting(self) -> None:
        """A bare worker could not start, so that the next ones could not either."""
        self._spare = 0

    def prestart(self, limit: int | None = None) -> None:
        """Have bare workers ready."""
        wanted = self._spare if limit is None else min(limit, self._spare)
        while len(self._bare) < wanted:
            self._bare.append(self._start())

    def take(self, key: Key, interpreter: Interpreter | None = None) -> WorkerProcess:
        """A worker bound to the key, or a bare one, which then is.

        Args:
            interpreter: its Python, where that is not the engine's own.
        """
        for worker in reversed(self._warm):
            if worker.key == key and worker.fate is None:
                del self._warm[worker]
                return worker
        worker = self._bare.pop(0) if self._bare and interpreter is None else self._start(interpreter)
        worker.key = key
        return worker

    def put_back(self, worker: WorkerProcess) -> list[WorkerProcess]:
        """The worker is idle; returns those that are too many now."""
        self._warm[worker] = None
        surplus = list(self._warm)[: max(0, len(self._warm) - self._keep)]
        for old in surplus:
            del self._warm[old]
        return surplus

    def remove(self, worker: WorkerProcess) -> None:
        """The worker has ended."""
        self.workers.discard(worker)
        self.retire(worker)

    def retire(self, worker: WorkerProcess) -> None:
        """The worker takes no more orders."""
        self._warm.pop(worker, None)
        if worker in self._bare:
            self._bare.remove(worker)

    def _start(self, interpreter: Interpreter | None = None) -> WorkerProcess:
        self._count += 1
        environment = dict(os.environ) if self._environment is None else dict(self._environment)
        worker = WorkerProcess(f"{self.mark}.{self._count}", environment, interpreter)
        self.workers.add(worker)
        self._opened(worker)
        return worker
