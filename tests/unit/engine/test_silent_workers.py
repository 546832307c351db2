"""Attempts whose worker cannot be reached: the executor says so, and its end comes late or never."""

from __future__ import annotations

from typing import Any

import pytest

from partita import flow, task
from partita.executors.port import LOST, SILENT
from partita.protocol.messages import DONE
from partita.testing import MemoryWorkspace


@task(idempotent=False, cpu=5)
def once() -> int:
    return 1


@flow
def main() -> int:
    return once()


class Network:
    """Keeps back what workers say in the end, and says what the test wants."""

    def __init__(self, workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: list[list[Any]] = []
        self.told: list[list[Any]] = []
        self._receive = workspace.executor.receive
        monkeypatch.setattr(workspace.executor, "receive", self.receive)

    def receive(self, timeout_s: float | None) -> list[list[Any]]:
        came, told = self._receive(timeout_s), self.told
        self.told = []
        self.kept += [message for message in came if message[0] == DONE]
        return [message for message in came if message[0] != DONE] + told

    @property
    def ticket(self) -> int:
        ticket: int = self.kept[0][1]
        return ticket


@pytest.fixture
def network(workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(workspace, monkeypatch)


def held(workspace: MemoryWorkspace) -> float:
    """The cores that are held by attempts."""
    return workspace.engine.book.executors["process"].pool.held["cpu"]


@pytest.mark.parametrize("end", ["lost", "done"])
def test_a_cancelled_attempt_out_of_reach_ends_for_its_run_and_holds_its_place(
    workspace: MemoryWorkspace, network: Network, end: str
) -> None:
    run = main.submit()
    workspace.work()
    workspace.cancel(run.id)
    workspace.work()
    assert run.state == "running" and held(workspace) == 5  # it may yet say how it ends
    network.told = [[SILENT, network.ticket, "its node is gone"]]
    workspace.work()
    assert run.state == "cancelled" and held(workspace) == 5
    (step,) = [step for step in run.steps if step["name"] == "once"]
    assert step["state"] == "cancelled" and "its node is gone" in step["error"]["message"]
    assert [view["outcome"] for view in workspace.attempts(run.id, step["id"])] == ["cancelled"]
    network.told = network.kept if end == "done" else [[LOST, network.ticket, "cancelled", "", None, None]]
    workspace.work()
    assert run.state == "cancelled" and held(workspace) == 0


def test_what_nobody_has_cancelled_is_waited_for(workspace: MemoryWorkspace, network: Network) -> None:
    """It must not run twice, and nobody knows whether it has been done."""
    run = main.submit()
    workspace.work()
    network.told = [[SILENT, network.ticket, "its node is gone"]]
    workspace.work()
    assert run.state == "running"
    network.told = network.kept
    workspace.work()
    assert run.state == "succeeded" and held(workspace) == 0
