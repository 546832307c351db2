"""Runs that go on under a later engine."""

from __future__ import annotations

import pytest

from partita.core.events import Commands
from partita.core.graph import Run
from partita.core.rebuild import StoredStep, rebuild, resume
from partita.core.records import Profile
from partita.core.states import Kind, Mark, State


def stored(number: int, parent: int, kind: Kind, marks: int) -> StoredStep:
    return StoredStep(
        number, parent, "step", kind, 0, (), -1, None, None, int(State.RUNNING), None, 1, 0, 0, None, 0, marks
    )


@pytest.mark.parametrize(("marks", "stops"), [(Mark.CANCELLING, [(1, "cancelled")]), (0, [])])
def test_an_attempt_that_was_cancelled_is_asked_again_to_stop(marks: int, stops: list[tuple[int, str]]) -> None:
    """Its worker may not have heard of it before the engine ended."""
    run = Run(1, "run")
    run.profiles.append(Profile("m:f", "f"))
    rebuild(run, [stored(0, -1, Kind.FLOW, Mark.EXPANDED), stored(1, 0, Kind.TASK, marks)])
    out = Commands()
    resume(run, {1: 1}, out, {1})
    assert run.steps[1].state == State.RUNNING and out.stops == stops
