"""The machine itself; what it does in long histories is the simulation's matter."""

from __future__ import annotations

import pytest

from partita.core.events import Commands, Event, Happening, NewStep
from partita.core.graph import Run, Step, path_of
from partita.core.machine import advance
from partita.core.records import Profile
from partita.core.states import Kind, Mark, Need, State
from partita.errors import IllegalTransitionError
from partita.values import PLAIN, REF, pack


def a_run(**options: object) -> Run:
    """A root flow being laid out; profile 0 is the flow's, profile 1 a task's with these options."""
    run = Run(1, "r1")
    run.profiles = [Profile("f:main", "main", body="flow"), Profile("f:work", "work", **options)]  # type: ignore[arg-type]
    run.steps[0] = Step(0, -1, "main", Kind.FLOW, 0, (), -1)
    tell(run, Event(Happening.REVEALED, 0))
    tell(run, Event(Happening.STARTED, 0, 1))
    return run


def tell(run: Run, *events: Event) -> Commands:
    out = Commands()
    for event in events:
        advance(run, event, out)
    return out


def lay(run: Run, *steps: NewStep, alias: list | None = None) -> Commands:  # type: ignore[type-arg]
    run.next_id = len(steps) + 1
    return tell(
        run, Event(Happening.FRAME, 0, 1, steps=list(steps)), Event(Happening.LAID, 0, 1, alias=alias or [PLAIN, None]),
        *(Event(Happening.REVEALED, step.id) for step in steps),
    )  # fmt: skip


def a_task(number: int, *inputs: int, name: str = "") -> NewStep:
    sources = tuple((source, (), Need.VALUE) for source in inputs)
    return NewStep(number, 0, name or f"work#{number}", Kind.TASK, 1, sources, -1, None, None)


def test_an_event_that_the_table_lacks_tells_the_steps_story() -> None:
    run = a_run()
    lay(run, a_task(1, name="fit"))
    with pytest.raises(
        IllegalTransitionError, match=r"DONE came to 'fit' \(step 1 of run r1, TASK\) in state READY"
    ) as told:
        tell(run, Event(Happening.DONE, 1, 1, value=b""))
    assert "please report it" in str(told.value)


def test_an_outcome_of_an_earlier_attempt_changes_nothing() -> None:
    run = a_run()
    lay(run, a_task(1))
    tell(run, Event(Happening.STARTED, 1, 1), Event(Happening.LOST, 1, 1), Event(Happening.STARTED, 1, 2))
    out = tell(run, Event(Happening.DONE, 1, 1, value=pack([PLAIN, "stale"])))
    assert run.steps[1].state == State.RUNNING
    assert not out.values


def test_a_steps_failures_and_crashes_are_counted_apart() -> None:
    run = a_run(retries=1, crash_retries=1)
    lay(run, a_task(1))
    error = pack({"type": "ValueError", "message": "no"})
    step = run.steps[1]
    tell(run, Event(Happening.STARTED, 1, 1), Event(Happening.LOST, 1, 1, error=error))
    tell(run, Event(Happening.STARTED, 1, 2), Event(Happening.FAILED, 1, 2, error=error, delay_s=5.0))
    assert (step.state, step.failures, step.crashes) == (State.WAITING, 1, 1)
    tell(run, Event(Happening.DUE, 1), Event(Happening.STARTED, 1, 3), Event(Happening.FAILED, 1, 3, error=error))
    assert step.state == State.FAILED
    assert run.state == State.FAILED


def test_the_engines_death_is_not_held_against_a_step() -> None:
    run = a_run(crash_retries=0)
    lay(run, a_task(1))
    for attempt in range(1, 6):
        tell(run, Event(Happening.STARTED, 1, attempt), Event(Happening.ORPHANED, 1, attempt))
    assert run.steps[1].state == State.READY


def test_what_is_not_idempotent_is_lost_rather_than_repeated() -> None:
    run = a_run(is_idempotent=False, retries=5)
    lay(run, a_task(1))
    tell(
        run,
        Event(Happening.STARTED, 1, 1),
        Event(Happening.ORPHANED, 1, 1, error=pack({"type": "Lost", "message": ""})),
    )
    assert run.steps[1].state == State.FAILED
    assert run.steps[1].marks & Mark.LOST


def test_a_failed_run_undoes_its_finished_steps_the_latest_first() -> None:
    run = a_run(compensate="f:undo")
    lay(run, a_task(1), a_task(2, 1), a_task(3, 2))
    value = pack([PLAIN, 1])
    for number in (1, 2):
        tell(run, Event(Happening.STARTED, number, 1), Event(Happening.DONE, number, 1, value=value))
    failure = Event(Happening.FAILED, 3, 1, error=pack({"type": "E", "message": ""}))
    out = tell(run, Event(Happening.STARTED, 3, 1), failure)
    undone = []
    while out.ready:
        (undo,) = (run.steps[number] for number in out.ready)
        assert undo.kind == Kind.UNDO
        undone.append(undo.inputs[0][0])
        out = tell(run, Event(Happening.STARTED, undo.id, 1), Event(Happening.DONE, undo.id, 1, value=value))
    assert undone == [2, 1]
    assert run.state == State.FAILED
    assert run.steps[1].marks & Mark.COMPENSATED


def test_a_flow_whose_value_lacks_a_part_says_which() -> None:
    run = a_run()
    lay(run, NewStep(1, 0, "inner", Kind.FLOW, 0, (), -1, [PLAIN, {"a": 1}], None), alias=[REF, 1, ["b"]])
    assert run.state == State.FAILED
    assert b"has no part ['b']" in (run.steps[0].error or b"")


def test_a_long_path_is_shortened_for_people() -> None:
    run = Run(1, "r")
    for number in range(40):
        run.steps[number] = Step(number, number - 1, f"s{number}", Kind.FLOW, 0, (), -1)
    assert path_of(run, 39) == "s1/s2/s3/…33 more…/s37/s38/s39"
