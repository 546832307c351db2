"""Owners, weights and priorities of runs: what of several runs the engine starts first, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from partita import context, flow, task
from partita.core.resources import Pool
from partita.errors import OptionError
from partita.testing import MemoryRun, MemoryWorkspace, memory_workspace
from tests.timed_executors import Machine, Steps, TimedEngine

STEPS = 60


@task
def work(number: int) -> int:
    return number


@flow
def many(count: int) -> list[int]:
    return [work(number) for number in range(count)]


@flow(priority=5, weight=2, owner="reports")
def said(count: int) -> list[int]:
    return [work(number) for number in range(count)]


@task
def parent() -> str:
    return str(context().launch(many, 1).wait().id)


@flow
def launching() -> str:
    return parent()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryWorkspace]:
    """One core, which a step holds while its clock jumps; a step takes a second."""
    with memory_workspace(cpu=1) as workspace:
        monkeypatch.setattr(type(workspace.engine.book.executors["process"].pool), "fits", Pool.fits)

        def second(number: int) -> int:
            workspace.clock.jump(1.0)
            return number

        workspace.fake(work, second)
        yield workspace


def began(memory: MemoryWorkspace, *runs: MemoryRun) -> list[str]:
    """The ids of runs by the starts of their steps, the first first."""
    for run in runs:
        run.wait()
    steps = [
        (step["started_at"], run.id) for run in runs for step in memory.all_steps(run.id) if step["kind"] == "task"
    ]
    return [run for _, run in sorted(steps, key=lambda pair: pair[0])]


def share(order: list[str], run: MemoryRun, of: int) -> float:
    return Counter(order[:of])[run.id] / of


def standing(run: MemoryRun) -> tuple[Any, ...]:
    view = run.view
    return view["owner"], view["weight"], view["priority"]


def test_runs_of_two_owners_get_what_their_weights_say(memory: MemoryWorkspace) -> None:
    ann = many.with_options(owner="ann", weight=3).submit(STEPS)
    ben = many.with_options(owner="ben").submit(STEPS)
    order = began(memory, ann, ben)
    assert share(order, ann, STEPS) == pytest.approx(0.75, abs=0.05)


def test_an_owner_with_two_runs_gets_what_one_with_one_does(memory: MemoryWorkspace) -> None:
    first, second = (many.with_options(owner="ann").submit(STEPS) for _ in range(2))
    ben = many.with_options(owner="ben").submit(STEPS)
    order = began(memory, first, second, ben)
    assert share(order, ben, STEPS) == pytest.approx(0.5, abs=0.05)
    assert share(order, first, STEPS) == pytest.approx(0.25, abs=0.05)


def test_a_run_of_higher_priority_goes_before_and_the_other_does_not_starve(memory: MemoryWorkspace) -> None:
    low = many.submit(5)
    high = many.with_options(priority=3).submit(3 * STEPS)
    order = began(memory, low, high)
    assert low.id not in order[2:10]
    assert order.index(low.id, 10) < 2 * STEPS  # thirty seconds of waiting count for more than three steps of priority


def test_priority_is_that_of_the_launch_or_else_of_the_flow(memory: MemoryWorkspace) -> None:
    assert standing(said.submit(1)) == ("reports", 2.0, 5)
    again = said.with_options(weight=0.5, owner="ann", priority=-7).submit(1)
    assert standing(again) == ("ann", 0.5, -7)
    again.wait()
    assert standing(memory.rerun(again.id)) == ("ann", 0.5, -7)


def test_a_run_stands_after_the_engine_began_anew_as_it_did_before(memory: MemoryWorkspace) -> None:
    ann = many.with_options(owner="ann", weight=3).submit(STEPS)
    ben = many.with_options(owner="ben").submit(STEPS)
    memory.restart()
    assert share(began(memory, ann, ben), ann, STEPS) == pytest.approx(0.75, abs=0.05)


def test_what_a_run_launches_stands_as_it_does(workspace: MemoryWorkspace) -> None:
    run = launching.with_options(owner="ann", weight=2, priority=4).submit()
    child = workspace.run(run.result())
    assert (child["owner"], child["weight"], child["priority"]) == ("ann", 2.0, 4)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"weight": 0}, "is not a weight"), ({"priority": 10**6}, "is not a priority"), ({"owner": 3}, "is not a name")],
)
def test_what_cannot_be_is_refused_where_it_is_written(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        many.with_options(**options)


def test_a_task_has_neither_owner_nor_weight() -> None:
    with pytest.raises(OptionError, match="give it to the flow that is run"):
        work.with_options(weight=2)


def test_the_engine_believes_no_client(memory: MemoryWorkspace) -> None:
    with pytest.raises(OptionError, match="is not a weight"):
        memory.submit(many, (1,), {}, {"weight": -1})


def test_weights_and_priorities_count_also_among_steps_that_choose_their_executor() -> None:
    def steps(name: str, count: int) -> Steps:
        return [(f"{name}#{number + 1}", {"executor": "any", "expect_s": 1.0}, ()) for number in range(count)]

    engine = TimedEngine({"one": Machine(1), "two": Machine(1)}, lambda name: 1.0)
    engine.launch(steps("heavy", 40), owner="ann", weight=3.0)
    engine.play(steps("light", 40), owner="ben")
    counts = Counter(name.partition("#")[0] for name, _, _ in engine.began[:40])
    assert counts["heavy"] / counts["light"] == pytest.approx(3.0, rel=0.25)

    engine = TimedEngine({"one": Machine(1), "two": Machine(1)}, lambda name: 1.0)
    engine.launch(steps("low", 40))
    engine.launch(steps("high", 8), priority=3)
    engine.play([])
    began = [name.partition("#")[0] for name, _, _ in engine.began]
    assert began[:12].count("high") == 8
