"""The memory of a step that has run out of it, also when an engine has died since."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from partita import flow, task
from partita.core.records import Demand
from partita.executors.port import LOST
from partita.protocol.messages import DONE
from partita.testing import MemoryWorkspace

MIB = 2**20


@task(memory="100MiB", crash_retries=5)
def hungry() -> int:
    return 1


@flow
def main() -> int:
    return hungry()


class Nodes:
    """Where attempts run out of memory as the test says: how much each was seen to use; None: it ends well."""

    def __init__(self, workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.attached: list[int] = []
        self.peaks: deque[int | None] = deque()
        executor = workspace.executor
        self._receive, self._open_lane = executor.receive, executor.open_lane
        monkeypatch.setattr(executor, "receive", self.receive)
        monkeypatch.setattr(executor, "open_lane", self.open_lane)
        monkeypatch.setattr(executor, "place", lambda lane: "node")
        monkeypatch.setattr(executor, "attach", self.attach)

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        if demand.memory_bytes:
            self.asked.append(demand.memory_bytes // MIB)
        return self._open_lane(bundle, demand, environment)

    def attach(self, place: str, ticket: int, name: str, is_idempotent: bool, demand: Demand) -> None:
        self.attached.append(demand.memory_bytes // MIB)

    def receive(self, timeout_s: float | None) -> list[list[Any]]:
        messages = self._receive(timeout_s)
        for position, message in enumerate(messages):
            if message[0] == DONE and (peak := self.peaks.popleft()) is not None:
                usage = [*message[3][:3], peak * MIB]
                messages[position] = [LOST, message[1], "memory", "it used too much", usage, None]
        return messages


@pytest.fixture
def nodes(workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    return Nodes(workspace, monkeypatch)


def test_every_attempt_asks_for_more_than_the_one_before(workspace: MemoryWorkspace, nodes: Nodes) -> None:
    nodes.peaks.extend([0, 200, None])
    assert main.run().result() == 1
    assert nodes.asked == [100, 150, 300]


def test_an_engine_that_takes_the_run_up_asks_for_no_less(workspace: MemoryWorkspace, nodes: Nodes) -> None:
    nodes.peaks.extend([0, 200])
    run = main.submit()
    workspace.work()  # the third attempt is due later
    assert nodes.asked == [100, 150]
    workspace.restart()
    nodes.peaks.append(None)
    assert run.result() == 1
    assert nodes.asked == [100, 150, 300]


def test_an_attempt_that_goes_on_elsewhere_holds_what_it_was_given(workspace: MemoryWorkspace, nodes: Nodes) -> None:
    nodes.peaks.append(0)
    run = main.submit()
    while nodes.asked != [100, 150]:
        workspace.engine.turn(0.0)
    workspace.restart()  # while the second attempt is on its way
    assert nodes.attached == [150]
    nodes.peaks.append(None)
    assert run.result() == 1
