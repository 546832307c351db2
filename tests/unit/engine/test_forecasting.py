"""What is forecast of runs while they go on, and in which order their steps start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from partita import flow, task
from partita.core.records import Demand
from partita.core.resources import Pool
from partita.drawing.progress import left_text, planned_text
from partita.testing import MemoryWorkspace, memory_workspace
from tests.unit.cli.fake import NOW, make_run


@task
def short(number: int) -> int:
    return number


@task
def long(number: int) -> int:
    return number


@task
def uneven(number: int) -> int:
    return number


@task
def join(values: list[int]) -> int:
    return sum(values)


@flow
def mixed(count: int) -> int:
    return join([*[short(number) for number in range(count)], long(short(99))])


@flow
def part(count: int) -> int:
    return join([long(number) for number in range(count)])


@flow
def unequal() -> int:
    last = uneven(2)
    for seconds in (30, 5, 11, 60):
        last = uneven.after(last)(seconds)
    return join([last])


@flow
def side_by_side() -> int:
    return join([uneven(seconds) for seconds in (2, 5, 60, 11)])


@flow
def deferred() -> int:
    return part(short(2))


@pytest.fixture
def memory() -> Iterator[MemoryWorkspace]:
    """A short step takes 2 seconds, a long one 20; runs are forecast."""
    with memory_workspace() as workspace:
        book = workspace.engine.book
        book.limits = replace(book.limits, forecasts=True)
        seconds = {"short": 2.0, "long": 20.0, "join": 1.0}
        for of in (short, long, join):

            def work(value: Any, name: str = of.name, function: Any = of.function) -> Any:
                workspace.clock.jump(seconds[name])
                return function(value)

            workspace.fake(of, work)
        workspace.fake(uneven, lambda number: workspace.clock.jump(float(number)) or number)
        yield workspace


def planned_s(run: Any) -> tuple[float, float, float]:
    told = run.view()["notes"]["planned"] if hasattr(run, "view") else run["notes"]["planned"]
    return told["p10"] - told["made_at"], told["p50"] - told["made_at"], told["p90"] - told["made_at"]


def record(memory: MemoryWorkspace, of: Any, *arguments: Any) -> Any:
    run = of.run(*arguments)
    run.result()
    return memory.run(run.id)


def test_a_run_is_forecast_by_what_earlier_ones_have_taught(memory: MemoryWorkspace) -> None:
    for _ in range(4):
        record(memory, mixed, 6)
    low, middle, high = planned_s(record(memory, mixed, 6))
    # One after the other in this workspace: seven short ones, a long one, and the sum, on as many cores as it has.
    cores = memory.engine.book.executors["process"].pool.capacity["cpu"]
    least = 23.0 if cores > 1 else 35.0
    assert low <= middle <= high and least * 0.7 <= middle <= 35.0 * 1.4


def test_the_same_step_of_a_flow_is_expected_to_take_what_it_took(memory: MemoryWorkspace) -> None:
    for _ in range(12):
        record(memory, unequal)
    low, middle, high = planned_s(record(memory, unequal))
    assert 95 < middle < 130 and high / low < 1.6  # 109 is right; of one function they take from 2 to 60 seconds


def test_a_flow_that_is_laid_out_later_counts_with_what_it_took(memory: MemoryWorkspace) -> None:
    for _ in range(3):
        record(memory, deferred)
    _, middle, _ = planned_s(record(memory, deferred))
    assert middle > 20.0


def test_what_has_most_behind_it_starts_first(memory: MemoryWorkspace) -> None:
    record(memory, mixed, 6)
    run = mixed.run(6)
    run.result()
    steps = {step["name"]: step for step in memory.all_steps(run.id)}
    before_long = next(
        step for name, step in steps.items() if name.startswith("short") and step["id"] == steps["long"]["inputs"][0]
    )
    others = [step for name, step in steps.items() if name.startswith("short") and step is not before_long]
    assert all(before_long["started_at"] <= step["started_at"] for step in others)


def test_of_ready_steps_of_one_function_the_one_that_took_longest_starts_first(memory: MemoryWorkspace) -> None:
    for _ in range(4):
        record(memory, side_by_side)
    run = side_by_side.run()
    run.result()
    steps = {step["name"]: step["started_at"] for step in memory.all_steps(run.id)}
    assert sorted(("uneven", "uneven#2", "uneven#3", "uneven#4"), key=steps.__getitem__)[0] == "uneven#3"


def test_a_step_is_admitted_with_the_memory_that_its_like_needed(memory: MemoryWorkspace) -> None:
    book = memory.engine.book
    capacity = book.executors["process"].pool.capacity["memory"]
    assert capacity
    assert book.executors["process"].pool.amounts(Demand(learned_bytes=1 << 30)) == (("cpu", 1.0), ("memory", 1 << 30))
    assert book.executors["process"].pool.amounts(Demand(memory_bytes=5, learned_bytes=1 << 30))[1] == ("memory", 5)


def test_what_is_left_is_told_in_words() -> None:
    told = {"made_at": NOW, "p10": NOW + 50, "p50": NOW + 70, "p90": NOW + 130}
    run = {
        **make_run("r", "running"),
        "notes": {"forecast": told, "planned": told},
        "ended_at": None,
        "started_at": NOW,
    }
    assert left_text(run, NOW + 10) == "about 1m 00s left (40.0 s to 2m 00s)"  # type: ignore[arg-type]
    assert planned_text(run) == "1m 10s (50.0 s to 2m 10s)"  # type: ignore[arg-type]
    assert left_text({**run, "notes": {}}, NOW) == planned_text({**run, "notes": {}}) == ""  # type: ignore[arg-type, typeddict-item]
    assert left_text({**run, "ended_at": NOW + 99}, NOW) == ""  # type: ignore[arg-type, typeddict-item]


@flow
def many(count: int) -> int:
    return join([short(number) for number in range(count)])


def test_a_run_of_very_many_steps_is_forecast_with_alike_ones_taken_together(
    memory: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = memory.engine.book.executors["process"].pool
    monkeypatch.setattr(type(pool), "fits", Pool.fits)  # nothing begins beside a step while its clock jumps
    record(memory, many, 20)
    live = memory.engine.book.live(many.submit(21_000).id)
    assert live is not None
    while "forecast" not in live.notes:
        memory.engine.turn(0.0)
    told = live.notes["planned"]
    expected = 21_000 * 2.0 / pool.capacity["cpu"]
    assert told["p50"] - told["made_at"] == pytest.approx(expected, rel=0.3)
    assert told["p10"] < told["p50"] < told["p90"]
