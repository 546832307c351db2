"""What a step's inputs hold, put together from the values of the steps that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgpack

from partita.core.graph import Input, Run, alias_of, follow
from partita.core.states import Kind, Mark, Need
from partita.values import (
    DICT,
    LIST,
    OBJECT,
    OUTCOME,
    PLAIN,
    REF,
    SELECT,
    TUPLE,
    Node,
    Path,
    navigate,
    pack,
    pack_list,
    refs_of,
    unpack,
)  # fmt: skip

__all__ = ["resolve", "resolve_node", "sources"]

GetValue = Callable[[int], bytes]

#: What stands for the value of a step that a condition skipped.
_NOTHING = pack([PLAIN, None])


def sources(run: Run, inputs: Iterable[Input]) -> set[int]:
    """The steps whose stored values `resolve` will ask for."""
    found: set[int] = set()
    stack: list[tuple[int, Path]] = [(step, path) for step, path, need in inputs if need not in (Need.HOLD, Need.SHAPE)]
    while stack:
        step, path = stack.pop()
        if step in found:
            continue
        step, path, node = follow(run, step, path)
        if node is None and run.steps[step].kind in (Kind.SETTLE, Kind.GATHER):
            node = alias_of(run, run.steps[step])
        if node is None:
            found.add(step)
        else:
            stack.extend(refs_of(node))
    return found


def resolve(run: Run, source: Input, value: GetValue) -> bytes:
    """The packed node that a worker gets for an input.

    Args:
        value: gives the packed value of a step that `sources` named.

    Raises:
        LookupError: the value has no such part.
    """
    step, path, need = source
    if need == Need.HOLD:
        return pack([REF, step, list(path)])
    if need == Need.SHAPE:
        step, path, node = follow(run, step, path)
        if node is not None:
            return pack(node)
    return _at(run, step, path, value)


def _at(run: Run, step: int, path: Path, value: GetValue) -> bytes:
    step, path, node = follow(run, step, path)
    if node is None:
        target = run.steps[step]
        if target.marks & Mark.UNMET:
            return _NOTHING
        if target.kind in (Kind.TASK, Kind.WAIT, Kind.UNDO):
            data = value(step)
            return data if not path else _part(unpack(data), path)
        node = alias_of(run, target)
        assert node is not None, f"step {step} has no value"
        node, path = navigate(node, path)
        if node[0] == REF:
            return _at(run, node[1], (*node[2], *path), value)
    return _selected(resolve_node(run, node, value), path)


def _part(node: Node, path: Path) -> bytes:
    node, rest = navigate(node, path)
    return _selected(pack(node), rest)


def _selected(packed: bytes, rest: Path) -> bytes:
    return packed if not rest else _array(SELECT, packed, pack(list(rest)))


def resolve_node(run: Run, node: Node, value: GetValue) -> bytes:
    """The node with every ref replaced by what it stands for."""
    tag = node[0]
    if tag == REF:
        return _at(run, node[1], tuple(node[2]), value)
    if tag == LIST:
        return pack_list([resolve_node(run, item, value) for item in node[1]])
    if tag == TUPLE:
        return _array(TUPLE, _nodes(run, node[1], value))
    if tag == DICT:
        return _array(DICT, pack(node[1]), _nodes(run, node[2], value))
    if tag == OBJECT:
        return _array(OBJECT, pack(node[1]), pack(node[2]), _nodes(run, node[3], value))
    if tag == OUTCOME and node[2] is not None:
        return _array(OUTCOME, pack(node[1]), resolve_node(run, node[2], value), pack(node[3]))
    if tag == SELECT:
        return _array(SELECT, resolve_node(run, node[1], value), pack(node[2]))
    return pack(node)


def _nodes(run: Run, nodes: list[Node], value: GetValue) -> bytes:
    packer = msgpack.Packer(autoreset=False)
    packer.pack_array_header(len(nodes))
    start: bytes = packer.bytes()
    return start + b"".join(resolve_node(run, item, value) for item in nodes)


def _array(tag: int, *packed: bytes) -> bytes:
    packer = msgpack.Packer(autoreset=False)
    packer.pack_array_header(1 + len(packed))
    packer.pack(tag)
    start: bytes = packer.bytes()
    return start + b"".join(packed)
