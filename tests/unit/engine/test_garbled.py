"""Workers that say what has the form of a message and means nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita import flow, task
from partita.errors import RunError
from partita.protocol.messages import FRAME, LAID
from partita.testing import memory_workspace


@task
def one() -> int:
    return 1


@flow
def plain() -> int:
    return one()


def no_value(message: list[Any]) -> None:
    if message[0] == LAID:
        message[2] = b"\xc1"


def no_step(message: list[Any]) -> None:
    if message[0] == FRAME:
        message[4] = [["step"]]


def no_profile(message: list[Any]) -> None:
    if message[0] == FRAME:
        message[3] = [7]


@pytest.mark.parametrize("garble", [no_value, no_step, no_profile])
def test_a_layout_that_means_nothing_is_the_end_of_its_run_and_of_no_other(
    garble: Callable[[list[Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with memory_workspace() as workspace:
        executor = workspace.executor
        receive = executor.receive

        def received(timeout_s: float | None) -> list[list[Any]]:
            messages = receive(timeout_s)
            for message in messages:
                garble(message)
            return messages

        workspace.engine.book.is_strict = False
        monkeypatch.setattr(executor, "receive", received)
        with pytest.raises(RunError, match="cannot be understood"):
            plain.run().result()
        monkeypatch.setattr(executor, "receive", receive)
        assert plain.run().result() == 1
