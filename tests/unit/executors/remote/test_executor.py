"""What holds of workers elsewhere beyond the laws of executors: they outlive an engine, and nobody but them speaks for them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.sealing import seal_for
from partita.core.records import Demand
from partita.executors.machine import is_ended, marked_processes
from partita.executors.port import CLOSED, LOST, RETURNED
from partita.executors.remote.executor import RemoteExecutor
from partita.protocol.messages import DONE, FAILED, REQUEST
from partita.protocol.remote import ticket_text
from partita.protocol.secrets import SECRET
from partita.testing.executor_contract import Desk
from tests.contract.remote_executors import remote_executor

SOURCE = """
import os, time
from pathlib import Path
from partita import context

def wait_for_file(started, gate):
    Path(started).write_text(str(os.getpid()))
    while not Path(gate).exists():
        time.sleep(0.005)
    return "through"

def count(gate):
    kept = context().checkpoint / "count"
    if not kept.exists():
        kept.write_text("41")
        raise OSError("once more")
    return int(kept.read_text()) + 1

def whisper():
    print("the secret is", os.environ["HUSH"])
    return os.environ["HUSH"][:0]
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., RemoteExecutor]]:
    made: list[RemoteExecutor] = []
    (tmp_path / "workspace").mkdir()

    def new(**options: Any) -> RemoteExecutor:
        made.append(remote_executor(tmp_path / "workspace", **options))
        return made[-1]

    yield new
    for executor in made:
        executor.close()


@pytest.fixture
def desk(make: Callable[..., RemoteExecutor], tmp_path: Path) -> Desk:
    found = Desk(make(), tmp_path)
    (found.bundle / "contract_tasks.py").write_text(SOURCE)
    return found


def die(executor: RemoteExecutor) -> None:
    """What is left when an engine is killed: nothing is said to anybody."""
    for part in (executor._outbox, executor._post, executor._launcher):
        part.close()  # type: ignore[attr-defined]
    executor._is_closed = True


def begin(desk: Desk, name: str = "one") -> tuple[int, int, Path]:
    """An attempt that waits at a gate: (lane, ticket, the gate)."""
    lane = desk.lane()
    started, gate = desk.file(f"{name}.started"), desk.file(f"{name}.gate")
    ticket = desk.submit(lane, "wait_for_file", str(started), str(gate))
    desk.until(lambda: started.exists() and started.read_text())
    return lane, ticket, gate


def attach(desk: Desk, later: RemoteExecutor, place: str, ticket: int) -> int | None:
    desk.executor = later
    return later.attach(place, 1000 + ticket, ticket_text("run", ticket, 1), True, Demand())


def test_a_later_executor_goes_on_with_what_an_earlier_one_began(desk: Desk, make: Any) -> None:
    lane, ticket, gate = begin(desk)
    place, first = desk.executor.place(lane), desk.executor
    behind = desk.order(desk.profile("wait_for_file"), str(desk.file("x")), str(desk.file("x")))
    first.submit(lane, [behind])
    time.sleep(0.2)
    die(first)  # type: ignore[arg-type]
    later = make()
    again = attach(desk, later, place, ticket)
    assert again is not None and attach(desk, later, place, behind.ticket) == again
    never = attach(desk, later, place, 77)  # an order that the first one was about to send
    assert never == again and desk.end_of(1077) == [RETURNED, 1077]
    gate.touch()
    desk.file("x").touch()
    assert desk.value_of(1000 + ticket) == "through" and desk.end_of(1000 + behind.ticket)[0] == DONE
    desk.settle()
    assert sum(message[0] == DONE for message in desk.messages) == 2
    assert desk.value_of(desk.submit(again, "wait_for_file", str(desk.file("y")), str(gate))) == "through"


def test_what_ended_meanwhile_is_heard_by_the_later_one(desk: Desk, make: Any) -> None:
    lane, ticket, gate = begin(desk)
    place = desk.executor.place(lane)
    die(desk.executor)  # type: ignore[arg-type]
    gate.touch()
    time.sleep(0.5)
    assert attach(desk, make(), place, ticket) is not None
    assert desk.value_of(1000 + ticket) == "through"


def test_workers_that_nobody_attaches_to_are_ended(desk: Desk, make: Any) -> None:
    _, _, _ = begin(desk)
    pid = int(desk.file("one.started").read_text())
    die(desk.executor)  # type: ignore[arg-type]
    later = make()
    assert later.attach("nosuchsession000", 5, ticket_text("run", 5, 1), True, Demand()) is None
    desk.executor = later
    desk.until(lambda: is_ended(pid))


def test_leaving_ends_what_has_nothing_to_do_and_nothing_else(desk: Desk, make: Any) -> None:
    lane, ticket, gate = begin(desk)
    idle = desk.lane()
    desk.file("open").touch()
    desk.value_of(desk.submit(idle, "wait_for_file", str(desk.file("other")), str(desk.file("open"))))
    busy_pid, idle_pid = int(desk.file("one.started").read_text()), int(desk.file("other").read_text())
    place = desk.executor.place(lane)
    desk.executor.leave()
    assert not is_ended(busy_pid) and is_ended(idle_pid)
    gate.touch()
    assert attach(desk, make(), place, ticket) is not None
    assert desk.value_of(1000 + ticket) == "through"


def test_workers_end_when_they_hear_of_no_executor(make: Any, tmp_path: Path) -> None:
    desk = Desk(make(lease_s=5.0), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    begin(desk)
    pid = int(desk.file("one.started").read_text())
    die(desk.executor)  # type: ignore[arg-type]
    until = time.monotonic() + 20
    while not is_ended(pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_that_falls_silent_is_lost_and_not_heard_when_it_speaks_again(make: Any, tmp_path: Path) -> None:
    desk = Desk(make(lease_s=5.0), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    lane, ticket, gate = begin(desk)
    place = desk.executor.place(lane)
    agents = marked_processes(f"PARTITA_AGENT=tests-{tmp_path / 'workspace'}/{place}")
    for pid in agents:
        os.kill(pid, signal.SIGSTOP)  # as if its network were cut
    desk.executor._launcher.stop = lambda session, grace_s=0.0: None  # type: ignore[attr-defined]
    lost = desk.end_of(ticket)
    assert lost[0] == LOST and lost[2] == "evicted" and "nothing was heard" in lost[3]
    assert [CLOSED, lane] in desk.messages
    gate.touch()
    for pid in agents:
        with suppress(ProcessLookupError):  # a child that was about to end, say
            os.kill(pid, signal.SIGCONT)
    desk.settle()
    time.sleep(1.0)
    desk.settle()
    assert len(desk.ends(ticket)) == 1
    until = time.monotonic() + 20
    while any(not is_ended(pid) for pid in agents):  # its lease is over, or it reads that it is to end
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_of_what_must_not_run_twice_is_not_given_up_for_silence(make: Any, tmp_path: Path) -> None:
    desk = Desk(make(lease_s=5.0), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    lane, started, gate = desk.lane(), desk.file("started"), desk.file("gate")
    order = desk.order(desk.profile("wait_for_file", is_idempotent=False), str(started), str(gate))
    desk.executor.submit(lane, [order])
    desk.until(lambda: started.exists() and started.read_text())
    agents = marked_processes(f"PARTITA_AGENT=tests-{tmp_path / 'workspace'}/{desk.executor.place(lane)}")
    for pid in agents:
        os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        desk.messages += desk.executor.receive(0.1)
    assert not desk.ends(order.ticket)
    for pid in agents:
        os.kill(pid, signal.SIGKILL)
    assert desk.end_of(order.ticket)[:3] == [LOST, order.ticket, "died"]


def test_a_checkpoint_goes_to_another_worker(make: Any, tmp_path: Path) -> None:
    desk = Desk(make(attempts=1), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    count = desk.profile("count")
    first = desk.order(count, "")
    desk.executor.submit(desk.lane(), [first])
    assert desk.end_of(first.ticket)[0] == FAILED
    second = desk.order(count, "")._replace(step=first.step, attempt=2)
    desk.executor.submit(desk.lane(), [second])
    assert desk.value_of(second.ticket) == 42
    assert not list((tmp_path / "workspace" / "artifacts").rglob("*.tar"))  # it is not needed any more


def test_a_worker_without_work_ends(make: Any, tmp_path: Path) -> None:
    desk = Desk(make(idle_s=0.5), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    lane, ticket, gate = begin(desk)
    pid = int(desk.file("one.started").read_text())
    gate.touch()
    desk.value_of(ticket)
    desk.executor.close_lane(lane)
    desk.until(lambda: is_ended(pid))


def test_code_that_cannot_be_shared_is_told(make: Any, tmp_path: Path) -> None:
    from partita.errors import ValueStoreError

    def share(bundle: str) -> None:
        raise ValueStoreError("the bucket is full")

    desk = Desk(make(share=share), tmp_path)
    lost = desk.end_of(desk.submit(desk.lane(), "add", 1, 2))
    assert lost[0] == LOST and "the bucket is full" in lost[3]


def test_no_secret_lies_where_messages_go(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where logs go: what tasks print is masked before it leaves the worker. Every object ever written is looked at."""
    from partita.artifacts import objects

    written: list[bytes] = []
    monkeypatch.setenv("HUSH", "s3cr3t-of-the-task")
    kept = objects.FolderObjects._write

    def write(self: Any, path: str, data: bytes) -> str:
        written.append(data)
        return kept(self, path, data)

    read = objects.FolderObjects.get

    def get(self: Any, name: str) -> bytes | None:
        found = read(self, name)
        written.append(found or b"")
        return found

    monkeypatch.setattr(objects.FolderObjects, "_write", write)
    monkeypatch.setattr(objects.FolderObjects, "get", get)
    desk = Desk(make(), tmp_path)
    (desk.bundle / "contract_tasks.py").write_text(SOURCE)
    order = desk.order(desk.profile("whisper", secrets=("HUSH",)))
    desk.executor.submit(desk.lane(), [order])
    desk.until(lambda: any(message[0] == REQUEST for message in desk.messages))
    asking = next(message for message in desk.messages if message[0] == REQUEST)
    assert list(asking[3:]) == [SECRET, {"name": "HUSH", "key": asking[4]["key"]}]
    sealed = seal_for(asking[4]["key"], "s3cr3t-of-the-task", "HUSH")
    desk.executor.reply(asking[1], asking[2], True, {"sealed": sealed})
    assert desk.end_of(order.ticket)[0] == DONE
    logs = b"".join(path.read_bytes() for path in (tmp_path / "workspace" / "logs").rglob("*.log"))
    assert b"the secret is" in logs
    everything = b"".join(written) + logs
    everything += b"".join(
        path.read_bytes() for path in (tmp_path / "workspace" / "artifacts").rglob("*") if path.is_file()
    )
    keys = [b"s3cr3t-of-the-task", bytes(range(32)), bytes(range(32)).hex().encode()]
    assert b"whisper" in everything and not [key for key in keys if key in everything]
    assert (tmp_path / "workspace" / "key").read_bytes() not in everything
