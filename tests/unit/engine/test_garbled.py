"""Workers that say what has the form of a message and means nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from partita import flow, task
from partita.errors import RunError, StepError
from partita.protocol.messages import DONE, FRAME, LAID
from partita.testing import MemoryWorkspace
from partita.values import LIST, pack


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


@contextmanager
def garbled(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch, garble: Callable[[list[Any]], None]
) -> Iterator[None]:
    """Whatever workers say inside is garbled on its way."""
    executor = workspace.executor
    receive = executor.receive

    def received(timeout_s: float | None) -> list[list[Any]]:
        messages = receive(timeout_s)
        for message in messages:
            garble(message)
        return messages

    with monkeypatch.context() as patched:
        patched.setattr(executor, "receive", received)
        yield


@pytest.mark.parametrize("garble", [no_value, no_step, no_profile])
def test_a_layout_that_means_nothing_is_the_end_of_its_run_and_of_no_other(
    workspace: MemoryWorkspace, garble: Callable[[list[Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.engine.book.is_strict = False
    with garbled(workspace, monkeypatch, garble), pytest.raises(RunError, match="cannot be understood"):
        plain.run().result()
    assert plain.run().result() == 1


def no_answer(message: list[Any]) -> None:
    if message[0] == DONE:
        message[2] = b"\xc1"


def no_node(message: list[Any]) -> None:
    if message[0] == DONE:
        message[2] = pack([LIST, [7]])


@task
def two() -> list[int]:
    return [1, 2]


@flow
def taken_apart() -> int:
    return only(two()[0])


@task
def only(number: int) -> int:
    return number


@pytest.mark.parametrize("garble", [no_answer, no_node])
@pytest.mark.parametrize("body", [plain, taken_apart])
def test_an_answer_that_is_no_value_fails_its_step(
    workspace: MemoryWorkspace,
    body: Any,
    garble: Callable[[list[Any]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with garbled(workspace, monkeypatch, garble), pytest.raises(StepError, match="something that is no value"):
        body.run().result()
    assert body.run().result() == 1


def test_another_worker_may_answer_better(workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [1]

    def garble_once(message: list[Any]) -> None:
        if message[0] == DONE and left:
            left.clear()
            no_answer(message)

    with garbled(workspace, monkeypatch, garble_once):
        run = plain.run()
    assert run.result() == 1
    (step,) = [step for step in run.steps if step["name"] == "one"]
    assert [view["outcome"] for view in workspace.attempts(run.id, step["id"])] == ["crashed", "succeeded"]


def test_what_is_stored_and_no_value_fails_who_needs_it(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an engine has left it that did not look, or a disk."""
    monkeypatch.setattr("partita.engine.intake.is_value", lambda data: True)
    with garbled(workspace, monkeypatch, no_answer), pytest.raises(StepError, match="two, which only needs, cannot be"):
        taken_apart.run().result()
    assert taken_apart.run().result() == 1
