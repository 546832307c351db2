"""What is kept of when steps were planned to run, and of how the estimate of a run's finish went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita import flow, task
from partita.core.resources import Pool
from partita.engine.run_plans import STEPS, PlannedTime, PlanRequests, RunPlans, pack_times, unpack_times
from partita.testing import MemoryWorkspace, memory_workspace
from partita.workspace.run_plans import run_plan


@task
def short(number: int) -> int:
    return number


@task
def long(number: int) -> int:
    return number


@task
def join(values: list[int]) -> int:
    return sum(values)


@flow
def fork(count: int) -> int:
    return join([*[short(number) for number in range(count)], long(short(99))])


@flow
def part(count: int) -> int:
    return join([long(number) for number in range(count)])


@flow
def late() -> int:
    return part(short(3))


@flow
def many(count: int) -> int:
    return join([short(number) for number in range(count)])


@flow
def rows(count: int) -> int:
    return join(long.map(long.map(list(range(count)))))


@pytest.fixture
def memory() -> Iterator[MemoryWorkspace]:
    """Two cores; a short step takes 2 seconds, a long one 20; runs are forecast."""
    with memory_workspace(cpu=2) as workspace:
        book = workspace.engine.book
        book.limits = replace(book.limits, forecasts=True)
        seconds = {"short": 2.0, "long": 20.0, "join": 1.0}
        for of in (short, long, join):

            def work(value: Any, name: str = of.name, function: Any = of.function) -> Any:
                workspace.clock.jump(seconds[name])
                return function(value)

            workspace.fake(of, work)
        yield workspace


@pytest.fixture
def alone(memory: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> MemoryWorkspace:
    """Nothing begins beside a step while its clock jumps."""
    monkeypatch.setattr(type(memory.engine.book.executors["process"].pool), "fits", Pool.fits)
    return memory


def told(memory: MemoryWorkspace, run: str, verb: str = "run_plan") -> Any:
    requests = PlanRequests(memory.engine.book, memory._reading)
    return requests.verbs[verb]({"run": run})


def names(memory: MemoryWorkspace, run: str) -> dict[int, str]:
    return {step["id"]: step["name"] for step in memory.all_steps(run)}


def record(memory: MemoryWorkspace, of: Any, *arguments: Any) -> str:
    run = of.run(*arguments)
    run.result()
    id: str = run.id
    return id


def test_each_step_has_a_time_that_agrees_with_the_order(memory: MemoryWorkspace) -> None:
    for _ in range(4):
        record(memory, fork, 6)
    run = record(memory, fork, 6)
    by_name = names(memory, run)
    times = {by_name[step]: (start_s, seconds) for step, _, start_s, seconds in told(memory, run)}
    start_s, seconds = times["long"]
    assert seconds == pytest.approx(20.0, rel=0.15) and times["short[0]" if "short[0]" in times else "short"][1] > 1.0
    assert times["join"][0] == pytest.approx(max(at + taken for name, (at, taken) in times.items() if name != "join"))
    assert times["join"][0] >= start_s + seconds - 1e-3
    assert {executor for _, executor, _, _ in told(memory, run)} == {"process"}


def test_what_is_laid_out_later_has_its_times_from_the_next_forecast(memory: MemoryWorkspace) -> None:
    for _ in range(3):
        record(memory, late)
    run = record(memory, late)
    by_name = names(memory, run)
    times = {by_name[step]: (start_s, seconds) for step, _, start_s, seconds in told(memory, run)}
    assert times["part"][1] > 15.0 and {"long", "long#2", "long#3"} & set(times)
    assert len(memory.engine.book.store.plan(1)) > 1


def test_the_first_plan_of_a_step_stays(memory: MemoryWorkspace) -> None:
    for _ in range(2):
        record(memory, part, 4)
    run = part.submit(4)
    live = memory.engine.book.live(run.id)
    assert live is not None
    seen: list[Any] = []
    while not live.is_final:
        memory.engine.turn(0.0)
        if live.planned is not None and live.planned.count:
            seen.append(told(memory, run.id))
    assert len(seen) > 3 and seen[0] and all(each == seen[0] for each in seen)
    estimates = told(memory, run.id, "run_estimates")
    assert len(estimates) > 1 and estimates[0] == {name: live.notes["planned"][name] for name in estimates[0]}
    assert [each["made_at"] for each in estimates] == sorted(each["made_at"] for each in estimates)


def test_an_engine_that_goes_on_with_a_run_plans_no_step_again(memory: MemoryWorkspace) -> None:
    record(memory, part, 4)
    run = part.submit(4)
    live = memory.engine.book.live(run.id)
    assert live is not None
    while live.planned is None or not live.planned.count or not live.planned.estimates:
        memory.engine.turn(0.0)
    memory.engine.turn(0.0)
    before = live.planned
    live.planned = None
    assert RunPlans(memory.engine.book).room(live)[1] == 0
    assert live.planned == before


def test_of_very_many_steps_some_of_each_sort_are_kept(alone: MemoryWorkspace) -> None:
    record(alone, many, 20)
    run = many.submit(9000)
    live = alone.engine.book.live(run.id)
    assert live is not None
    while live.planned is None or not live.planned.estimates:
        alone.engine.turn(0.0)
    alone.engine.turn(0.0)
    times = told(alone, run.id)
    by_name = names(alone, run.id)
    assert STEPS * 0.9 <= len(times) <= STEPS
    shorts = [time for time in times if by_name[time[0]].startswith("short")]
    ends = [start_s + seconds for _, _, start_s, seconds in shorts]
    assert max(ends) == pytest.approx(9000.0, rel=0.1)  # two at once, of 2 seconds each
    assert sorted(time[3] for time in shorts)[len(shorts) // 2] == pytest.approx(2.0, rel=0.1)
    starts = [start_s for _, _, start_s, _ in shorts]
    assert sum(one <= other for one, other in pairwise(starts)) > 0.9 * len(starts)
    (last,) = [time for time in times if by_name[time[0]] == "join"]
    assert last[2] == pytest.approx(max(ends), rel=0.02)
    (row,) = [row for row in alone.engine.book.store.plan(live.run.number) if row.part]
    assert len(row.packed) < 14 * STEPS


def test_of_rows_the_first_steps_are_planned_before_the_second(alone: MemoryWorkspace) -> None:
    record(alone, rows, 4)
    run = rows.submit(400)
    live = alone.engine.book.live(run.id)
    assert live is not None
    while live.planned is None or not live.planned.estimates:
        alone.engine.turn(0.0)
    alone.engine.turn(0.0)
    by_id = {step["id"]: step for step in alone.all_steps(run.id)}
    times = {step: (start_s, start_s + seconds) for step, _, start_s, seconds in told(alone, run.id)}
    firsts = {number for number in times if by_id[number]["name"].startswith("long[")}
    assert len(times) > 790
    for number in firsts:
        for source in by_id[number]["inputs"]:
            if source in firsts:
                assert times[source][1] <= times[number][0] + 1.0


def test_a_plan_of_a_run_tells_its_critical_path(memory: MemoryWorkspace) -> None:
    for _ in range(4):
        record(memory, fork, 6)
    run = record(memory, fork, 6)
    plan = run_plan(memory.run(run), memory.all_steps(run), told(memory, run))
    on_path = [plan["steps"][position]["path"] for position in plan["critical"]]
    assert on_path[-2:] == ["long", "join"] and plan["critical_s"] > 18.0
    assert all(step["is_critical"] == (step["path"] in on_path) for step in plan["steps"])
    notes, began = memory.run(run)["notes"], memory.run(run)["started_at"]
    assert began is not None and plan["makespan_s"] == pytest.approx(notes["planned"]["p50"] - began)
    assert plan["nodes"][0]["id"] == "process" and plan["nodes"][0]["steps"] == len(plan["steps"])


@given(
    st.dictionaries(
        st.integers(0, 2**32 - 1), st.tuples(st.sampled_from(["", "process", "远程"]), st.floats(0, 1e6), st.floats(0, 1e6)),
        max_size=40,
    ),
    st.integers(0, 2**32),
)  # fmt: skip
def test_packed_times_come_back(made: dict[int, tuple[str, float, float]], until: int) -> None:
    times = [PlannedTime(step, *rest) for step, rest in made.items()]
    found_until, found = unpack_times(pack_times(until, times))
    assert found_until == until and [time.step for time in found] == sorted(made)
    for time in found:
        name, start_s, seconds = made[time.step]
        assert time.executor == name
        assert (time.start_s, time.seconds) == (
            pytest.approx(start_s, rel=1e-6, abs=1e-30),
            pytest.approx(seconds, rel=1e-6, abs=1e-30),
        )
