"""When steps ran, as rows: which there are, what the critical path is, and what is said of each."""

from __future__ import annotations

import json
import time
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.drawing.run_gantt import run_gantt
from partita.drawing.run_times import critical_steps, run_times
from partita.protocol.requests import AttemptView, RunView, StepView
from partita.units import duration_text
from tests.unit.drawing.plans import made
from tests.unit.drawing.plans import step as planned
from tests.unit.drawing.steps import Run, runs

SVG = "{http://www.w3.org/2000/svg}"


def run_of(ended_at: float | None = None, **notes: Any) -> RunView:
    state = "running" if ended_at is None else "succeeded"
    return {
        "id": "r", "flow": "flows:main", "title": "main", "state": state, "bundle": "", "tags": [], "created_at": 999.0,
        "started_at": 1000.0, "ended_at": ended_at, "error": None, "notes": notes, "counts": {}, "parent": None,
        "rerun_of": None, "owner": "", "weight": 1.0, "priority": 0,
    }  # fmt: skip


def ran(
    step: int, start_s: float, end_s: float | None, outcome: str = "succeeded", number: int = 1, node: str = "n"
) -> AttemptView:
    return {
        "step": step, "number": number, "executor": "local", "outcome": outcome if end_s is not None else "running",
        "started_at": 1000.0 + start_s, "ended_at": None if end_s is None else 1000.0 + end_s, "cpu_s": 0.0, "peak_bytes": 0,
        "node": node, "input_bytes": 0, "output_bytes": 0, "error": None,
    }  # fmt: skip


def drawn(run: RunView, steps: list[StepView], attempts: list[AttemptView], **options: Any) -> ElementTree.Element:
    told = run_gantt(run, steps, attempts, lambda node: f"steps/{node.step}", **{"now": 1050.0} | options)
    return ElementTree.fromstring(told)


def labels(picture: ElementTree.Element) -> list[str]:
    return [element.get("aria-label", "") for element in picture.iter(f"{SVG}a")]


def texts(picture: ElementTree.Element) -> str:
    return "\n".join("".join(element.itertext()) for element in picture.iter())


def wide() -> tuple[Run, list[AttemptView]]:
    """Two branches of which the second takes longer; then what needs both."""
    run = Run()
    load = run.add("load")
    quick, slow = run.add("quick", inputs=[load]), run.add("slow", inputs=[load])
    run.add("join", inputs=[quick, slow])
    return run, [ran(0, 0, 1), ran(load, 1, 3), ran(quick, 3, 5), ran(slow, 3, 9), ran(4, 9, 10)]


def test_rows_tell_when_each_step_ran_and_what_was_critical() -> None:
    run, attempts = wide()
    picture = drawn(run_of(1010.0), run.steps, attempts)
    assert labels(picture) == [
        "main, running, 1.0 s from 0.00 s to 1.0 s, on the critical path",
        "load, succeeded, 2.0 s from 1.0 s to 3.0 s, on the critical path",
        "quick, succeeded, 2.0 s from 3.0 s to 5.0 s",
        "slow, succeeded, 6.0 s from 3.0 s to 9.0 s, on the critical path",
        "join, succeeded, 1.0 s from 9.0 s to 10.0 s, on the critical path",
    ]
    assert "took 10.0 s" in texts(picture) and [each.get("href") for each in picture.iter(f"{SVG}a")][1] == "steps/1"
    assert len([each for each in picture.iter(f"{SVG}rect") if "is-critical" in (each.get("class") or "")]) == 4


def test_the_critical_path_goes_through_maps_and_flows_that_are_laid_out_late() -> None:
    run = Run()
    load = run.add("load")
    flow = run.add("train", "flow", inputs=[load])
    *fits, gather = run.map("fit", ["succeeded"] * 3, flow)
    run.add("pick", inputs=[flow])
    attempts = [
        ran(load, 0, 2),
        ran(flow, 2, 3),
        ran(fits[0], 3, 4),
        ran(fits[1], 3, 8),
        ran(fits[2], 4, 5),
        ran(gather + 1, 8, 9),
    ]
    found = run_times(run_of(1009.0), run.steps, attempts, now=1009.0).critical
    assert found == [load, flow, fits[1], gather + 1]


def test_what_ended_after_a_step_began_is_no_cause_of_it() -> None:
    run = Run()
    first, late = run.add("first"), run.add("late")
    run.add("last", inputs=[first, late])
    attempts = [ran(first, 0, 1), ran(late, 0, 9), ran(3, 1, 10)]
    assert run_times(run_of(1010.0), run.steps, attempts, now=1010.0).critical == [first, 3]


def test_of_a_run_that_goes_on_there_are_now_and_the_forecast() -> None:
    run, attempts = wide()
    forecast = {"made_at": 1004.0, "p10": 1060.0, "p50": 1070.0, "p90": 1090.0}
    went_on = [*attempts[:3], ran(3, 3, None)]
    picture = drawn(
        run_of(forecast=forecast, planned={"made_at": 1001.0, "p10": 1015.0, "p50": 1020.0, "p90": 1030.0}),
        run.steps,
        went_on,
    )
    told = texts(picture)
    assert "runs for 50.0 s, planned 20.0 s, about 20.0 s left (P10 10.0 s, P90 40.0 s)" in told
    assert {"now", "forecast", "expected", "limit"} <= {each.get("class") for each in picture.iter()}
    assert any("slow, " in label and "on the critical path" in label for label in labels(picture))
    over = drawn(run_of(1010.0, forecast=forecast), run.steps, attempts)
    assert not {"now", "forecast", "expected"} & {each.get("class") for each in over.iter()}


def test_of_a_run_that_waits_for_a_person_no_time_is_told() -> None:
    run, attempts = wide()
    told = texts(drawn(run_of(held_by="person"), run.steps, [*attempts[:3], ran(3, 3, None)]))
    assert "runs for 50.0 s, waits for a person" in told


def test_the_plan_stands_behind_and_what_is_not_laid_out_yet_below() -> None:
    run, attempts = wide()
    plan = made([planned("load"), planned("slow", [0]), planned("later/fit[0]", [1])])
    picture = drawn(run_of(), run.steps, attempts[:4], plan=plan)
    assert len([each for each in picture.iter(f"{SVG}rect") if each.get("class") == "plan"]) == 3
    assert "later/fit[0]" in texts(picture)
    took = duration_text(plan["steps"][0]["seconds"])
    assert any(label.startswith("load, ") and f", planned {took}" in label for label in labels(picture))


def test_attempts_that_failed_are_seen_before_the_one_that_did_not() -> None:
    run = Run()
    fit = run.add("fit", attempts=2)
    picture = drawn(run_of(1010.0), run.steps, [ran(fit, 0, 2, "lost"), ran(fit, 3, 6, number=2)])
    kinds = [each.get("class") for each in picture.iter(f"{SVG}rect") if (each.get("class") or "").startswith("bar")]
    assert kinds == ["bar is-failed is-critical", "bar is-succeeded is-critical"]
    assert "fit, attempt 2, succeeded, 3.0 s from 3.0 s to 6.0 s, on local, on the critical path" in texts(picture)


def test_waits_and_steps_without_known_attempts_have_bars_by_their_own_times() -> None:
    run = Run()
    run.add("approve", "wait", "waiting", started_at=1010.0)
    run.add("fit", state="succeeded", started_at=1000.0, ended_at=1007.0)
    assert labels(drawn(run_of(), run.steps, [])) == [
        "fit, succeeded, 7.0 s from 0.00 s to 7.0 s",
        "approve, waiting, 40.0 s from 10.0 s to 50.0 s, on the critical path",
    ]


def test_machines_have_as_many_rows_as_they_ran_at_once() -> None:
    run, attempts = wide()
    attempts[3]["node"] = attempts[4]["node"] = "m"
    rows = run_times(run_of(1010.0), run.steps, [*attempts, ran(2, 4, 5, number=2)], now=0, by="node").rows
    assert [(row.label, len(row.spans)) for row in rows] == [("m · 1", 2), ("n · 1", 3), ("n · 2", 1)]
    assert any(
        label.startswith("slow, attempt 1, succeeded")
        for label in labels(drawn(run_of(1010.0), run.steps, attempts, by="node"))
    )


def test_of_many_steps_what_matters_has_rows_and_the_rest_is_summed() -> None:
    run = Run()
    run.map("fit", ["succeeded"] * 2000, gathers=False)
    attempts = [
        ran(number, number % 50, number % 50 + 0.5, "failed" if number == 77 else "succeeded")
        for number in range(1, 2001)
    ]
    attempts[1499]["ended_at"] = 1044.0  # from 0: the longest
    attempts[1499]["started_at"] = 1000.0
    times = run_times(run_of(1050.0), run.steps, attempts, now=0, at_most=10)
    names = {row.label for row in times.rows}
    assert len(names) == 10 and {"fit[76]", "fit[1499]"} <= names
    assert times.hidden == len(times.others) == 1990
    assert "1,990 more" in texts(drawn(run_of(1050.0), run.steps, attempts, at_most=10))


def test_a_run_of_which_nothing_ran_is_drawn() -> None:
    assert "nothing has run yet" in texts(drawn(run_of(), [], []))
    assert critical_steps([], []) == []


@pytest.mark.parametrize("by", ["step", "node"])
def test_ten_thousand_steps_take_little_time_and_space(by: str) -> None:
    run = Run()
    run.map("fit", ["succeeded"] * 10_000)
    attempts = [ran(number, number / 16, number / 16 + 1) for number in range(1, 10_001)]
    best = {"json": 9.0, "gantt": 9.0}
    for _ in range(5):
        begun = time.process_time()
        json.dumps([run.steps, attempts])
        best["json"] = min(best["json"], time.process_time() - begun)
        begun = time.process_time()
        told = run_gantt(run_of(1700.0), run.steps, attempts, lambda node: f"steps/{node.step}", now=1700.0, by=by)
        best["gantt"] = min(best["gantt"], time.process_time() - begun)
    assert len(told) < 260_000
    assert best["gantt"] < 3 * best["json"]


@settings(max_examples=60)
@given(runs(), st.data())
def test_any_times_give_a_picture(steps: list[StepView], data: st.DataObject) -> None:
    times = st.floats(-5, 60)
    attempts = [
        ran(
            number,
            data.draw(times),
            data.draw(st.none() | times),
            data.draw(st.sampled_from(["succeeded", "failed", "lost", "x"])),
        )
        for number in data.draw(st.lists(st.integers(0, len(steps) + 2), max_size=15))
    ]
    by = data.draw(st.sampled_from(["step", "node", "executor"]))
    at_most = data.draw(st.integers(0, 5))
    picture = drawn(run_of(data.draw(st.none() | st.just(1040.0))), steps, attempts, by=by, at_most=at_most)
    for shape in picture.iter(f"{SVG}rect"):
        assert float(shape.get("width", "1").rstrip("%")) > 0 and float(shape.get("x", "0").rstrip("%")) >= 0
