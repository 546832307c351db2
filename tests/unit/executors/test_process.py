"""What local processes add to the laws of executors."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.core.records import Demand
from partita.executors.machine import is_ended
from partita.executors.port import LOST, RETURNED, Capacity
from partita.executors.process import ProcessExecutor
from partita.protocol.messages import DONE
from partita.testing.executor_contract import Desk


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[ProcessExecutor]:
    made = ProcessExecutor(Capacity(2, 2**30, 2), workspace=tmp_path / "workspace", spare=1, devices=["4", "7"])
    yield made
    made.close()


@pytest.fixture
def desk(executor: ProcessExecutor, tmp_path: Path) -> Desk:
    made = Desk(executor, tmp_path)
    with (made.bundle / "contract_tasks.py").open("a") as file:
        file.write(
            "\ndef variable(name):\n    return os.environ.get(name)\n"
            "\ndef where():\n    return '|'.join([os.getcwd(), sys.path[0], sys.path[1]])\n"
            "\ndef write_garbage():\n"
            "    for name in os.listdir('/proc/self/fd'):\n"
            "        try:\n"
            "            if os.readlink(f'/proc/self/fd/{name}').startswith('socket:'):\n"
            "                os.write(int(name), b'\\xc1/etc/passwd')\n"
            "        except OSError:\n"
            "            pass\n"
        )
    return made


def test_gpu_devices_are_allotted(desk: Desk) -> None:
    one, half, other_half, none = (desk.lane(Demand(gpu=gpu)) for gpu in (1, 0.5, 0.5, 0))
    shown = [
        desk.value_of(desk.submit(lane, "variable", "CUDA_VISIBLE_DEVICES")) for lane in (one, half, other_half, none)
    ]
    assert shown == ["4", "7", "7", ""]


def test_library_threads_follow_the_demand(desk: Desk) -> None:
    wide, narrow = desk.lane(Demand(cpu=2)), desk.lane(Demand(cpu=0.5))
    assert desk.value_of(desk.submit(wide, "variable", "OMP_NUM_THREADS")) == "2"
    assert desk.value_of(desk.submit(narrow, "variable", "POLARS_MAX_THREADS")) == "1"


def test_the_bundle_comes_first(desk: Desk) -> None:
    shown = desk.value_of(desk.submit(desk.lane(), "where")).split("|")
    assert shown == [os.path.realpath(desk.bundle), str(desk.bundle), str(desk.bundle / "src")]


def test_garbage_from_a_worker_ends_that_worker_only(desk: Desk) -> None:
    lane, other = desk.lane(), desk.lane()
    lost = desk.end_of(desk.submit(lane, "write_garbage"))
    assert lost[0] == LOST
    assert "no message" in lost[3]
    assert desk.value_of(desk.submit(other, "add", 1, 1)) == 2


def test_an_idle_worker_may_die(desk: Desk) -> None:
    lane = desk.lane()
    os.kill(desk.value_of(desk.submit(lane, "process_id")), signal.SIGKILL)
    desk.until(lambda: desk.closed(lane))
    assert desk.value_of(desk.submit(desk.lane(), "add", 1, 1)) == 2


def test_no_spilled_file_stays(desk: Desk) -> None:
    lane, length = desk.lane(), desk.profile("length")
    started, gate = desk.file("started"), desk.file("gate")
    desk.submit(lane, "wait_for_file", str(started), str(gate))
    desk.until(started.exists)
    behind = [desk.order(length, "x" * 200_000) for _ in range(3)]
    desk.executor.submit(lane, behind)
    assert len(list((desk.folder / "workspace" / "spill").iterdir())) == 3
    assert len(desk.executor.take_back(lane)) == 3
    gate.touch()
    desk.settle()
    assert not list((desk.folder / "workspace" / "spill").iterdir())


def test_arguments_that_cannot_be_written_are_said(desk: Desk) -> None:
    (desk.folder / "workspace").mkdir(exist_ok=True)
    (desk.folder / "workspace" / "spill").write_text("in the way")
    lane = desk.lane()
    lost = desk.end_of(desk.submit(lane, "length", "x" * 200_000))
    assert lost[0] == LOST
    assert "could not be written" in lost[3]
    assert desk.value_of(desk.submit(lane, "length", "x")) == 1


def test_a_python_that_cannot_start_is_said_once(tmp_path: Path) -> None:
    executor = ProcessExecutor(
        Capacity(1, 2**30), workspace=tmp_path / "workspace", spare=0, environment={"PYTHONHOME": "/nowhere"}
    )
    try:
        desk = Desk(executor, tmp_path)
        lane, add = desk.lane(), desk.profile("add")
        orders = [desk.order(add, 1, i) for i in range(3)]
        executor.submit(lane, orders)
        ends = [desk.end_of(order.ticket) for order in orders]
        assert [end[0] for end in ends] == [LOST, RETURNED, RETURNED]
        assert "could not start" in ends[0][3]
        assert "Fatal Python error" in ends[0][3]
    finally:
        executor.close()


_ENGINE = """
import sys, time
from pathlib import Path
from partita.executors.port import Capacity
from partita.executors.process import ProcessExecutor
from partita.testing.executor_contract import Desk
executor = ProcessExecutor(Capacity(2, 2**30), workspace=Path(sys.argv[1]) / "workspace", spare=1)
desk = Desk(executor, Path(sys.argv[1]))
pids = [desk.value_of(desk.submit(desk.lane(), "process_id")) for _ in range(2)]
desk.submit(1, "hang_in_c", str(desk.file("started")))
desk.until(desk.file("started").exists)
print(*pids, flush=True)
time.sleep(60)
"""


def test_workers_die_with_their_engine(tmp_path: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-c", _ENGINE, str(tmp_path)], stdout=subprocess.PIPE)
    assert engine.stdout is not None
    pids = [int(pid) for pid in engine.stdout.readline().split()]
    assert len(pids) == 2
    engine.kill()
    engine.wait()
    engine.stdout.close()
    end = time.monotonic() + 10
    while not all(map(is_ended, pids)):
        assert time.monotonic() < end


def test_kills_at_random_moments_lose_nothing(desk: Desk) -> None:
    chance, profile = random.Random(7), desk.profile("process_id")
    pids: set[int] = set()
    lanes = [desk.lane(), desk.lane()]
    waiting, done, kills = 300, 0, 0
    flying: set[int] = set()
    end = time.monotonic() + 60
    while (waiting or flying) and time.monotonic() < end:
        for position, lane in enumerate(lanes):
            if desk.closed(lane):
                lanes[position] = lane = desk.lane()
            if waiting and len(flying) < 16:
                order = desk.order(profile)
                desk.executor.submit(lane, [order])
                flying.add(order.ticket)
                waiting -= 1
        for message in desk.executor.receive(0.01):
            desk.messages.append(message)
            if message[1] in flying and message[0] in (DONE, LOST, RETURNED):
                flying.remove(message[1])
                if message[0] == DONE:
                    done += 1
                    pids.add(int.from_bytes(message[2][3:], "big"))
                else:
                    waiting += 1
        if kills < 20 and pids and chance.random() < 0.3:
            kills += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids.pop(), signal.SIGKILL)
    assert (done, waiting, flying) == (300, 0, set())
    assert kills >= 10
