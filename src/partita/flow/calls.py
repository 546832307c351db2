"""What one call's arguments become: packed nodes, and the inputs that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from partita.core.states import Need
from partita.errors import PartitaError
from partita.flow.arguments import ArgumentWriter, ValueWriter
from partita.flow.definition import Definition
from partita.flow.edges import EdgeCheck
from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef
from partita.flow.signature import Holding, Parameter, Signature
from partita.protocol.waits import WaitSpec
from partita.values import PLAIN, Node, pack

if TYPE_CHECKING:
    from partita.flow.layout import Layout

__all__ = ["guarded", "write_call", "write_wait"]

_TEXT_LIMIT = 1024


def write_call(
    layout: Layout, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], place: str
) -> tuple[bytes, list[Any], Any]:
    """Packed arguments, inputs, and the declared type of the result of this very call."""
    if not keywords and not target.prerequisites:
        fast = _plain_arguments(target.signature, args)
        if fast is not None:
            return fast, [], target.signature.returns
    return _arguments(layout, target, args, keywords, place)


def _plain_arguments(signature: Signature, args: tuple[Any, ...]) -> bytes | None:
    """The packed arguments where all are plain values of just the declared types; None: look closer."""
    if not signature.is_simple or not signature.required <= len(args) <= len(signature.positional):
        return None
    nodes = []
    for parameter, value in zip(signature.positional, args, strict=False):
        kind = type(value)
        if kind not in parameter.accepts:
            return None
        if kind is int:
            if not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
                return None
        elif (kind is str or kind is bytes) and len(value) > _TEXT_LIMIT:
            return None
        nodes.append((PLAIN, value))
    return pack((nodes, (), ()))


def _arguments(
    layout: Layout, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], place: str
) -> tuple[bytes, list[Any], Any]:
    signature = target.signature
    for misfit in signature.misfits(len(args), keywords):
        layout.problem(misfit, place)
    writer = ArgumentWriter(layout)
    check = EdgeCheck(layout, target, place)
    nodes: list[Node] = []
    named: list[Node] = []
    names: list[str] = []
    for parameter, label, value in signature.pairs(args, keywords):
        check.argument(parameter, label, value)
        node = _argument(layout, writer, parameter, value, f"{target.name}'s {label}", place)
        if len(nodes) < len(args):
            nodes.append(node)
        else:
            names.append(label)
            named.append(node)
    for prerequisite in target.prerequisites:
        guarded(layout, writer, prerequisite, None, False, f"what {target.name} is to come after", place)
    if check.undecided:
        names.append("__check__")
        named.append([PLAIN, check.undecided])
    return pack((nodes, names, named)), writer.inputs, check.result_type()


def _argument(layout: Layout, writer: ArgumentWriter, parameter: Parameter, value: Any, label: str, place: str) -> Node:
    if parameter.is_optional and parameter.holding is False and type(value) in (StepRef, Mapped):
        if type(value) is Mapped:
            value = layout.whole(value)
        parts = layout.parts_here(value)
        return writer.input(parts.step, parts.path, Need.OPTIONAL)
    return guarded(layout, writer, value, parameter.annotation, parameter.holding, label, place)


def write_wait(
    layout: Layout, spec: WaitSpec, show: Any, after: tuple[Any, ...], place: str
) -> tuple[bytes, list[Any]]:
    """What a wait waits for, packed, and its inputs: what is to be shown, and what has to come first."""
    writer = ArgumentWriter(layout)
    shown = None if show is None else guarded(layout, writer, show, None, False, "what is to be shown", place)
    for prerequisite in after:
        guarded(layout, writer, prerequisite, None, False, "what the wait is to come after", place)
    ending = spec.get("on_timeout")
    if ending and ending[0] == "value":
        ending = ["value", layout.encode_constant(ending[1], None)]
    return pack({**spec, "on_timeout": ending, "show": shown}), writer.inputs


def guarded(
    layout: Layout, writer: ValueWriter, value: Any, declared: Any, holding: Holding, label: str, place: str
) -> Node:
    """The value's node; where it has none, the problem is noted and the body goes on."""
    try:
        return writer.write(value, declared, holding)
    except (PartitaError, RecursionError) as error:
        layout.problem(f"{label} cannot be passed on: {error}", place)
        return [PLAIN, None]
