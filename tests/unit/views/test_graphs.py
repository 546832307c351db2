"""Steps as pages draw them: read whole once, and then only what has changed, over a real engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from partita.drawing.outline import Outline, outline_of
from partita.drawing.run_graph import group_states
from partita.protocol.requests import StepView
from partita.views.graphs import RunAttempts, RunSteps
from partita.workspace import open_workspace
from partita.workspace.local import LocalWorkspace
from tests.waiting import wait_until


class Counted(LocalWorkspace):
    """Counts what its engine is asked."""

    def __init__(self, folder: Path) -> None:
        plain = open_workspace(folder)
        super().__init__(plain.folder, plain.settings)
        plain.close()
        self.asked: list[str] = []
        ask: Callable[..., Any] = self._connection.ask

        def counted(verb: str, **fields: Any) -> Any:
            self.asked.append(verb)
            return ask(verb, **fields)

        self._connection.ask = counted  # type: ignore[method-assign]
        self.ask = counted


@pytest.fixture
def counted(project: Path) -> Any:
    made = Counted(project)
    yield made
    made.close()


def brief(workspace: LocalWorkspace, run: str) -> list[StepView]:
    return workspace.all_steps(run, is_brief=True)


def asked_for(workspace: LocalWorkspace, run: str, name: str) -> None:
    """Wait until the run asks this."""
    wait_until(lambda: [wait for wait in workspace.waits(run) if wait["name"] == name and not wait["outcome"]])


def test_chosen_steps_are_whole(looked_at: LocalWorkspace) -> None:
    run = looked_at.launch("flows.py:many", texts={"n": "5"})
    looked_at.wait(run, 60)
    every = looked_at.steps(run)
    assert looked_at.chosen_steps(run, [5, 2, 99, 1 << 40, 2]) == [every[2], every[5]]
    assert every[2]["preview"] and every[2]["ended_at"], "they have what brief ones lack"


def test_what_is_over_is_read_once(counted: Counted) -> None:
    run = counted.launch("flows.py:many", texts={"n": "3"})
    counted.wait(run, 60)
    view, known = counted.run(run), RunSteps()
    counted.asked.clear()
    first = known.of(counted, view)
    assert len(first) > 4 and {step["state"] for step in first} == {"succeeded"}
    assert known.of(counted, view) is first and counted.asked == ["steps"]


def test_only_what_has_changed_is_read(counted: Counted) -> None:
    """And who draws what was read before does not see it change."""
    run, known = counted.launch("flows.py:asks"), RunSteps()
    asked_for(counted, run, "first?")
    before = known.of(counted, counted.run(run))
    as_read = [dict(step) for step in before]
    counted.asked.clear()
    assert known.of(counted, counted.run(run)) is not None and "steps" not in counted.asked, "nothing has changed"
    counted.approve(run, next(wait["step"] for wait in counted.waits(run) if wait["name"] == "first?"))
    asked_for(counted, run, "second?")
    after = known.of(counted, counted.run(run))
    assert after == brief(counted, run) and before == as_read and after != before
    counted.cancel(run)
    counted.wait(run, 60)
    assert known.of(counted, counted.run(run)) == brief(counted, run)


def test_attempts_progress_and_errors_are_those_of_now(counted: Counted, tmp_path: Path) -> None:
    """They change with the states, and the graph shows them."""
    run, known = counted.launch("flows.py:tries", texts={"folder": str(tmp_path)}), RunSteps()
    wait_until(lambda: (tmp_path / "tried").exists())

    def found() -> StepView:
        return known.of(counted, counted.run(run))[-1]

    assert found()["attempts"] == 1
    (tmp_path / "first").touch()
    wait_until(lambda: found()["attempts"] == 2, 20)
    wait_until(lambda: found()["progress"] == [1, 2, "half of it"], 20)
    assert "attempt 2" in group_states(known.of(counted, counted.run(run)))["steps"][str(found()["id"])]["caption"]
    (tmp_path / "second").touch()
    wait_until(lambda: found()["state"] == "failed", 20)
    assert (found()["error"] or {}).get("message") == "it fails, too", "the run goes on"
    (tmp_path / "other").touch()
    counted.wait(run, 60)


def test_of_very_many_changes_some_are_read_at_a_time(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their states at once; the rest of them with the next looks, those that failed first."""
    monkeypatch.setattr("partita.views.graphs._READ_AT_ONCE", 7)
    run, known = counted.launch("flows.py:stops_short", texts={"n": "40"}), RunSteps()
    asked_for(counted, run, "go on?")
    known.of(counted, counted.run(run))
    counted.approve(run)
    asked_for(counted, run, "really?")
    first = known.of(counted, counted.run(run))
    assert [step["state"] for step in first] == [step["state"] for step in brief(counted, run)]
    assert all(step["error"] for step in first if step["state"] == "failed") and first != brief(counted, run)
    for _ in range(30):
        known.of(counted, counted.run(run))
    assert known.of(counted, counted.run(run)) == brief(counted, run)
    counted.cancel(run)
    counted.wait(run, 60)


def test_what_unfolds_is_read_anew(counted: Counted) -> None:
    """Its steps have ids that were not known."""
    run, known = counted.launch("flows.py:grows", texts={"n": "4"}), RunSteps()
    asked_for(counted, run, "go on?")
    before = known.of(counted, counted.run(run))
    counted.approve(run)
    counted.wait(run, 60)
    after = known.of(counted, counted.run(run))
    assert len(after) > len(before) + 4 and after == brief(counted, run)


def test_every_look_at_a_run_that_goes_on_finds_what_the_engine_says(counted: Counted) -> None:
    """However its layouts arrive in between."""
    run, known = counted.launch("flows.py:many", texts={"n": "3000"}), RunSteps()
    sizes = set()
    while (view := counted.run(run))["state"] == "running":
        found = known.of(counted, view)
        sizes.add(len(found))
        assert [step["id"] for step in found] == list(range(len(found)))
    assert known.of(counted, counted.run(run)) == brief(counted, run)
    assert len(sizes) > 1


def test_states_of_another_engine_are_not_put_on_top_of_what_is_known(counted: Counted) -> None:
    run, known = counted.launch("flows.py:asks"), RunSteps()
    asked_for(counted, run, "first?")
    known.of(counted, counted.run(run))
    counted.stop_engine()
    asked_for(counted, run, "first?")
    counted.approve(run, next(wait["step"] for wait in counted.waits(run) if wait["name"] == "first?"))
    asked_for(counted, run, "second?")
    assert known.of(counted, counted.run(run)) == brief(counted, run)
    counted.cancel(run)
    counted.wait(run, 60)


def test_several_threads_look_at_once(counted: Counted, project: Path) -> None:
    run, known = counted.launch("flows.py:many", texts={"n": "500"}), RunSteps()
    counted.wait(run, 60)
    view = counted.run(run)
    counted.asked.clear()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: known.of(counted, view), range(8)))
    assert all(each is found[0] for each in found) and counted.asked == ["steps"]


def test_large_runs_that_nobody_looks_at_are_forgotten(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a server that shows many runs grows without end."""
    monkeypatch.setattr("partita.views.graphs._STEPS_KEPT", 20)
    known = RunSteps()
    runs = [counted.launch("flows.py:many", texts={"n": "10"}) for _ in range(3)]
    views = []
    for run in runs:
        counted.wait(run, 60)
        views.append(counted.run(run))
        known.of(counted, views[-1])
    counted.asked.clear()
    known.of(counted, views[2])
    assert counted.asked == [], "the one that was looked at last is known still"
    known.of(counted, views[0])
    assert counted.asked == ["steps"], "the one that was looked at first is not"


def outline(workspace: LocalWorkspace, run: str, known: RunSteps) -> Outline:
    return outline_of(known.of(workspace, workspace.run(run)))


def test_boxes_of_what_is_known_say_what_is_in_them(counted: Counted) -> None:
    """Collapsed they count; open they name; what is in no box by that name harms nothing."""
    run, known = counted.launch("flows.py:many", texts={"n": "30"}), RunSteps()
    counted.wait(run, 60)
    closed = group_states(outline(counted, run, known), opened=frozenset())
    assert "one[]" in closed["groups"] and "30" in closed["groups"]["one[]"]["caption"]
    opened = group_states(outline(counted, run, known), opened=frozenset({"one[]", "no such box"}))
    inside = set(opened["steps"]) - set(closed["steps"])
    assert len(inside) > 20 and all(opened["steps"][each]["state"] == "succeeded" for each in inside)


def test_attempts_of_what_is_over_are_read_once(counted: Counted) -> None:
    run, known = counted.launch("flows.py:many", texts={"n": "3"}), RunAttempts(at_most=1)
    counted.wait(run, 60)
    view = counted.run(run)
    counted.asked.clear()
    assert known.of(counted, view) is known.of(counted, view) and counted.asked == ["attempts"]
