"""What the machine has, and what its processes use, read from /proc and the control groups."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from partita.executors.port import Capacity

__all__ = [
    "LISTS_CHILDREN",
    "available_bytes",
    "cpu_seconds",
    "descendants",
    "held_bytes",
    "gpu_devices",
    "is_ended",
    "machine_capacity",
    "machine_class",
    "marked_processes",
    "oom_kills",
    "resident_bytes",
]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_GROUP = "/sys/fs/cgroup"

#: Kernels without CONFIG_PROC_CHILDREN make us walk all processes.
LISTS_CHILDREN = os.path.exists("/proc/thread-self/children")


def machine_capacity() -> Capacity:
    """The cores and the memory that this process may use, control groups respected, and the GPU devices."""
    return Capacity(float(_cores()), _total_bytes(), float(len(gpu_devices())))


def machine_class() -> str:
    """What sort of machine this is, as a short text: the processor's model and how many cores there are."""
    model = ""
    with suppress(OSError):
        for line in _read("/proc/cpuinfo").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() in ("model name", "cpu model", "hardware"):
                model = value
                break
    words = re.sub(r"\((?:r|tm|c)\)|\bcpu\b|\bprocessor\b|\b\d+-core\b|@.*", " ", model.lower())
    slug = "-".join(re.findall(r"[a-z0-9.]+", words)) or os.uname().machine
    return f"{slug[:40].rstrip('-.')}-x{_cores():g}"


def gpu_devices() -> list[str]:
    """Names of the GPU devices that this process may use, as CUDA_VISIBLE_DEVICES takes them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    with suppress(OSError):
        numbers = [name[6:] for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit()]
        return sorted(numbers, key=int)
    return []


def available_bytes() -> int:
    """Memory that can be had without swapping."""
    available = _meminfo("MemAvailable")
    limit, used = _group_number("memory.max"), _group_number("memory.current")
    if limit and used is not None:
        available = min(available, limit - used + _group_reclaimable())
    return available


def oom_kills() -> int:
    """How many processes the kernel has killed for lack of memory since the machine or its container started."""
    for path, key in ((f"{_GROUP}/memory.events", "oom_kill"), ("/proc/vmstat", "oom_kill")):
        with suppress(OSError):
            for line in _read(path).splitlines():
                name, _, value = line.partition(" ")
                if name == key:
                    return int(value)
    return 0


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it is gone."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def held_bytes(pid: int) -> int:
    """Memory of one process that only its end frees; slower than `resident_bytes`, which is never less.

    Pages of mapped files do not count, since the kernel takes them back when it needs them; a page that n processes
    share counts for 1/n.
    """
    sizes: dict[str, int] = {}
    with suppress(OSError, ValueError, IndexError):
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]:
            name, value = line.split()[:2]
            sizes[name] = int(value) * 1024
    if "Pss_Anon:" in sizes:
        return sizes["Pss_Anon:"] + sizes.get("Pss_Shmem:", 0)
    return sizes.get("Pss:") or resident_bytes(pid)


def cpu_seconds(pid: int) -> float:
    """CPU time of one process and of its children that have ended; 0 when it is gone."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    except (OSError, ValueError):
        return 0.0


def descendants(pid: int) -> list[int]:
    """The children of a process, their children, and so on."""
    if not LISTS_CHILDREN:
        return _descendants_by_parent(pid)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop())
        found.extend(children)
        waiting.extend(children)
    return found


def is_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for its parent to take note of its end."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def marked_processes(mark: str) -> list[int]:
    """The processes with a variable that begins with the mark "NAME=value", whatever parent they have by now."""
    wanted = b"\0" + mark.encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                if wanted in b"\0" + file.read() and not is_ended(int(entry)):
                    found.append(int(entry))
    return found


def _children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in _read(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        return []


def _descendants_by_parent(pid: int) -> list[int]:
    import psutil

    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _cores() -> float:
    cores = float(len(os.sched_getaffinity(0)))
    with suppress(OSError, ValueError):
        quota, period = _read(f"{_GROUP}/cpu.max").split()
        if quota != "max":
            cores = min(cores, max(1.0, int(quota) / int(period)))
    return cores


def _total_bytes() -> int:
    total = _meminfo("MemTotal")
    limit = _group_number("memory.max")
    return min(total, limit) if limit else total


def _group_reclaimable() -> int:
    with suppress(OSError):
        for line in _read(f"{_GROUP}/memory.stat").splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    return 0


def _group_number(name: str) -> int | None:
    try:
        return int(_read(f"{_GROUP}/{name}"))
    except (OSError, ValueError):
        return None


def _meminfo(name: str) -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
