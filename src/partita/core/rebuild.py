"""A run's graph, put together again from what was stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from partita.core.ending import Queue, judge
from partita.core.events import Commands, Event, Happening
from partita.core.flows import close, enlist_child
from partita.core.graph import Run, Step, link, note_passing, path_of
from partita.core.machine import advance
from partita.core.states import FINAL, Kind, Mark, Need, State
from partita.values import Node, pack

__all__ = ["StoredStep", "rebuild", "resume"]


class StoredStep(NamedTuple):
    """What was stored of a step, unpacked."""

    id: int
    parent: int
    name: str
    kind: int
    profile: int
    inputs: tuple[Any, ...]
    fallback_of: int
    alias: Node | None  # of an expanded flow
    policy: list[object] | None
    state: int
    error: bytes | None
    attempts: int
    failures: int
    crashes: int
    due_at: float | None
    finished: int
    marks: int


def rebuild(run: Run, rows: Iterable[StoredStep]) -> list[tuple[int, int]]:
    """Fill the run with its steps, by ascending id.

    Returns the ranges of ids of layouts that were cut off: to be deleted, they will be laid out again.
    """
    cut: list[tuple[int, int]] = []
    for row in rows:
        run.next_id = max(run.next_id, row.id + 1)
        parent = run.steps.get(row.parent)
        if row.parent >= 0 and (parent is None or not _may_have_children(parent)) and row.kind != Kind.UNDO:
            if cut and cut[-1][1] == row.id:
                cut[-1] = (cut[-1][0], row.id + 1)
            else:
                cut.append((row.id, row.id + 1))
            continue
        _add(run, row)
    return cut


def _may_have_children(parent: Step) -> bool:
    return bool(parent.marks & Mark.EXPANDED)


def _add(run: Run, row: StoredStep) -> None:
    step = Step(row.id, row.parent, row.name, Kind(row.kind), row.profile, row.inputs, row.fallback_of)
    step.alias, step.policy = row.alias, row.policy
    step.state, step.error, step.marks = State(row.state), row.error, row.marks
    step.attempts, step.failures, step.crashes = row.attempts, row.failures, row.crashes
    step.due_at, step.finished, step.waiting = row.due_at, row.finished, 0
    run.finished = max(run.finished, row.finished)
    run.steps[row.id] = step
    note_passing(run, step)
    if row.parent >= 0:
        enlist_child(run, step)
        if step.state in FINAL:
            run.steps[row.parent].open_children -= 1
    if row.fallback_of >= 0:
        run.steps[row.fallback_of].fallback = row.id


def resume(run: Run, running: dict[int, int], out: Commands, attached: Collection[int] = ()) -> None:
    """Let a rebuilt run go on.

    Args:
        running: by step, the number of the attempt that was recorded as started and not as ended.
        attached: those of these steps whose attempt goes on and will be heard of.
    """
    queue: list[Event] = []
    for step in run.steps.values():
        if step.state in FINAL:
            _retrace(run, step)
        elif step.id in running:
            step.state, step.attempts = State.RUNNING, running[step.id]
            _link(run, step)
        elif step.kind == Kind.FLOW and step.marks & Mark.EXPANDED:
            step.state = State.RUNNING
        elif step.state == State.WAITING:
            _link(run, step)
        else:
            step.state = State.PENDING
            step.waiting = 1
            queue.extend(_link(run, step))
            queue.append(Event(Happening.REVEALED, step.id))
    queue = [*_judgements(run), *queue]
    for number, attempt in running.items():
        if number in attached:
            if run.steps[number].marks & Mark.CANCELLING:
                out.stops.append((number, "cancelled"))  # its worker may not have heard of it
            continue
        queue.append(Event(Happening.ORPHANED, number, attempt, error=_lost(run, run.steps[number])))
    for event in queue:
        advance(run, event, out)
    _close_what_ended(run, out)


def _lost(run: Run, step: Step) -> bytes:
    message = "the engine ended while this ran, and nobody knows how far it came"
    if not run.profiles[step.profile].is_idempotent:
        message += (
            "; the task is marked idempotent=False, so it is not tried again: look what it has done, "
            "and rerun only if it may be done once more"
        )
    return pack({"type": "EngineLost", "message": message, "origin": "machine", "step": path_of(run, step.id)})


def _judgements(run: Run) -> list[Event]:
    """What failures mean of which it was not known when they were stored."""
    found: Queue = deque()
    for step in run.steps.values():
        if step.state in (State.FAILED, State.CANCELLED):
            judge(run, step, found)
    return list(found)


def _retrace(run: Run, step: Step) -> None:
    """Note again who needed what failed: whether a failure is handled may still be asked."""
    if step.state == State.SUCCEEDED and step.kind in (Kind.TASK, Kind.FLOW, Kind.WAIT):
        return
    for source in step.inputs:
        if source[2] != Need.HOLD and step.kind != Kind.UNDO:
            link(run, step, source)


def _link(run: Run, step: Step) -> list[Event]:
    """Count what the step waits for; gives the events of what it will never have."""
    bad: list[Event] = []
    if step.kind == Kind.UNDO:
        return bad
    for source in step.inputs:
        pending = link(run, step, source)
        if pending < 0:
            bad.append(Event(Happening.INPUT_BAD, step.id, error=run.steps[-pending - 1].error))
        elif step.state == State.PENDING:
            step.waiting += pending
    if step.fallback_of >= 0 and step.state == State.PENDING:
        gate = run.steps[step.fallback_of].state
        if gate not in FINAL:
            step.waiting += 1
        elif gate != State.FAILED:
            bad.append(Event(Happening.INPUT_BAD, step.id))
    return bad


def _close_what_ended(run: Run, out: Commands) -> None:
    """Flows whose last step ended in a turn that was committed have ended with it, but for those without steps."""
    for step in sorted(run.steps.values(), key=lambda step: -step.id):
        is_open = step.kind == Kind.FLOW and step.state == State.RUNNING and step.marks & Mark.EXPANDED
        if is_open and not step.open_children:
            queue: Queue = deque()
            close(run, step, out, queue)
            for event in queue:
                advance(run, event, out)
