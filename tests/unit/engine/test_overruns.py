"""Deadlines and budgets of runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from partita import flow, task
from partita.errors import OptionError, RunError
from partita.testing import MemoryWorkspace, memory_workspace


@task
def slow(number: int) -> int:
    return number


@flow(deadline="1m", budget=500)
def careful(count: int) -> int:
    value = 0
    for _ in range(count):
        value = slow(value)
    return value


@flow(deadline="1m", overrun="stop")
def strict(count: int) -> int:
    value = 0
    for _ in range(count):
        value = slow(value)
    return value


@flow
def outer() -> int:
    return strict(5)


@pytest.fixture
def memory() -> Iterator[MemoryWorkspace]:
    """A step takes 20 seconds, each of which costs 7; runs are forecast."""
    with memory_workspace() as workspace:
        book = workspace.engine.book
        book.limits = replace(book.limits, forecasts=True)
        book.executors["process"].price = 7.0

        def work(number: int) -> int:
            workspace.clock.jump(20.0)
            return number

        workspace.fake(slow, work)
        yield workspace


def notes(memory: MemoryWorkspace) -> dict[str, Any]:
    return memory.run()["notes"]


def said(memory: MemoryWorkspace) -> list[str]:
    return [event["what"] for event in notes(memory).get("events", ())]


def test_what_is_kept_is_not_spoken_of(memory: MemoryWorkspace) -> None:
    careful.run(2).result()
    assert said(memory) == [] and notes(memory)["cost"] == pytest.approx(280)
    assert notes(memory)["bounds"]["overrun"] == "warn"


def test_a_deadline_is_said_to_be_at_risk_before_it_is_missed(memory: MemoryWorkspace) -> None:
    for _ in range(3):
        careful.run(2).result()
    run = careful.run(6)
    run.result()  # it goes on
    assert said(memory)[0] == "deadline_at_risk" and "deadline_missed" in said(memory)
    (risk, *_) = notes(memory)["events"]
    assert "will probably be done" in risk["message"] and risk["at"] < notes(memory)["bounds"]["deadline"]


def test_a_budget_that_is_used_up_is_told(memory: MemoryWorkspace) -> None:
    careful.run(4).result()
    assert "over_budget" in said(memory) and notes(memory)["cost"] == pytest.approx(560)


def test_a_run_is_stopped_where_that_is_asked_for(memory: MemoryWorkspace) -> None:
    run = strict.run(6)
    with pytest.raises(RunError, match="the deadline has passed"):
        run.result()
    assert memory.run()["state"] == "cancelled"
    assert sum(step["state"] == "succeeded" for step in memory.all_steps()) <= 5


def test_the_bounds_of_a_flow_that_another_one_calls_do_not_count(memory: MemoryWorkspace) -> None:
    outer.run().result()
    assert "bounds" not in notes(memory)


def test_bounds_outlive_the_engine(memory: MemoryWorkspace) -> None:
    run = strict.with_options(deadline="50s").submit(6) if hasattr(strict, "submit") else strict.run(6)
    memory.restart()
    book = memory.engine.book
    book.limits = replace(book.limits, forecasts=True)
    memory.finish(run.id)
    assert memory.run()["state"] == "cancelled" and said(memory)[-1] == "deadline_missed"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"deadline": 0}, "a duration above 0"),
        ({"budget": -1}, "an amount"),
        ({"overrun": "shout"}, '"warn" or "stop"'),
    ],
)
def test_bounds_that_cannot_be_are_refused(options: dict[str, Any], told: str) -> None:
    def body() -> int:
        return 1

    with pytest.raises(OptionError, match=told):
        flow(**options)(body)


def test_a_task_has_none() -> None:
    def body() -> int:
        return 1

    with pytest.raises(OptionError, match="give it to the flow that is run"):
        task(deadline="1h")(body)
