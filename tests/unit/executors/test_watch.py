"""Who is killed when memory runs short."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.core.records import Demand
from partita.executors import watch
from partita.executors.lanes import Lane

_HOLD = "import sys; held = bytearray(b'x') * (int(sys.argv[1]) << 20); print('up', flush=True); sys.stdin.read()"


class _Worker:
    """A worker that only notes that it was killed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_bytes = 0
        self.killed: list[tuple[str, str]] = []

    def kill(self, reason: str, detail: str) -> None:
        self.killed.append((reason, detail))


@pytest.fixture
def lanes() -> Iterator[list[Any]]:
    processes = [
        subprocess.Popen([sys.executable, "-c", _HOLD, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for size in (20, 60)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    yield [Lane(i, Demand(), (), _Worker(process.pid)) for i, process in enumerate(processes)]  # type: ignore[arg-type]
    for process in processes:
        process.communicate()


def test_nobody_is_killed_while_there_is_memory(lanes: list[Any]) -> None:
    watch.MemoryWatch().look(lanes)
    assert [lane.worker.killed for lane in lanes] == [[], []]
    assert 60 * 2**20 < lanes[1].worker.peak_bytes < 120 * 2**20


def test_the_largest_is_killed_when_the_machine_runs_short(lanes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "available_bytes", lambda: 100 * 2**20)
    watch.MemoryWatch(300 * 2**20).look(lanes)
    assert lanes[0].worker.killed == []
    ((reason, detail),) = lanes[1].worker.killed
    assert reason == "memory"
    assert "declare memory=" in detail


def test_who_uses_more_than_declared_is_killed(lanes: list[Any]) -> None:
    for lane in lanes:
        lane.demand = Demand(memory_bytes=50 * 2**20)
    watch.MemoryWatch(300 * 2**20).look(lanes)
    assert lanes[0].worker.killed == []
    ((reason, detail),) = lanes[1].worker.killed
    assert reason == "memory"
    assert "50 MiB were declared" in detail


def test_small_workers_are_not_killed_for_what_others_hold(lanes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "available_bytes", lambda: 2**20)
    watch.MemoryWatch(2000 * 2**20).look(lanes)
    assert [lane.worker.killed for lane in lanes] == [[], []]


def test_what_is_mapped_from_a_file_is_not_the_attempts_own(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(80 << 20))
    read = "import mmap, sys; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY); sum(m[::4096])"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{read}; print('up', flush=True); sys.stdin.read()", str(tmp_path / "large")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    lane: Any = Lane(0, Demand(memory_bytes=50 * 2**20), (), _Worker(process.pid))  # type: ignore[arg-type]
    watch.MemoryWatch(2**20).look([lane])
    process.communicate()
    assert lane.worker.killed == [] and lane.worker.peak_bytes < 50 * 2**20
