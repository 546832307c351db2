"""What is read of the machine is plausible, and processes are found wherever they have gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from partita.executors import machine

_WRITE = "import sys, time; print('up', flush=True); time.sleep(60)"


def test_the_capacity_is_plausible() -> None:
    capacity = machine.machine_capacity()
    assert 1 <= capacity.cpu <= (os.cpu_count() or 1)
    assert 64 * 2**20 < machine.available_bytes() <= capacity.memory_bytes
    assert machine.oom_kills() >= 0


def test_devices_are_those_that_are_visible(monkeypatch: object) -> None:
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        os.environ["CUDA_VISIBLE_DEVICES"] = "2, GPU-8a7b"
        assert machine.gpu_devices() == ["2", "GPU-8a7b"]
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        assert machine.gpu_devices() == []
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def test_descendants_and_marks_are_found() -> None:
    environment = {**os.environ, "TEST_MARK": "x1."}
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_WRITE!r}], start_new_session=True)"
    child = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    inner = machine.descendants(child.pid)
    assert len(inner) == 1
    assert child.pid in machine.descendants(os.getpid())
    assert sorted(machine.marked_processes("TEST_MARK=x1.")) == sorted([child.pid, *inner])
    assert machine.resident_bytes(child.pid) > 2**20
    assert machine.held_bytes(child.pid) > 2**18
    for pid in [child.pid, *inner]:
        os.kill(pid, 9)
    child.wait()
    child.stdout.close()
    end = time.monotonic() + 10
    while machine.marked_processes("TEST_MARK=x1."):
        assert time.monotonic() < end
    assert machine.resident_bytes(child.pid) == 0
    assert machine.is_ended(child.pid)
