"""What earlier runs tell a plan: durations, and the steps that came of what is laid out later."""

from __future__ import annotations

from math import exp, log

import pytest

from partita.core.records import Demand
from partita.protocol.requests import AttemptView, StepView
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.past_runs import EarlierRun, Options, PastRuns, expanded, of_last_attempts, shapes_of
from tests.unit.cli.fake import NOW, make_step


def ran(number: int, path: str, seconds: float = 1.0, **fields: object) -> StepView:
    given = {"parent": 0, "started_at": NOW, "ended_at": NOW + seconds, **fields}
    return make_step(number, path, **given)  # type: ignore[arg-type]


def earlier(steps: list[StepView], options: dict[int, Options] | None = None) -> EarlierRun:
    return EarlierRun(steps, options or {})


def task(path: str, kind: str = "task", needs: tuple[int, ...] = (), cpu: float = 1.0) -> FlowTask:
    title = path.rpartition("/")[2].partition("[")[0]
    return FlowTask(path, title, kind, "f.py:1", Demand(cpu), f"f:{title}", "", "", needs)


def test_a_duration_is_that_of_the_earlier_steps_of_the_same_place() -> None:
    runs = [[ran(1, "fit[0]", 2.0), ran(2, "fit[1]", 8.0), ran(3, "load", 5.0)], [ran(1, "fit[0]", 4.0)]]
    found = PastRuns(runs).of(task("fit[7]"))
    assert found is not None
    assert found.spread.median == pytest.approx(exp((log(2.01) + log(4.01) + log(8.01)) / 3) - 0.01)
    assert found.spread.quantile(0.1) < 2.5 < 6.5 < found.spread.quantile(0.9)
    assert found.basis == "3 earlier steps"
    assert PastRuns(runs).of(task("part/fit[7]")) is None


def test_what_did_not_run_teaches_nothing() -> None:
    steps = [
        ran(1, "a", marks=["cached"]), ran(2, "b", marks=["adopted"]), ran(3, "c", state="failed"),
        ran(4, "d", started_at=None), ran(5, "e", kind="flow"),
    ]  # fmt: skip
    past = PastRuns([steps])
    assert [past.of(task(name)) for name in "abcde"] == [None] * 5
    assert past.of(task("e", "flow")) is None


def test_what_was_seen_once_is_wide_and_what_is_always_alike_is_not_certain() -> None:
    once, often = PastRuns([[ran(1, "a", 2.0)]]), PastRuns([[ran(n, "a", 2.0) for n in range(20)]])
    spreads = [past.of(task("a")) for past in (once, often)]
    widths = [known.spread.quantile(0.9) / known.spread.quantile(0.1) for known in spreads if known is not None]
    assert widths[0] > 3.0 > 2.0 > widths[1] > 1.2


def test_a_step_that_took_no_time_is_known_too() -> None:
    found = PastRuns([[ran(1, "a", 0.0)]]).of(task("a"))
    assert found is not None and found.spread.median == pytest.approx(0.0, abs=1e-9)


def attempt(
    step: int, number: int, start_s: float, end_s: float, outcome: str = "succeeded", on: str = "p"
) -> AttemptView:
    return AttemptView(
        step=step, number=number, executor=on, outcome=outcome, started_at=NOW + start_s, ended_at=NOW + end_s, cpu_s=0.0,
        peak_bytes=0, node="", input_bytes=0, output_bytes=0, error=None,
    )  # fmt: skip


def test_attempts_that_failed_and_the_time_between_are_no_work() -> None:
    steps = [ran(1, "a", 9.0, attempts=2), ran(2, "b", 3.0)]
    attempts = [attempt(1, 1, 0, 1, "failed"), attempt(1, 2, 7, 9), attempt(2, 1, 0, 3, on="fast")]
    past = PastRuns([of_last_attempts(steps, attempts, {"fast": 2.0})])
    found = [past.of(task(name)) for name in "ab"]
    assert [known.spread.median for known in found if known is not None] == pytest.approx([2.0, 6.0])


#: A flow that is laid out when `count` is known: a map, which is laid out later still, and what adds it up.
STEPS = [
    make_step(0, "whole", parent=-1, kind="flow"),
    ran(1, "count"),
    ran(2, "spread", kind="flow", inputs=[1]),
    ran(3, "tell", inputs=[2]),
    ran(4, "spread/list", parent=2),
    ran(5, "spread/work[]", parent=2, kind="flow", inputs=[4], name="work[]"),
    ran(6, "spread/add", parent=2, inputs=[5]),
    ran(7, "spread/work[]/work[0]", parent=5, name="work[0]"),
    ran(8, "spread/work[]/work[1]", parent=5, name="work[1]"),
]
NOW_KNOWN = [task("count"), task("spread", "flow", (0,)), task("tell", needs=(1,)), task("work[9]", cpu=2.0)]


def test_steps_of_the_last_run_stand_in_place_of_what_is_laid_out_later() -> None:
    found = expanded(NOW_KNOWN, earlier(STEPS))
    needs = {step.path: [found[number].path for number in step.needs] for step in found}
    assert needs == {
        "count": [], "spread/list": ["count"], "spread/work[]/work[0]": ["spread/list"],
        "spread/work[]/work[1]": ["spread/list"], "spread/add": ["spread/work[]/work[0]", "spread/work[]/work[1]"],
        "tell": ["spread/add"], "work[9]": [],
    }  # fmt: skip
    assert {step.path: step.demand.cpu for step in found}["spread/work[]/work[0]"] == 2.0


def test_steps_of_the_last_run_ask_for_what_they_asked_for_then() -> None:
    wide = Options("work", Demand(4.0, 2**30, slots=(("licence", 1),)), "big")
    found = expanded(NOW_KNOWN[:3], earlier(STEPS, {6: Options("add", Demand(3.0), ""), 7: wide, 8: wide}))
    asked = {step.path: Options(step.title, step.demand, step.executor) for step in found}
    assert asked["spread/work[]/work[0]"] == asked["spread/work[]/work[1]"] == wide
    assert asked["spread/add"] == Options("add", Demand(3.0), "")


def test_what_asks_for_something_else_today_does_so_where_it_is_laid_out_later_too() -> None:
    steps = [*STEPS, ran(9, "work[9]", name="work[9]")]
    then, other = Options("work", Demand(1.0), ""), Options("work", Demand(8.0), "")
    found = expanded(NOW_KNOWN, earlier(steps, {7: then, 8: other, 9: then}))
    asked = {step.path: step.demand.cpu for step in found}
    assert (asked["spread/work[]/work[0]"], asked["spread/work[]/work[1]"], asked["work[9]"]) == (2.0, 8.0, 2.0)


def test_what_never_ran_stays_as_it_is() -> None:
    assert expanded(NOW_KNOWN, earlier(STEPS[:2])) == NOW_KNOWN
    assert expanded(NOW_KNOWN, earlier([])) == NOW_KNOWN


def test_one_later_part_may_need_another() -> None:
    steps = [*STEPS, ran(9, "second", kind="flow", inputs=[2]), ran(10, "second/work[0]", parent=9, name="work[0]")]
    tasks = [*NOW_KNOWN[:3], task("second", "flow", (1,))]
    found = expanded(tasks, earlier(steps))
    last = next(step for step in found if step.path == "second/work[0]")
    assert [found[number].path for number in last.needs] == ["spread/add"]


def test_what_came_of_later_parts_in_several_runs_is_told_with_how_often() -> None:
    wider = [*STEPS, ran(9, "spread/work[]/work[2]", parent=5, name="work[2]")]
    found = shapes_of(NOW_KNOWN, list(map(earlier, (wider, STEPS, wider, STEPS[:2]))))
    assert [(len(shape.tasks), shape.runs) for shape in found] == [(8, 2), (7, 1), (4, 1)]
    assert [(shape.tasks, shape.runs) for shape in shapes_of(NOW_KNOWN, [])] == [(NOW_KNOWN, 1)]
    assert len(shapes_of(NOW_KNOWN[:1], [earlier(wider), earlier(STEPS)])) == 1  # nothing is laid out later


def test_of_a_branch_that_was_not_taken_nothing_came_and_what_needs_it_needs_what_was_before() -> None:
    found = expanded(NOW_KNOWN, earlier([step for step in STEPS if not step["path"].startswith("spread/")]))
    needs = {step.path: [found[number].path for number in step.needs] for step in found}
    assert needs == {"count": [], "tell": ["count"], "work[9]": []}
