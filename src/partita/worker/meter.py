"""What attempts use, and what they leave behind."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita.worker.loop import Worker

__all__ = ["Meter"]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_GROWTH_LIMIT_BYTES = 2**30
_RESET_PEAK = "/proc/self/clear_refs"
#: A peak is forgotten before the next attempt where it is so much above what is held now: that costs 5 us.
_NOTABLE_BYTES = 4 * 2**20


class Meter:
    """Looks after every attempt that was long enough to have done something."""

    def __init__(self) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._may_reset = True
        self._baseline = 0
        self.cpu_s = _cpu_s()
        self.peak_bytes = self.resident_bytes()

    def resident_bytes(self) -> int:
        """Resident memory now."""
        return int(os.pread(self._statm, 200, 0).split()[1]) * _PAGE_BYTES

    def look(self, worker: Worker) -> float:
        """Measure the attempt that has just ended and clear up after it; the CPU time that it took."""
        cpu_s = _cpu_s()
        used_s, self.cpu_s = cpu_s - self.cpu_s, cpu_s
        resident = self.resident_bytes()
        self.peak_bytes = self._peak(resident)
        if not self._baseline:
            self._baseline = resident
        elif resident > self._baseline + _GROWTH_LIMIT_BYTES:
            worker.wear_out(f"it has grown by {(resident - self._baseline) / 2**20:,.0f} MiB")
        self._look_for_remains(worker)
        return used_s

    def _peak(self, resident: int) -> int:
        """The kernel remembers the highest size since it was last told to forget it, and its parent's before `exec`."""
        high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = high_water * 1024 if high_water > self._high_water else resident
        self._high_water = max(high_water, self._high_water)
        if peak > resident + _NOTABLE_BYTES and self._may_reset:
            self._reset_peak()
        return peak

    def _reset_peak(self) -> None:
        try:
            with open(_RESET_PEAK, "wb", buffering=0) as file:
                file.write(b"5")
        except OSError:
            self._may_reset = False  # not everywhere; then an attempt's peak is told where it is higher than all before
        else:
            self._high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def _look_for_remains(self, worker: Worker) -> None:
        if _has_children() and _kill_children():
            worker.wear_out("its last attempt left processes behind")
        if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
            worker.wear_out("its last attempt left threads behind")
        worker.capture.check()


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _kill_children() -> int:
    """Kill what an attempt has left running, grandchildren too, which come to us when their parents end."""
    from partita.executors.machine import descendants, is_ended

    spared = _service_processes()
    killed = 0
    while strays := [pid for pid in descendants(os.getpid()) if pid not in spared]:
        for pid in strays:
            if not is_ended(pid):
                killed += 1
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED)
    return killed


def _service_processes() -> set[int]:
    """Processes that libraries start once and share: multiprocessing's trackers."""
    pids = set()
    for module in ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker"):
        tracker = getattr(sys.modules.get(module), "_resource_tracker", None)
        pids.add(getattr(tracker, "_pid", None))
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    pids.add(getattr(server, "_forkserver_pid", None))
    return {pid for pid in pids if pid is not None}
