"""What the simulated worker does: lay a flow's body out as frames, and read values."""

from __future__ import annotations

from typing import Any

from partita.core.states import Kind, Need
from partita.values import DICT, INPUT, LIST, OBJECT, OUTCOME, PLAIN, REF, pack, unpack
from tests.simulation.program import Operation, Program

__all__ = ["decode", "lay_out", "open_order"]


def decode(node: Any) -> Any:
    """A resolved node as a plain value; refs as ("ref", step, path)."""
    tag = node[0]
    if tag == PLAIN:
        return node[1]
    if tag == LIST:
        return [decode(item) for item in node[1]]
    if tag == DICT:
        return {key: decode(item) for key, item in zip(node[1], node[2], strict=True)}
    if tag == OBJECT:  # a decision
        return decode(node[3][0])
    if tag == OUTCOME:
        return ["outcome", node[1], decode(node[2]) if node[1] else None]
    if tag == REF:
        return ("ref", node[1], tuple(node[2]))
    raise AssertionError(f"unexpected node {node!r}")


def open_order(arguments: bytes | None, inputs: list[bytes] | None) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """The values, the held refs and the named constants of an order."""
    nodes, names, named = unpack(arguments) if arguments else ([], [], [])
    opened = [decode(unpack(data)) for data in inputs or []]
    values = [opened[node[1]] if node[0] == INPUT else decode(node) for node in nodes]
    extra = {name: node[1] for name, node in zip(names, named, strict=True)}
    held = [value for value in values if isinstance(value, tuple) and value and value[0] == "ref"]
    return [value for value in values if value not in held], held, extra


class _Builder:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.profiles: list[dict[str, Any]] = []
        self.steps: list[list[Any]] = []
        self._names: dict[tuple[int, str], int] = {}

    def profile(self, kind: str, function: int) -> int:
        if kind == "flow":
            made = {"function": f"flow:{function}", "title": f"flow{function}", "body": "flow", "retries": 0}
        else:
            traits = self.program.traits(function)
            demand = [traits["cpu"], traits["memory"], 0, traits["slots"]]
            made = {
                "function": f"task:{function}", "title": f"task{function}", "body": "task", "demand": demand,
                "retries": traits["retries"], "is_idempotent": traits["idempotent"], "timeout_s": traits["timeout"],
                "priority": traits["priority"], "compensate": "undo" if traits["compensate"] else None,
                "is_cached": traits["cached"] or traits["cache key"], "has_cache_key": traits["cache key"],
                "environment": traits["environment"], "executor": traits["executor"],
                "fingerprint": str(function),
            }  # fmt: skip
        if made not in self.profiles:
            self.profiles.append(made)
        return self.profiles.index(made)

    def name(self, parent: int, stem: str) -> str:
        count = self._names[parent, stem] = self._names.get((parent, stem), 0) + 1
        return stem if count == 1 else f"{stem}#{count}"

    def flow(self, parent: int, function: int, values: list[Any], held: list[Any], depth: int) -> Any:
        """Lay out a body below `parent`; slots are (number, path). Gives the node of its value."""
        operations, returned = self.program.body(function, values, len(held), depth)
        slots = list(held)
        for operation in operations:
            slots.append((self._operate(parent, operation, slots, depth), ()))
        return _returned(returned, slots)

    def _operate(self, parent: int, op: Operation, slots: list[Any], depth: int) -> int:
        if op.verb == "placed":
            return self._place(parent, op, slots, depth)
        if op.verb in ("settle", "gather"):
            need = Need.VALUE if op.policy and op.policy[0] == "all" else Need.FINAL
            inputs = [[slots[o[1]][0], list(slots[o[1]][1]), int(need)] for o in op.operands]
            kind = Kind.SETTLE if op.verb == "settle" else Kind.GATHER
            policy = pack(list(op.policy)) if op.policy else None
            return self._add(self.name(parent, op.verb), kind, -1, parent, policy, inputs)
        if op.verb == "wait":
            spec = {name: told for name, told in self.program.waits_for(op.function).items() if name != "rejects"}
            _, inputs = self._arguments(op, slots, depth)
            return self._add(self.name(parent, f"wait{op.function}"), Kind.WAIT, -1, parent, pack(spec), inputs)
        arguments, inputs = self._arguments(op, slots, depth)
        stem = f"{op.verb}{op.function}"
        profile = self.profile(op.verb, op.function)
        kind = Kind.FLOW if op.verb == "flow" else Kind.TASK
        number = self._add(self.name(parent, stem), kind, profile, parent, arguments, inputs)
        if op.fallback is not None:
            fallback = self.profile("task", op.fallback)
            self._add(self.name(parent, f"{stem}-fallback"), Kind.TASK, fallback, parent, arguments, inputs, number)
        return number

    def _arguments(self, op: Operation, slots: list[Any], depth: int) -> tuple[bytes, list[Any]]:
        inputs: list[Any] = []
        nodes: list[Any] = []
        wanted = [(o, Need.VALUE) for o in op.operands] + [(("slot", n, ()), Need.HOLD) for n in op.held]
        for operand, need in wanted:
            if operand[0] == "const":
                nodes.append([PLAIN, operand[1]])
                continue
            nodes.append([INPUT, len(inputs)])
            number, path = slots[operand[1]]
            need = Need.OPTIONAL if operand[0] == "optional" else need
            inputs.append(number if not path and need == Need.VALUE else [number, list(path), int(need)])
        return pack([nodes, ["depth"], [[PLAIN, depth - 1]]]), inputs

    def _place(self, parent: int, op: Operation, slots: list[Any], depth: int) -> int:
        number = self._add(
            self.name(parent, f"placed{op.function}"), Kind.FLOW, self.profile("flow", op.function), parent
        )
        held = [slots[n] for n in op.held]
        value = self.flow(number, op.function, [o[1] for o in op.operands], held, depth - 1)
        self.steps[number][7] = pack(value)
        return number

    def _add(
        self, name: str, kind: Kind, profile: int, parent: int, arguments: bytes | None = None,
        inputs: list[Any] | None = None, fallback_of: int | None = None,
    ) -> int:  # fmt: skip
        self.steps.append([name, int(kind), profile, parent, arguments, inputs or [], fallback_of, None, "p.py:1"])
        return len(self.steps) - 1


def _returned(returned: Any, slots: list[Any]) -> Any:
    if returned[0] == "const":
        return [PLAIN, returned[1]]
    if returned[0] == "slot":
        number, path = slots[returned[1]]
        return [REF, number, list(path)]
    nodes = [_returned(operand, slots) for operand in returned[1]]
    return [LIST, nodes] if returned[0] == "list" else [DICT, [f"k{i}" for i in range(len(nodes))], nodes]


def lay_out(
    program: Program, function: int, values: list[Any], held: list[Any], depth: int
) -> tuple[list[dict[str, Any]], list[list[Any]], bytes]:
    """Profiles, steps and the packed value of a flow's layout. Held refs are ("ref", global id, path)."""
    builder = _Builder(program)
    outer = [(-(step + 1), path) for _, step, path in held]
    value = builder.flow(-1, function, values, outer, depth)
    return builder.profiles, builder.steps, pack(value)
