"""The inline executor keeps the laws of executors that one process can keep."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.executors.port import CLOSED, LOST, RETURNED, Capacity, Executor
from partita.protocol.messages import DONE
from partita.testing import ExecutorContract, InlineExecutor
from partita.testing.executor_contract import Desk

_ASKS = "what an order asks inline is answered by a turn of the engine, which is not there"

_NEEDS_A_PROCESS = {
    "test_what_is_taken_back_has_not_run": "while an order runs inline, nobody can take anything back; see below",
    "test_submitting_much_to_a_busy_lane_does_not_wait": "a lane is busy only while `receive` runs its order",
    "test_a_death_harms_one_order": "what kills the worker would kill the test",
    "test_too_much_memory_is_lost": "the worker that had to be killed is the test",
    "test_a_cancelled_attempt_cleans_up": "while an order runs inline, nobody can cancel it from outside",
    "test_who_does_not_stop_is_killed": "the worker that had to be killed is the test",
    "test_no_grace_is_at_once": "the worker that had to be killed is the test",
    "test_what_has_not_begun_is_cancelled_alone": "while an order runs inline, nobody can cancel another; see below",
    "test_what_stands_behind_an_attempt_that_asks_stays_there": _ASKS,
    "test_an_attempt_that_asks_can_be_left_alone_in_its_lane": _ASKS,
    "test_nothing_survives_closing": "the order that would leave a process behind has to be killed",
}


class TestInlineExecutor(ExecutorContract):
    """What is left out needs a process, each law for the reason given."""

    def make_executor(self, workspace: Path) -> Executor:
        return InlineExecutor(Capacity(2, 2**30), workspace=workspace)

    @pytest.fixture(autouse=True)
    def _only_what_one_process_can_keep(self, request: pytest.FixtureRequest) -> None:
        reason = _NEEDS_A_PROCESS.get(request.node.originalname)
        if reason is not None:
            pytest.skip(reason)

    @pytest.fixture(autouse=True)
    def _forget_the_contracts_module(self) -> Iterator[None]:
        before = list(sys.path)
        yield
        sys.path[:] = before
        sys.modules.pop("contract_tasks", None)


def test_the_laws_left_out_exist() -> None:
    laws = {name for name, _ in inspect.getmembers(ExecutorContract, inspect.isfunction)}
    assert laws >= _NEEDS_A_PROCESS.keys()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    before = list(sys.path)
    executor = InlineExecutor(Capacity(2, 2**30), workspace=tmp_path / "workspace")
    yield Desk(executor, tmp_path)
    executor.close()
    sys.path[:] = before
    sys.modules.pop("contract_tasks", None)


def test_what_has_not_begun_is_taken_back(desk: Desk) -> None:
    lane, touch = desk.lane(), desk.profile("touch")
    orders = [desk.order(touch, str(desk.file(f"ran{i}"))) for i in range(3)]
    desk.executor.submit(lane, orders)
    desk.end_of(orders[0].ticket)
    assert desk.executor.take_back(lane) == [orders[1].ticket, orders[2].ticket]
    desk.settle()
    assert [file.name for file in desk.folder.glob("ran*")] == ["ran0"]
    assert desk.executor.take_back(999) == []


def test_what_has_not_begun_is_cancelled_alone(desk: Desk) -> None:
    lane, add = desk.lane(), desk.profile("add")
    orders = [desk.order(add, i, 1) for i in range(3)]
    desk.executor.submit(lane, orders)
    desk.executor.cancel(orders[1].ticket, "cancelled", 5.0)
    assert desk.end_of(orders[1].ticket) == [RETURNED, orders[1].ticket]
    assert [desk.value_of(orders[0].ticket), desk.value_of(orders[2].ticket)] == [1, 3]


def test_orders_run_in_the_order_in_which_they_came(desk: Desk) -> None:
    lanes, add = [desk.lane(), desk.lane()], desk.profile("add")
    orders = [desk.order(add, i, 1) for i in range(6)]
    for lane, part in ((0, orders[0:1]), (1, orders[1:3]), (0, orders[3:6])):
        desk.executor.submit(lanes[lane], part)
    desk.end_of(orders[-1].ticket)
    assert [message[1] for message in desk.messages] == [order.ticket for order in orders]


def test_a_planned_death_keeps_the_law_of_deaths(tmp_path: Path) -> None:
    executor = InlineExecutor(Capacity(2, 2**30), workspace=tmp_path / "workspace")
    desk = Desk(executor, tmp_path)
    lane, add = desk.lane(), desk.profile("add")
    executor.script.crashes["contract_tasks:add"] = [False]
    orders = [desk.order(add, i, 1) for i in range(3)]
    executor.submit(lane, orders)
    desk.until(lambda: desk.closed(lane))
    lost, *returned, closed = desk.messages
    assert lost[:3] == [LOST, orders[0].ticket, "died"]
    assert returned == [[RETURNED, orders[1].ticket], [RETURNED, orders[2].ticket]]
    assert closed == [CLOSED, lane]
    executor.close()


def test_it_does_not_wait_for_ever_for_nothing(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="told to wait for ever"):
        desk.executor.receive(None)


def test_whoever_asks_an_engine_needs_one(desk: Desk) -> None:
    (desk.bundle / "asking.py").write_text(
        "from partita import context, flow\n"
        "@flow\n"
        "def child():\n"
        "    return 1\n"
        "def ask():\n"
        "    try:\n"
        "        context().launch(child)\n"
        "    except Exception as error:\n"
        "        return str(error)\n"
    )
    sys.path.insert(0, str(desk.bundle))
    from partita.core.records import Profile
    from partita.executors.port import Launchable

    folder = str(desk.bundle)
    desk.executor.introduce(77, Launchable(Profile("asking:ask", "ask"), folder, folder, folder))
    order = desk.order(77)
    desk.executor.submit(desk.lane(), [order])
    assert "can only go on when it has ended itself" in desk.value_of(order.ticket)
    assert desk.ends(order.ticket)[0][0] == DONE
    sys.modules.pop("asking", None)
