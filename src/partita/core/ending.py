"""How a step ends, and what its end means to the steps around it."""

from __future__ import annotations

from collections import deque

from partita.core.events import Commands, Event, Happening
from partita.core.graph import Input, Run, Step, is_within, link, note_unmet
from partita.core.states import FINAL, Kind, Mark, Need, State
from partita.values import refs_of

__all__ = ["Queue", "finish", "is_handled", "judge", "relink", "release_held"]

Queue = deque[Event]


def finish(run: Run, step: Step, state: State, error: bytes | None, out: Commands, queue: Queue) -> None:
    """Make the step final and tell whoever waits for it."""
    step.state = state
    run.finished += 1
    step.finished = run.finished
    step.due_at = None
    if error is not None:
        step.error = error
    out.changed[step.id] = step
    if step.kind == Kind.FLOW and not step.marks & Mark.EXPANDED:
        release_held(run, step, queue)
    if state == State.SUCCEEDED:
        _tell_of_success(run, step, queue)
    else:
        _tell_of_failure(run, step, queue)
    if step.parent >= 0:
        queue.append(Event(Happening.CHILD_ENDED, step.parent))
    else:
        out.is_final = True


def _tell_of_success(run: Run, step: Step, queue: Queue) -> None:
    dependents, step.dependents = step.dependents, None
    if step.fallback >= 0:
        queue.append(Event(Happening.INPUT_BAD, step.fallback))
    if not dependents:
        return
    if step.kind == Kind.FLOW:
        # A skipped step in it may be asked for who looks at its failure.
        step.passed_on = [*(step.passed_on or ()), *dependents]
        for entry in dependents:
            relink(run, step.id, entry, queue)
        return
    for entry in dependents:
        queue.append(Event(Happening.INPUT_READY, entry if type(entry) is int else entry[0]))  # type: ignore[index]


def _tell_of_failure(run: Run, step: Step, queue: Queue) -> None:
    judge(run, step, queue)
    dependents, step.dependents = step.dependents, None
    takes_over = step.state == State.FAILED and step.fallback >= 0
    is_unmet = bool(step.marks & Mark.UNMET)
    if step.fallback >= 0:
        queue.append(
            Event(Happening.INPUT_READY if takes_over else Happening.INPUT_BAD, step.fallback, error=step.error)
        )
    for entry in dependents or ():
        consumer, need = (entry, Need.VALUE) if isinstance(entry, int) else (entry[0], entry[2])
        if takes_over:
            relink(run, step.id, entry, queue)
        elif need == Need.FINAL or is_unmet:
            if is_unmet and consumer in run.steps:
                note_unmet(run.steps[consumer], step, need)
            queue.append(Event(Happening.INPUT_READY, consumer))
        else:
            queue.append(Event(Happening.INPUT_BAD, consumer, error=step.error))
    if dependents:
        # Whether a failure further up is handled is asked later, and the answer may lie with them.
        step.passed_on = [*(step.passed_on or ()), *dependents]


def relink(run: Run, step: int, entry: int | tuple[int, tuple[str | int, ...], Need], queue: Queue) -> None:
    """Let a consumer wait for what now stands for the step: the steps of its layout, or its fallback."""
    number, path, need = (entry, (), Need.VALUE) if isinstance(entry, int) else entry
    consumer = run.steps.get(number)
    if consumer is None or consumer.state in FINAL:
        return
    pending = link(run, consumer, (step, path, need))
    if pending < 0:
        blamed = run.steps[-pending - 1]
        queue.append(Event(Happening.INPUT_BAD, number, error=blamed.error))
    elif pending == 0:
        queue.append(Event(Happening.INPUT_READY, number))
    else:
        consumer.waiting += pending - 1


def release_held(run: Run, step: Step, queue: Queue) -> None:
    """The layout of the step is known (or will never be): it can make no further use of the refs that it was given."""
    held = [run.steps[source] for source, _, need in step.inputs if need == Need.HOLD]
    for source in held:
        source.holders -= 1
    if held and run.unjudged:
        waiting, run.unjudged = run.unjudged, set()
        for number in waiting:
            if number in run.steps:
                judge(run, run.steps[number], queue)


def judge(run: Run, step: Step, queue: Queue) -> None:
    """Fail the flow around a failed step, unless somebody looks at the failure."""
    if step.state not in (State.FAILED, State.CANCELLED) or step.parent < 0 or step.kind == Kind.UNDO:
        return
    if step.marks & Mark.HANDLED or run.steps[step.parent].state in FINAL:
        return
    handled = is_handled(run, step)
    if handled is None:
        run.unjudged.add(step.id)
    elif handled:
        step.marks |= Mark.HANDLED
    else:
        # At once: the flow must not end before it hears that it fails.
        queue.appendleft(Event(Happening.BROKEN, step.parent, error=step.error))


def is_handled(run: Run, origin: Step) -> bool | None:
    """Whether every way on from the failed step leads to somebody who looks at the failure.

    A settle, a fallback, or a map that tolerates failures looks at it; a step that is skipped because of it passes it on
    to whoever needs that step. (A fallback has the inputs of the step that it stands in for, and is skipped with it.)
    None: a layout that is still to come may use one of these steps, and will decide.
    """
    stack, seen, is_open = [origin], {origin.id}, False
    while stack:
        step = stack.pop()
        if step.marks & Mark.HANDLED or (step is origin and step.state == State.FAILED and step.fallback >= 0):
            continue
        is_open = is_open or bool(step.holders)
        entries = [*(step.dependents or ()), *(step.passed_on or ())]
        if _is_looked_at(entries) or any(map(_has_looker, _users(run, entries))):
            continue
        onward = _onward(run, entries)
        is_open = is_open or any(flow.holders for flow in _passing(run, entries))
        if not onward:
            outer = run.steps.get(step.parent)
            if step.holders:
                continue
            if step is origin or outer is None or is_within(run, origin.id, outer.id):
                return False
            onward = [outer]
        fresh = [step for step in onward if step.id not in seen]
        seen.update(step.id for step in fresh)
        stack.extend(fresh)
    return None if is_open else True


def _onward(run: Run, entries: list[int | Input]) -> list[Step]:
    """The steps that need one with these entries; a flow that only passes it on counts while somebody needs the flow."""
    needing = {entry if isinstance(entry, int) else entry[0] for entry in entries if not _is_passing(entry)}
    found = [run.steps[number] for number in needing if number in run.steps]
    found += _users(run, entries)
    return [step for step in found if step.fallback_of < 0]


def _is_looked_at(entries: list[int | Input]) -> bool:
    return any(not isinstance(entry, int) and entry[2] == Need.FINAL for entry in entries)


def _has_looker(flow: Step) -> bool:
    return _is_looked_at([*(flow.dependents or ()), *(flow.passed_on or ())])


def _users(run: Run, entries: list[int | Input]) -> list[Step]:
    """The flows that pass a step's value on and are needed themselves."""
    return [used for flow in _passing(run, entries) if (used := _used(run, flow)) is not None]


def _passing(run: Run, entries: list[int | Input]) -> list[Step]:
    numbers = {entry[0] for entry in entries if not isinstance(entry, int) and _is_passing(entry)}
    return [run.steps[number] for number in numbers if number in run.steps]


def _used(run: Run, flow: Step) -> Step | None:
    """The flow, or the one around it whose value holds the flow's own, that somebody needs; None: nobody does."""
    while not (flow.dependents or flow.passed_on):
        outer = run.steps.get(flow.parent)
        if outer is None or outer.alias is None or all(step != flow.id for step, _ in refs_of(outer.alias)):
            return None
        flow = outer
    return flow


def _is_passing(entry: int | Input) -> bool:
    return not isinstance(entry, int) and entry[2] == Need.HOLD
