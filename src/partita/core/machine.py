"""The state machine of a run: what each event does to a step in each state.

`advance(run, event, out)` changes the run in memory, and says in `out` what is to be written, placed, stopped and timed.
It does no I/O, reads no clock and draws no random number, so that a simulation can replay any history. The whole
of an event's consequences is one call, and has to be committed as a whole.

All changes of state stand in `TABLE`. An event that a state lacks there is a fault of Partita and raises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from partita.core import flows
from partita.core.ending import Queue, finish
from partita.core.events import Commands, Event, Happening
from partita.core.graph import Run, Step, first_failure, path_of
from partita.core.states import FINAL, Kind, Mark, State
from partita.errors import IllegalTransitionError
from partita.values import pack

__all__ = ["TABLE", "advance"]

Handler = Callable[[Run, Step, Event, Commands, Queue], None]

#: An undo is tried so many times more at least: what it leaves undone, a person has to undo.
UNDO_RETRIES = 3
UNDO_DELAY_S = 1.0
#: What a profile means that does not say how often a crashed attempt is made again.
CRASH_RETRIES = 3
CRASH_DELAY_LIMIT_S = 30.0


def advance(run: Run, event: Event, out: Commands) -> None:
    """Apply an event with all its consequences.

    Raises:
        IllegalTransitionError: the table lacks this event in the step's state.
    """
    queue: Queue = deque((event,))
    steps = run.steps
    while queue:
        event = queue.popleft()
        step = steps.get(event.step)
        if step is None or (event.happening == Happening.DRAIN and step.state in FINAL):
            continue  # of a layout that was discarded; ended by what was drained before it
        handler = TABLE.get((step.state, event.happening))
        if handler is None:
            raise IllegalTransitionError(_story(run, step, event))
        handler(run, step, event, out, queue)


def _story(run: Run, step: Step, event: Event) -> str:
    return (
        f"{event.happening.name} came to {path_of(run, step.id)!r} (step {step.id} of run {run.id}, "
        f"{Kind(step.kind).name}) in state {State(step.state).name}: attempt {step.attempts} (event: {event.attempt}), "
        f"{step.failures} failures, {step.crashes} crashes, waiting for {step.waiting}, {step.open_children} open "
        f"children, marks {Mark(step.marks)!r}. This is a fault of Partita; please report it with these words."
    )


def _ignore(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    """What comes too late, or twice, changes nothing."""


def _count_down(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    step.waiting -= 1
    if step.waiting > 0:
        return
    if step.marks & Mark.UNMET:
        finish(run, step, State.SKIPPED, None, out, queue)
    elif step.kind == Kind.TASK or step.kind == Kind.UNDO:
        step.state = State.READY
        out.ready.append(step.id)
    elif step.kind == Kind.FLOW:
        _begin_flow(run, step, out, queue)
    elif step.kind == Kind.WAIT:
        step.state = State.WAITING
        out.changed[step.id] = step
        out.waits.append(step.id)
    else:
        _complete(run, step, out, queue)


def _begin_flow(run: Run, step: Step, out: Commands, queue: Queue) -> None:
    if not step.marks & Mark.EXPANDED:
        step.state = State.READY
        out.ready.append(step.id)
        return
    step.state = State.RUNNING
    if not step.open_children:
        flows.close(run, step, out, queue)


def _complete(run: Run, step: Step, out: Commands, queue: Queue) -> None:
    """A SETTLE or GATHER has all that it needs; the engine itself knows its value."""
    if step.policy and step.policy[0] == "at_least":
        good = sum(first_failure(run, run.steps[source], path) is None for source, path, _ in step.inputs)
        least = step.policy[1]
        if good < least:  # type: ignore[operator]
            message = f"{good} of {len(step.inputs)} elements succeeded, at least {least} must"
            error = pack({"type": "StepError", "message": message, "step": path_of(run, step.id)})
            finish(run, step, State.FAILED, error, out, queue)
            return
    finish(run, step, State.SUCCEEDED, None, out, queue)


def _skip(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if step.kind != Kind.UNDO:
        step.marks &= ~Mark.UNMET
        finish(run, step, State.SKIPPED, event.error, out, queue)


def _start(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    step.state = State.RUNNING
    step.attempts = event.attempt


def _done(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if event.attempt != step.attempts:
        return
    if event.value is not None:
        out.values[step.id] = event.value
    if step.kind == Kind.UNDO:
        undone = run.steps[step.inputs[0][0]]
        undone.marks |= Mark.COMPENSATED
        out.changed[undone.id] = undone
    finish(run, step, State.SUCCEEDED, None, out, queue)


def _end_waiting(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    """What was waited for has come; or it has not, and the wait says that this is a failure, or that nothing is to do."""
    if step.kind != Kind.WAIT:
        raise IllegalTransitionError(_story(run, step, event))
    if event.value is not None:
        out.values[step.id] = event.value
    if event.happening == Happening.UNMET:
        step.marks |= Mark.UNMET
    state = {Happening.DONE: State.SUCCEEDED, Happening.UNMET: State.SKIPPED}.get(event.happening, State.FAILED)
    finish(run, step, state, event.error, out, queue)


def _pass_over(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    """The user's code found that there is nothing to do."""
    if _is_not_awaited(step, event):
        return
    if step.kind == Kind.UNDO:
        _done(run, step, event, out, queue)
        return
    if step.kind == Kind.FLOW:
        flows.discard_layout(run, step, out)
    if step.marks & Mark.CANCELLING:
        finish(run, step, State.CANCELLED, event.error, out, queue)
        return
    step.marks |= Mark.UNMET
    finish(run, step, State.SKIPPED, event.error, out, queue)


def _adopt(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    assert event.value is not None
    out.values[step.id] = event.value
    step.marks |= Mark.ADOPTED
    finish(run, step, State.SUCCEEDED, None, out, queue)


def _take_cached(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if step.state == State.RUNNING and event.attempt != step.attempts:
        return
    assert event.value is not None
    out.values[step.id] = event.value
    step.marks |= Mark.CACHED
    finish(run, step, State.SUCCEEDED, None, out, queue)


def _fail(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if _is_not_awaited(step, event):
        return
    step.failures += 1
    retries = run.profiles[step.profile].retries
    if step.kind == Kind.UNDO:
        may_retry, retries = True, max(retries, UNDO_RETRIES)
    else:
        may_retry = event.may_retry
    delay_s = event.delay_s if event.delay_s is not None else UNDO_DELAY_S
    _again_or_not(run, step, event, may_retry and step.failures <= retries, delay_s, out, queue)


def _lose(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if _is_not_awaited(step, event):
        return
    step.crashes += 1
    step.marks |= Mark.CRASHED
    is_repeatable = _is_repeatable(run, step)
    delay_s = 0.0 if step.crashes == 1 else min(2.0 ** (step.crashes - 2), CRASH_DELAY_LIMIT_S)
    retries = run.profiles[step.profile].crash_retries
    may_retry = is_repeatable and step.crashes <= (CRASH_RETRIES if retries is None else retries)
    _again_or_not(run, step, event, may_retry, delay_s, out, queue)


def _orphan(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    """The engine's death is not the step's fault: it counts neither as failure nor as crash."""
    if _is_not_awaited(step, event):
        return
    step.marks |= Mark.CRASHED
    _again_or_not(run, step, event, _is_repeatable(run, step), 0.0, out, queue)


def _is_repeatable(run: Run, step: Step) -> bool:
    """Whether it may begin again though nobody knows how far it came. An undo always may: it must be done."""
    if run.profiles[step.profile].is_idempotent or step.kind == Kind.UNDO:
        return True
    step.marks |= Mark.LOST
    return False


def _is_not_awaited(step: Step, event: Event) -> bool:
    return event.attempt != step.attempts or (step.kind == Kind.FLOW and bool(step.marks & Mark.EXPANDED))


def _again_or_not(
    run: Run, step: Step, event: Event, may_retry: bool, delay_s: float, out: Commands, queue: Queue
) -> None:
    if step.kind == Kind.FLOW:
        flows.discard_layout(run, step, out)
    if step.marks & Mark.CANCELLING:
        finish(run, step, State.CANCELLED, event.error, out, queue)
    elif may_retry and (not step.marks & Mark.DRAINED or step.kind == Kind.UNDO):
        out.changed[step.id] = step
        if event.error is not None:
            step.error = event.error  # what the next attempt, and who asks meanwhile, is told
        if delay_s > 0:
            step.state = State.WAITING
            out.timers.append((delay_s, step.id))
        else:
            step.state = State.READY
            out.ready.append(step.id)
    else:
        finish(run, step, State.FAILED, event.error, out, queue)


def _take_back(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if event.attempt != step.attempts:
        return
    step.attempts -= 1
    if step.marks & Mark.CANCELLING:
        finish(run, step, State.CANCELLED, event.error, out, queue)
    elif step.marks & Mark.DRAINED and step.kind != Kind.UNDO:
        finish(run, step, State.SKIPPED, event.error, out, queue)
    else:
        step.state = State.READY
        out.ready.append(step.id)


def _go_on(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    step.state = State.READY
    step.due_at = None
    out.changed[step.id] = step
    out.ready.append(step.id)


def _cancel_unbegun(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if step.kind != Kind.UNDO:
        step.marks &= ~Mark.UNMET
        finish(run, step, State.CANCELLED, event.error, out, queue)


def _cancel_running(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if step.kind == Kind.UNDO:
        return
    if step.kind == Kind.FLOW:
        flows.cancel_flow(run, step, event, out, queue)
    elif not step.marks & Mark.CANCELLING:
        step.marks |= Mark.CANCELLING
        out.changed[step.id] = step
        out.stops.append((step.id, "cancelled"))


def _drain_running(run: Run, step: Step, event: Event, out: Commands, queue: Queue) -> None:
    if step.kind != Kind.UNDO and not step.marks & (Mark.DRAINED | Mark.UNDOING):
        step.marks |= Mark.DRAINED
        out.changed[step.id] = step


S, H = State, Happening

TABLE: dict[tuple[State, Happening], Handler] = {
    (S.PENDING, H.REVEALED): _count_down,
    (S.PENDING, H.INPUT_READY): _count_down,
    (S.PENDING, H.INPUT_BAD): _skip,
    (S.PENDING, H.CHILD_ENDED): flows.child_ended,  # a flow laid out in place, before it is revealed
    (S.PENDING, H.DRAIN): _skip,
    (S.PENDING, H.CANCEL): _cancel_unbegun,
    (S.READY, H.STARTED): _start,
    (S.READY, H.ADOPTED): _adopt,
    (S.READY, H.CACHED): _take_cached,
    (S.READY, H.DRAIN): _skip,
    (S.READY, H.CANCEL): _cancel_unbegun,
    (S.WAITING, H.DUE): _go_on,
    (S.WAITING, H.DONE): _end_waiting,
    (S.WAITING, H.FAILED): _end_waiting,
    (S.WAITING, H.UNMET): _end_waiting,
    (S.WAITING, H.DRAIN): _skip,
    (S.WAITING, H.CANCEL): _cancel_unbegun,
    (S.RUNNING, H.DONE): _done,
    (S.RUNNING, H.CACHED): _take_cached,
    (S.RUNNING, H.FAILED): _fail,
    (S.RUNNING, H.UNMET): _pass_over,
    (S.RUNNING, H.LOST): _lose,
    (S.RUNNING, H.ORPHANED): _orphan,
    (S.RUNNING, H.RETURNED): _take_back,
    (S.RUNNING, H.FRAME): flows.framed,
    (S.RUNNING, H.LAID): flows.laid,
    (S.RUNNING, H.CHILD_ENDED): flows.child_ended,
    (S.RUNNING, H.BROKEN): flows.broken,
    (S.RUNNING, H.DRAIN): _drain_running,
    (S.RUNNING, H.CANCEL): _cancel_running,
}
# A step may be skipped or cancelled while news of its inputs, its layout or its children is on the way.
for _state in (S.SKIPPED, S.CANCELLED):
    for _happening in (H.INPUT_READY, H.INPUT_BAD, H.REVEALED, H.CHILD_ENDED):
        TABLE[_state, _happening] = _ignore
for _state in FINAL:
    TABLE[_state, H.CANCEL] = _ignore
