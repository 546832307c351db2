"""How a flow's step grows steps below it, ends with them, and takes back what they did."""

from __future__ import annotations

from partita.core.ending import Queue, finish, release_held, relink
from partita.core.events import Commands, Event, Happening, NewStep
from partita.core.graph import Run, Step, descendants, is_within, leaves, link, note_passing, path_of
from partita.core.states import BAD, FINAL, Kind, Mark, Need, State
from partita.values import pack, refs_of

__all__ = [
    "add_step",
    "broken",
    "cancel_flow",
    "child_ended",
    "close",
    "discard_layout",
    "drain_below",
    "framed",
    "laid",
]


def framed(run: Run, flow: Step, event: Event, out: Commands, queue: Queue) -> None:
    """Take in a part of a layout. Its steps stay hidden until the layout is complete."""
    if event.attempt != flow.attempts or flow.marks & Mark.EXPANDED:
        return
    for new in event.steps or ():
        add_step(run, new, queue)


def add_step(run: Run, new: NewStep, queue: Queue) -> Step:
    step = Step(new.id, new.parent, new.name, Kind(new.kind), new.profile, new.inputs, new.fallback_of)
    run.steps[new.id] = step
    step.policy = new.policy
    if new.alias is not None:
        step.alias = new.alias
        step.marks |= Mark.EXPANDED
        note_passing(run, step)
    enlist_child(run, step)
    for source in new.inputs:
        pending = link(run, step, source)
        if pending > 0:
            step.waiting += pending
        elif pending < 0:
            queue.append(Event(Happening.INPUT_BAD, step.id, error=run.steps[-pending - 1].error))
    if new.fallback_of >= 0:
        run.steps[new.fallback_of].fallback = new.id
        step.waiting += 1
    return step


def enlist_child(run: Run, step: Step) -> None:
    parent = run.steps[step.parent]
    parent.open_children += 1
    if parent.children is None:
        parent.children = [[step.id, step.id + 1]]
    elif parent.children[-1][1] == step.id:
        parent.children[-1][1] += 1
    else:
        parent.children.append([step.id, step.id + 1])


def laid(run: Run, flow: Step, event: Event, out: Commands, queue: Queue) -> None:
    """The layout is complete: its value is known as a structure of refs. The engine reveals its steps next."""
    if event.attempt != flow.attempts or flow.marks & Mark.EXPANDED:
        return
    assert event.alias is not None
    flow.alias = event.alias
    flow.marks |= Mark.EXPANDED
    out.changed[flow.id] = flow
    out.values[flow.id] = pack(event.alias)
    note_passing(run, flow)
    dependents, flow.dependents = flow.dependents, None
    for entry in dependents or ():
        relink(run, flow.id, entry, queue)
    release_held(run, flow, queue)
    if flow.marks & (Mark.CANCELLING | Mark.DRAINED):
        drain_below(run, flow, flow.error, queue)
    if not flow.open_children:
        close(run, flow, out, queue)


def discard_layout(run: Run, flow: Step, out: Commands) -> None:
    """Forget the steps of a layout that was not completed."""
    below = list(descendants(run, flow))
    for step in below:
        del run.steps[step.id]
        for source, _, need in step.inputs:
            if need == Need.HOLD and source in run.steps:
                run.steps[source].holders -= 1
    if below:
        out.discarded.append((min(step.id for step in below), max(step.id for step in below) + 1))
    flow.children, flow.open_children = None, 0


def child_ended(run: Run, flow: Step, event: Event, out: Commands, queue: Queue) -> None:
    flow.open_children -= 1
    if not flow.open_children and flow.marks & Mark.EXPANDED and flow.state == State.RUNNING:
        close(run, flow, out, queue)


def broken(run: Run, flow: Step, event: Event, out: Commands, queue: Queue) -> None:
    """A step below failed and nobody handles it: let what runs end, and start nothing more."""
    if flow.marks & (Mark.FAILING | Mark.CANCELLING | Mark.DRAINED):
        return
    flow.marks |= Mark.FAILING
    flow.error = event.error
    out.changed[flow.id] = flow
    drain_below(run, flow, event.error, queue)


def drain_below(run: Run, flow: Step, error: bytes | None, queue: Queue) -> None:
    for step in descendants(run, flow):
        if step.state not in FINAL and step.kind != Kind.UNDO:
            queue.append(Event(Happening.DRAIN, step.id, error=error))


def cancel_flow(run: Run, flow: Step, event: Event, out: Commands, queue: Queue) -> None:
    """Stop everything below. Only the outermost cancelled flow undoes, so that the order of undoing is right."""
    if flow.marks & Mark.CANCELLING:
        return
    flow.marks |= Mark.CANCELLING
    flow.error = event.error
    out.changed[flow.id] = flow
    if not flow.marks & Mark.EXPANDED:
        out.stops.append((flow.id, "cancelled"))
        return
    for step in descendants(run, flow):
        if step.state in FINAL or step.kind == Kind.UNDO:
            continue
        if step.kind == Kind.FLOW and step.state == State.RUNNING and step.marks & Mark.EXPANDED:
            step.marks |= Mark.CANCELLING | Mark.DRAINED
            out.changed[step.id] = step
        else:
            step.marks |= Mark.DRAINED
            queue.append(Event(Happening.CANCEL, step.id, error=event.error))


def close(run: Run, flow: Step, out: Commands, queue: Queue) -> None:
    """All steps below are final: so the flow ends, after undoing what it must."""
    if not flow.marks & (Mark.FAILING | Mark.CANCELLING | Mark.DRAINED):
        lack = _lacking_result(run, flow)
        if lack is None:
            finish(run, flow, State.SUCCEEDED, None, out, queue)
            return
        flow.marks |= Mark.FAILING
        flow.error = lack
    if flow.marks & Mark.DRAINED:
        whole = all(step.state == State.SUCCEEDED or step.marks & Mark.UNMET for step in _children(run, flow))
        finish(run, flow, State.SUCCEEDED if whole else State.CANCELLED, None, out, queue)
    elif not _undo_next(run, flow, out):
        state = State.CANCELLED if flow.marks & Mark.CANCELLING else State.FAILED
        finish(run, flow, state, None, out, queue)


def _children(run: Run, flow: Step) -> list[Step]:
    return [run.steps[n] for first, end in flow.children or () for n in range(first, end) if n in run.steps]


def _lacking_result(run: Run, flow: Step) -> bytes | None:
    """Why the flow's value cannot be had, as a packed error; None where it can or where that is another flow's matter."""
    is_whole = True
    for number, path in refs_of(flow.alias) if flow.alias is not None else ():
        target = run.steps[number]
        is_known = target.kind != Kind.FLOW or target.marks & Mark.WHOLE
        if is_known and not path and target.state == State.SUCCEEDED and is_within(run, number, flow.id):
            continue
        for leaf, is_there in leaves(run, number, path):
            if not is_within(run, leaf.id, flow.id):
                is_whole = False
            elif not is_there:
                text = "".join(f"[{key!r}]" for key in path)
                return pack(
                    {"type": "LookupError", "message": f"the value of {path_of(run, number)} has no part {text}"}
                )
            elif leaf.state in BAD and not leaf.marks & Mark.UNMET:
                message = f"{path_of(run, leaf.id)} was not run"
                return leaf.error or pack({"type": "StepError", "message": message})
    if is_whole:
        flow.marks |= Mark.WHOLE
    return None


def _undo_next(run: Run, flow: Step, out: Commands) -> bool:
    """Start the next compensation, the latest finished step first. False: there is none left."""
    if flow.id not in run.undos:
        tried = {step.inputs[0][0] for step in descendants(run, flow) if step.kind == Kind.UNDO}
        found = [step for step in descendants(run, flow) if _can_be_undone(run, step) and step.id not in tried]
        run.undos[flow.id] = [step.id for step in sorted(found, key=lambda step: step.finished)]
    waiting = run.undos[flow.id]
    if not waiting:
        return False
    target = run.steps[waiting.pop()]
    flow.marks |= Mark.UNDOING
    name = f"undo {path_of(run, target.id)}"
    undo = Step(run.next_id, flow.id, name, Kind.UNDO, target.profile, ((target.id, (), Need.FINAL),), -1)
    run.next_id += 1
    run.steps[undo.id] = undo
    enlist_child(run, undo)
    undo.waiting, undo.state = 0, State.READY
    out.changed[flow.id] = flow
    out.created.append(undo)
    out.ready.append(undo.id)
    return True


def _can_be_undone(run: Run, step: Step) -> bool:
    if (
        step.state != State.SUCCEEDED
        or step.kind != Kind.TASK
        or step.marks & (Mark.ADOPTED | Mark.CACHED | Mark.COMPENSATED)
    ):
        return False
    return run.profiles[step.profile].compensate is not None
