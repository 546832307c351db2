"""The laws of executors as tests, with real faults, for every implementation of the port.

    class TestMyExecutor(ExecutorContract):
        def make_executor(self, workspace: Path) -> Executor:
            return MyExecutor(Capacity(cpu=4, memory_bytes=8 * 2**30), workspace=workspace)

An executor under test offers at least two cores and one GiB of memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from partita.core.records import Demand, Profile
from partita.executors.port import CLOSED, LOST, RETURNED, Executor, Launchable, Message
from partita.protocol.messages import DONE, FAILED, FRAME, LAID, PROGRESS, REPORT, REQUEST, Order
from partita.testing.contract_tasks import SOURCE
from partita.values import PLAIN, pack, unpack

__all__ = ["Desk", "ExecutorContract"]

_ENDS = {DONE, FAILED, LAID, LOST, RETURNED}
_ON_THE_WAY = {FRAME, PROGRESS, REPORT, REQUEST}

#: Nothing here takes so long; a law that is broken shows as this much waiting.
_PATIENCE_S = 30.0


class Desk:
    """Hands orders to an executor and keeps what comes back."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.bundle = folder / "project"
        self.bundle.mkdir()
        (self.bundle / "contract_tasks.py").write_text(SOURCE)
        self.messages: list[Message] = []
        self._tickets = 0
        self._profiles = 0

    def profile(self, function: str, **fields: Any) -> int:
        """Introduce a profile for a function of the contract's tasks."""
        self._profiles += 1
        profile = Profile(f"contract_tasks:{function}", function, **fields)
        workspace = str(self.folder / "workspace")
        self.executor.introduce(self._profiles, Launchable(profile, str(self.bundle), str(self.bundle), workspace))
        return self._profiles

    def lane(self, demand: Demand | None = None) -> int:
        """Open a lane for them."""
        return self.executor.open_lane(str(self.bundle), demand or Demand())

    def order(self, profile: int, *values: Any, extra: dict[str, Any] | None = None) -> Order:
        """An order with plain arguments."""
        self._tickets += 1
        arguments = pack([[[PLAIN, value] for value in values], [], []])
        return Order(self._tickets, profile, "run", self._tickets, 1, "step", arguments, None, extra)

    def submit(self, lane: int, function: str, *values: Any) -> int:
        """Order one call; gives the ticket."""
        order = self.order(self.profile(function), *values)
        self.executor.submit(lane, [order])
        return order.ticket

    def until(self, condition: Callable[[], object]) -> None:
        """Take what comes until the condition holds."""
        end = time.monotonic() + _PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"it did not happen; there came {self.messages}"
            self.messages += self.executor.receive(0.02)

    def end_of(self, ticket: int) -> Message:
        """Wait for the message that ends a ticket."""
        self.until(lambda: self.ends(ticket))
        return self.ends(ticket)[0]

    def ends(self, ticket: int) -> list[Message]:
        """The messages so far that end a ticket."""
        return [message for message in self.messages if message[0] in _ENDS and message[1] == ticket]

    def value_of(self, ticket: int) -> Any:
        """Wait for the plain value of an order."""
        message = self.end_of(ticket)
        assert message[0] == DONE, message
        return unpack(message[2])[1]

    def take_back(self, lane: int, orders: Sequence[Order]) -> list[int]:
        """Take back all of these, which have not begun; the tickets that came back at once."""
        taken = self.executor.take_back(lane)
        for order in orders:
            if order.ticket not in taken:
                assert self.end_of(order.ticket) == [RETURNED, order.ticket]
        return taken

    def closed(self, lane: int) -> bool:
        """Whether the lane has said that it is closed."""
        return [CLOSED, lane] in self.messages

    def file(self, name: str) -> Path:
        """A file by which a task says how far it is."""
        return self.folder / name

    def settle(self) -> None:
        """Take what comes until nothing has come for a while."""
        while arrived := self.executor.receive(0.3):
            self.messages += arrived


class ExecutorContract:
    """What every executor keeps; subclass it, and say how to make one."""

    def make_executor(self, workspace: Path) -> Executor:
        """An executor for the workspace's folder."""
        raise NotImplementedError("give the contract an executor: override make_executor")

    @pytest.fixture
    def desk(self, tmp_path: Path) -> Iterator[Desk]:
        executor = self.make_executor(tmp_path / "workspace")
        try:
            yield Desk(executor, tmp_path)
        finally:
            executor.close()

    # 1. Every order ends in exactly one message.

    def test_every_order_ends_once(self, desk: Desk) -> None:
        lanes = [desk.lane(), desk.lane()]
        add, fail = desk.profile("add"), desk.profile("fail")
        orders = [desk.order(add, i, 1) if i % 3 else desk.order(fail, str(i)) for i in range(60)]
        for position, order in enumerate(orders):
            desk.executor.submit(lanes[position % 2], [order])
        for order in orders:
            desk.end_of(order.ticket)
        desk.settle()
        assert all(len(desk.ends(order.ticket)) == 1 for order in orders)
        assert sum(message[0] == FAILED for message in desk.messages) == 20

    def test_what_declares_no_environment_needs_no_preparing(self, desk: Desk) -> None:
        folder = str(desk.bundle)
        assert desk.executor.prepare("", Launchable(Profile("contract_tasks:add", "add"), folder, folder, folder))

    def test_a_lane_works_in_order(self, desk: Desk) -> None:
        lane, add = desk.lane(), desk.profile("add")
        orders = [desk.order(add, i, i) for i in range(100)]
        desk.executor.submit(lane, orders)
        desk.end_of(orders[-1].ticket)
        ended = [message[1] for message in desk.messages if message[0] == DONE]
        assert ended == [order.ticket for order in orders]

    def test_large_arguments_and_results_arrive(self, desk: Desk) -> None:
        lane = desk.lane()
        text = "0123456789" * 1_000_000
        assert desk.value_of(desk.submit(lane, "length", text)) == len(text)

    def test_usage_is_told(self, desk: Desk) -> None:
        before = time.time()
        message = desk.end_of(desk.submit(desk.lane(), "spin", 0.2))
        started_at, ended_at, cpu_s, peak_bytes = message[-2]
        assert before - 1 <= started_at <= ended_at <= time.time() + 1
        assert 0.1 <= cpu_s <= 5
        assert 2**20 < peak_bytes < 2**40

    # 2. What is returned has not run.

    def test_what_is_taken_back_has_not_run(self, desk: Desk) -> None:
        lane, touch = desk.lane(), desk.profile("touch")
        gate, started = desk.file("gate"), desk.file("started")
        first = desk.submit(lane, "wait_for_file", str(started), str(gate))
        desk.until(started.exists)
        behind = [desk.order(touch, str(desk.file(f"ran{i}"))) for i in range(5)]
        desk.executor.submit(lane, behind)
        taken = desk.take_back(lane, behind)
        gate.touch()
        desk.end_of(first)
        desk.settle()
        assert not list(desk.folder.glob("ran*"))
        assert not any(desk.ends(ticket) for ticket in taken)
        assert desk.value_of(desk.submit(lane, "add", 1, 2)) == 3

    def test_taking_back_while_it_works_never_splits_an_order(self, desk: Desk) -> None:
        lane, touch = desk.lane(), desk.profile("touch")
        desk.value_of(desk.submit(lane, "add", 1, 1))
        for turn in range(50):
            orders = [desk.order(touch, str(desk.file(f"{turn}-{i}"))) for i in range(8)]
            desk.executor.submit(lane, orders)
            desk.messages += desk.executor.receive(turn * 1e-5)
            taken = set(desk.executor.take_back(lane))
            for i, order in enumerate(orders):
                has_run = order.ticket not in taken and desk.end_of(order.ticket)[0] == DONE
                assert desk.file(f"{turn}-{i}").exists() == has_run

    def test_what_stands_behind_an_attempt_that_asks_stays_there(self, desk: Desk) -> None:
        lane = desk.lane()
        orders = [desk.order(desk.profile("ask"), "what?"), *(desk.order(desk.profile("add"), i, 1) for i in range(3))]
        desk.executor.submit(lane, orders)
        asking = orders[0].ticket
        desk.until(lambda: any(message[:2] == [REQUEST, asking] for message in desk.messages))
        request = next(message[2] for message in desk.messages if message[0] == REQUEST)
        desk.settle()
        assert not any(desk.ends(order.ticket) for order in orders)
        desk.executor.reply(asking, request, True, "that")
        assert [desk.value_of(order.ticket) for order in orders] == ["that", 1, 2, 3]

    def test_an_attempt_that_asks_can_be_left_alone_in_its_lane(self, desk: Desk) -> None:
        lane = desk.lane()
        orders = [desk.order(desk.profile("ask"), "what?"), *(desk.order(desk.profile("add"), i, 1) for i in range(3))]
        desk.executor.submit(lane, orders)
        asking = orders[0].ticket
        desk.until(lambda: any(message[:2] == [REQUEST, asking] for message in desk.messages))
        request = next(message[2] for message in desk.messages if message[0] == REQUEST)
        desk.take_back(lane, orders[1:])
        desk.executor.reply(asking, request, True, "that")
        assert desk.value_of(asking) == "that"

    # 3. Nobody but `receive` waits, and it not for long.

    def test_submitting_much_to_a_busy_lane_does_not_wait(self, desk: Desk) -> None:
        lane, length = desk.lane(), desk.profile("length")
        started, gate = desk.file("started"), desk.file("gate")
        desk.submit(lane, "wait_for_file", str(started), str(gate))
        desk.until(started.exists)
        orders = [desk.order(length, "x" * 90_000) for _ in range(100)]
        before = time.monotonic()
        desk.executor.submit(lane, orders)
        assert time.monotonic() - before < 2
        gate.touch()
        assert [desk.value_of(order.ticket) for order in orders] == [90_000] * 100

    def test_receive_keeps_its_time(self, desk: Desk) -> None:
        desk.submit(desk.lane(), "add", 1, 1)
        desk.settle()
        for timeout_s in (0.0, 0.1):
            before = time.monotonic()
            assert desk.executor.receive(timeout_s) == []
            assert timeout_s <= time.monotonic() - before < timeout_s + 0.5

    def test_a_file_descriptor_tells_when_there_is_something(self, desk: Desk) -> None:
        import select

        desk.settle()
        ticket = desk.submit(desk.lane(), "add", 1, 1)
        end = time.monotonic() + _PATIENCE_S
        while not desk.ends(ticket) and time.monotonic() < end:
            select.select(desk.executor.filenos(), [], [], _PATIENCE_S)
            desk.messages += desk.executor.receive(0)
        assert desk.value_of(ticket) == 2

    # 4. The death of a worker.

    @pytest.mark.parametrize("death", ["kill_itself", "exit_at_once", "segfault", "exit_in_thread"])
    def test_a_death_harms_one_order(self, desk: Desk, death: str) -> None:
        lane, other, add = desk.lane(), desk.lane(), desk.profile("add")
        started, gate = desk.file("started"), desk.file("gate")
        dying = desk.submit(lane, death, str(started), str(gate))
        desk.until(started.exists)
        behind = [desk.order(add, i, 1) for i in range(3)]
        desk.executor.submit(lane, behind)
        gate.touch()
        desk.until(lambda: desk.closed(lane))
        lost = desk.end_of(dying)
        assert lost[0] == LOST and lost[2] == "died" and "the worker died" in lost[3]
        assert [desk.end_of(order.ticket)[0] for order in behind] == [RETURNED] * 3
        assert desk.messages[-1] == [CLOSED, lane]
        assert desk.value_of(desk.submit(other, "add", 1, 2)) == 3
        desk.executor.submit(lane, [late := desk.order(add, 1, 1)])
        assert desk.end_of(late.ticket) == [RETURNED, late.ticket]

    def test_too_much_memory_is_lost(self, desk: Desk) -> None:
        lane = desk.lane(Demand(memory_bytes=200 * 2**20))
        lost = desk.end_of(desk.submit(lane, "hog", 600))
        assert lost[:1] + lost[2:3] == [LOST, "memory"]
        assert "200 MiB" in lost[3]
        assert lost[4][3] > 200 * 2**20
        desk.until(lambda: desk.closed(lane))

    # 5. Cancelling.

    @pytest.mark.parametrize("reason", ["cancelled", "timeout"])
    def test_a_cancelled_attempt_cleans_up(self, desk: Desk, reason: str) -> None:
        lane, started, cleaned = desk.lane(), desk.file("started"), desk.file("cleaned")
        ticket = desk.submit(lane, "sleep_and_clean_up", str(started), str(cleaned))
        desk.until(started.exists)
        desk.executor.cancel(ticket, reason, 20.0)
        before = time.monotonic()
        lost = desk.end_of(ticket)
        assert lost[0] == LOST and lost[2] == reason
        assert cleaned.exists() and time.monotonic() - before < 10
        assert desk.value_of(desk.submit(lane, "add", 1, 2)) == 3

    @pytest.mark.parametrize("stubborn", ["sleep_whatever_comes", "hang_in_c", "sleep_in_a_child"])
    def test_who_does_not_stop_is_killed(self, desk: Desk, stubborn: str) -> None:
        lane, started = desk.lane(), desk.file("started")
        ticket = desk.submit(lane, stubborn, str(started))
        desk.until(started.exists)
        desk.executor.cancel(ticket, "timeout", 0.3)
        lost = desk.end_of(ticket)
        assert lost[0] == LOST and lost[2] == "timeout"

    def test_no_grace_is_at_once(self, desk: Desk) -> None:
        lane, started = desk.lane(), desk.file("started")
        ticket = desk.submit(lane, "sleep_and_clean_up", str(started), str(desk.file("cleaned")))
        desk.until(started.exists)
        desk.executor.cancel(ticket, "stopped", 0.0)
        lost = desk.end_of(ticket)
        assert lost[0] == LOST and lost[2] == "stopped"
        desk.until(lambda: desk.closed(lane))

    def test_what_has_not_begun_is_cancelled_alone(self, desk: Desk) -> None:
        lane, add = desk.lane(), desk.profile("add")
        started, gate = desk.file("started"), desk.file("gate")
        first = desk.submit(lane, "wait_for_file", str(started), str(gate))
        desk.until(started.exists)
        orders = [desk.order(add, i, 1) for i in range(3)]
        desk.executor.submit(lane, orders)
        desk.executor.cancel(orders[1].ticket, "cancelled", 5.0)
        assert desk.end_of(orders[1].ticket) == [RETURNED, orders[1].ticket]
        gate.touch()
        assert desk.end_of(first)[0] == DONE
        assert [desk.value_of(orders[0].ticket), desk.value_of(orders[2].ticket)] == [1, 3]

    def test_cancelling_what_has_ended_changes_nothing(self, desk: Desk) -> None:
        lane = desk.lane()
        ticket = desk.submit(lane, "add", 1, 1)
        desk.end_of(ticket)
        desk.executor.cancel(ticket, "cancelled", 0.0)
        desk.executor.cancel(999_999, "cancelled", 0.0)
        assert desk.value_of(desk.submit(lane, "add", 2, 2)) == 4

    def test_a_late_cancel_never_hits_the_next_order(self, desk: Desk) -> None:
        lane, add = desk.lane(), desk.profile("add")
        for turn in range(100):
            first, second = desk.order(add, turn, 1), desk.order(add, turn, 2)
            desk.executor.submit(lane, [first, second])
            desk.executor.cancel(first.ticket, "cancelled", 20.0)
            assert desk.value_of(second.ticket) == turn + 2
            desk.end_of(first.ticket)

    # 6. After `close` nothing is alive.

    def test_nothing_survives_closing(self, desk: Desk) -> None:
        started = desk.file("started")
        desk.submit(desk.lane(), "start_a_daemon", str(started))
        desk.until(lambda: started.exists() and len(started.read_text().split()) == 2)
        pids = [int(pid) for pid in started.read_text().split()]
        desk.executor.close()
        desk.executor.close()
        assert not [pid for pid in pids if _is_alive(pid)]

    # Forks

    def test_a_fork_that_returns_is_not_heard(self, desk: Desk) -> None:
        lane = desk.lane()
        ticket = desk.submit(lane, "fork_and_return", "parent")
        assert desk.value_of(ticket) == "parent"
        desk.settle()
        assert len(desk.ends(ticket)) == 1

    def test_a_lane_can_be_closed_and_its_worker_used_again(self, desk: Desk) -> None:
        first = desk.lane()
        pid = desk.value_of(desk.submit(first, "process_id"))
        desk.executor.close_lane(first)
        again = desk.lane()
        assert desk.value_of(desk.submit(again, "process_id")) == pid
        desk.executor.forget(list(range(1, 3)))
        assert desk.value_of(desk.submit(again, "add", 1, 1)) == 2


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False
