"""Plain sequential evaluation of a program: what the engine's answer is compared with.

Every operation is a `Node`; who needs whom is noted, so that afterwards it can be said which failures were looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.program import Operation, Program

__all__ = ["Node", "evaluate", "value_of"]


@dataclass(eq=False)
class Node:
    """One step, evaluated."""

    scope: Node | None
    state: str = "ok"  # "ok", "failed", "skipped", "unmet" (skipped by a condition)
    value: Any = None
    leaves: Any = None  # of a flow: what its value is made of (an operand, or a structure), in its own nodes
    consumers: list[tuple[Node, str]] = field(default_factory=list)  # (who, "value" or "final")
    below: list[Node] = field(default_factory=list)
    fallback: Node | None = None


def evaluate(program: Program, function: int, values: list[Any], depth: int) -> Node:
    """The root flow, evaluated to its end."""
    root = Node(None)
    _flow(program, root, function, values, [], depth)
    _close(root)
    return root


def value_of(root: Node) -> Any:
    """What the run's result must be; only for a root that is "ok"."""
    return _value(root)


def _flow(program: Program, flow: Node, function: int, values: list[Any], held: list[Node], depth: int) -> None:
    operations, returned = program.body(function, values, len(held), depth)
    slots = list(held)
    for operation in operations:
        slots.append(_operate(program, flow, operation, slots, depth))
    flow.leaves = _leaves(returned, slots)
    flow.value = None


def _operate(program: Program, flow: Node, op: Operation, slots: list[Node], depth: int) -> Node:
    node = Node(flow)
    flow.below.append(node)
    sources = [slots[o[1]] for o in op.operands if o[0] != "const"]
    if op.verb in ("settle", "gather"):
        return _observe(node, op, sources)
    for source in sources:
        _need(source, node, "value")
    values = [o[1] if o[0] == "const" else _value(slots[o[1]]) for o in op.operands]
    if any(value is _BAD for value in values):
        node.state = "skipped"
    elif any(_is_unmet(slots[o[1]]) for o in op.operands if o[0] == "slot"):
        node.state = "unmet"
    elif op.verb == "task":
        _task(program, node, op.function, values)
        if op.fallback is not None and node.state == "failed":
            node.fallback = Node(flow)
            flow.below.append(node.fallback)
            _task(program, node.fallback, op.fallback, values)
    elif op.verb == "wait":
        _wait(program, node, op.function)
    elif op.verb == "flow" and program.skips("flow", op.function, values):
        node.state = "unmet"
    else:
        _flow(program, node, op.function, values, [slots[n] for n in op.held], depth - 1)
        _close(node)
    return node


def _wait(program: Program, node: Node, function: int) -> None:
    """What the world says: it sends every event with the same data, and decides as the program draws."""
    spec = program.waits_for(function)
    how = spec["on_timeout"][0] if spec.get("timeout_s") == 0.0 else ""
    if spec["kind"] == "sleep":
        node.value = None
    elif spec["kind"] == "event":
        node.value = spec["on_timeout"][1][1] if how == "value" else 42
        node.state = {"fail": "failed", "skip": "unmet"}.get(how, "ok")
    else:
        approves = {"approve": True, "reject": False}.get(how, not spec["rejects"])
        node.value = approves
        if how == "fail":
            node.state = "failed"
        elif not approves:
            node.state = {"fail": "failed", "skip": "unmet", "continue": "ok"}[spec["on_reject"]]


def _is_unmet(node: Node) -> bool:
    """Whether a part of the node's value is that of a step which a condition skipped."""
    node = _last(node)
    if node.leaves is None or _is_observed(node):
        return node.state == "unmet"
    return any(map(_is_unmet, _direct(node.leaves)))


def _task(program: Program, node: Node, function: int, values: list[Any]) -> None:
    if program.skips("task", function, values):
        node.state = "unmet"
        return
    result = program.result(function, values)
    node.state, node.value = ("failed", None) if result is None else ("ok", result)


def _observe(node: Node, op: Operation, sources: list[Node]) -> Node:
    policy = op.policy[0] if op.policy else "settle"
    for source in sources:
        _need(source, node, "value" if policy == "all" else "final")
    node.leaves = ("observed", op.verb, op.policy, sources)
    if policy == "all" and any(_value(source) is _BAD for source in sources):
        node.state = "skipped"
    elif policy == "all" and any(map(_is_unmet, sources)):
        node.state = "unmet"
    if policy == "at_least" and sum(_last(source).state == "ok" for source in sources) < op.policy[1]:
        node.state = "failed"
    return node


class UnsureError(Exception):
    """The answer depends on timing: a part of a failed flow's value is used, and the failure is looked at."""


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


_BAD = _Bad()


def _last(node: Node) -> Node:
    while node.state == "failed" and node.fallback is not None:
        node = node.fallback
    return node


def _value(node: Node) -> Any:
    """The node's value, or _BAD. A part of a flow counts though the flow itself failed."""
    node = _last(node)
    if node.state == "unmet":
        return None
    if node.leaves is None:
        return node.value if node.state == "ok" else _BAD
    if isinstance(node.leaves, tuple) and node.leaves[0] == "observed":
        return _observed(node) if node.state == "ok" else _BAD
    value = _structure(node.leaves)
    if node.state == "failed" and value is not _BAD:
        # Whether the parts of a failed flow's value came to be depends on what was running when it failed.
        raise UnsureError
    return value


def _observed(node: Node) -> Any:
    _, verb, policy, sources = node.leaves
    if verb == "settle":
        return _outcome(sources[0])
    if policy[0] == "settle":
        return [_outcome(source) for source in sources]
    if policy[0] == "at_least":
        return [_value(source) for source in sources if _last(source).state == "ok"]
    return [_value(source) for source in sources]


def _outcome(node: Node) -> Any:
    value = _value(node) if _last(node).state == "ok" else _BAD
    return ["outcome", False, None] if value is _BAD else ["outcome", True, value]


def _leaves(returned: Any, slots: list[Node]) -> Any:
    if returned[0] == "slot":
        return slots[returned[1]]
    if returned[0] in ("list", "dict"):
        return (returned[0], [slots[o[1]] for o in returned[1]])
    return ("const", returned[1])


def _structure(leaves: Any) -> Any:
    if isinstance(leaves, Node):
        return _value(leaves)
    kind, content = leaves
    if kind == "const":
        return content
    values = [_value(node) for node in content]
    if any(value is _BAD for value in values):
        return _BAD
    return values if kind == "list" else {f"k{i}": value for i, value in enumerate(values)}


def _need(source: Node, consumer: Node, how: str) -> None:
    """Note the need at everything that the wait goes through."""
    stack = [source]
    while stack:
        node = stack.pop()
        node.consumers.append((consumer, how))
        if how == "final" and node.fallback is not None and node.state == "failed":
            stack.append(node.fallback)
            continue
        if node.fallback is not None and node.state == "failed":
            stack.append(node.fallback)
        elif how == "final":
            _look_through(node, consumer)
        elif node.leaves is not None and not _is_observed(node):
            leaves = node.leaves
            if isinstance(leaves, Node):
                stack.append(leaves)
            elif leaves[0] != "const":
                stack.extend(leaves[1])


def _look_through(flow: Node, consumer: Node) -> None:
    """Who looks at a flow's end looks at the ends of what it only passes on."""
    stack = _direct(flow.leaves) if flow.leaves is not None and not _is_observed(flow) else []
    while stack:
        leaf = _last(stack.pop())
        if not _is_below(leaf, flow):
            leaf.consumers.append((consumer, "final"))
            _look_through(leaf, consumer)
        elif leaf.leaves is not None and not _is_observed(leaf):
            stack.extend(_direct(leaf.leaves))


def _is_observed(node: Node) -> bool:
    return isinstance(node.leaves, tuple) and node.leaves[0] == "observed"


def _close(flow: Node) -> None:
    """All below is evaluated: the flow fails where a failure was not looked at, or where its value cannot be had.

    Who looks at a failure from outside the flow can only have come to it by the flow's value, which is lacking then.
    """
    if _is_broken(flow):
        flow.state = "failed"


def _is_broken(flow: Node) -> bool:
    if any(node.state == "failed" and not _is_looked_at(node) for node in flow.below):
        return True
    return any(_is_below(leaf, flow) and leaf.state not in ("ok", "unmet") for leaf in _deep(flow))


def _deep(flow: Node) -> list[Node]:
    """The steps that the flow's value is made of, through the flows that it passes on."""
    found: list[Node] = []
    stack = _direct(flow.leaves)
    while stack:
        node = _last(stack.pop())
        if node.leaves is None or _is_observed(node) or node.state != "ok":
            found.append(node)
        else:
            stack.extend(_direct(node.leaves))
    return found


def _direct(leaves: Any) -> list[Node]:
    if isinstance(leaves, Node):
        return [leaves]
    return list(leaves[1]) if leaves[0] in ("list", "dict") else []


def _is_below(node: Node | None, flow: Node) -> bool:
    while node is not None:
        node = node.scope
        if node is flow:
            return True
    return False


def _is_looked_at(origin: Node) -> bool:
    stack, seen = [origin], {origin}
    while stack:
        node = stack.pop()
        if node is origin and node.fallback is not None:
            continue
        if any(how == "final" for _, how in node.consumers):
            continue
        onward = {consumer for consumer, _ in node.consumers}
        if not onward:
            if node is origin or node.scope is None or _is_below(origin, node.scope):
                return False
            onward = {node.scope}
        stack.extend(onward - seen)
        seen |= onward
    return True
