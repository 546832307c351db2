"""Steps of a layout, from what a worker tells of them: with numbers that hold in the whole run."""

from __future__ import annotations

from typing import Any

from partita.core.events import NewStep
from partita.core.states import Kind, Mark, Need
from partita.engine.live import Layout, pack_inputs
from partita.store.port import StepRow
from partita.values import DICT, LIST, OBJECT, OUTCOME, REF, SELECT, TUPLE, Node, pack, unpack

__all__ = ["global_node", "new_step"]

#: Where the nodes lie that a structure's node holds.
_PARTS = {LIST: 1, TUPLE: 1, DICT: 2, OBJECT: 3}


def new_step(run: int, number: int, layout: Layout, step: list[Any]) -> tuple[NewStep, StepRow]:
    """A step of a layout that is arriving, and its row.

    Args:
        run: number of the run.
        number: global id of the step.
        step: as a worker tells it, see `partita.protocol.messages.FRAME`.
    """
    name, kind, profile, parent, arguments, inputs, fallback_of, value, place = step
    base = layout.base
    parent = layout.step if parent < 0 else base + parent
    fallback_of = -1 if fallback_of is None else base + fallback_of
    sources = (
        tuple(
            [
                (base + item if item >= 0 else -item - 1, (), Need.VALUE)
                if type(item) is int
                else (base + item[0] if item[0] >= 0 else -item[0] - 1, tuple(item[1]), Need(item[2]))
                for item in inputs
            ]
        )
        if inputs
        else ()
    )
    alias = global_node(unpack(value), base) if value is not None else None
    policy = unpack(arguments) if kind == Kind.GATHER and arguments else None
    profile = layout.profiles[profile] if profile >= 0 else -1
    made = NewStep(number, parent, name, kind, profile, sources, fallback_of, alias, policy)
    marks = Mark.EXPANDED if alias is not None else 0
    packed = pack(alias) if alias is not None else None
    row = StepRow(
        run, number, parent, name, kind, profile, arguments, pack_inputs(sources), fallback_of, place or "", 0, packed,
        None, 0, 0, 0, None, 0, marks,
    )  # fmt: skip
    return made, row


def global_node(node: Node, base: int) -> Node:
    """The node with local numbers of steps made global, in place."""
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current[0]
        if tag == REF:
            current[1] = base + current[1] if current[1] >= 0 else -current[1] - 1
        elif tag in _PARTS:
            stack.extend(current[_PARTS[tag]])
        elif tag == SELECT:
            stack.append(current[1])
        elif tag == OUTCOME and current[2] is not None:
            stack.append(current[2])
    return node
