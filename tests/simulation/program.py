"""Random programs: flows that call tasks and flows, so that one seed always means the same program.

A program is never written down. What a flow's body does is drawn from a generator seeded with the program, the
function and the values that came in; so a layout that is made again is the same, and another value is another layout.
The same list of operations is laid out by the simulated worker and evaluated one after the other by `sequential`.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Operation", "Program", "digest"]


def digest(*parts: Any) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "big")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a flow's body does. Operands are ("const", n), ("slot", index, path) or ("optional", index, path)."""

    verb: str  # "task", "flow", "placed", "settle", "gather", "wait"
    function: int = 0
    operands: tuple[Any, ...] = ()
    held: tuple[int, ...] = ()  # slots passed on as refs
    policy: tuple[Any, ...] = ()
    fallback: int | None = None  # function of the fallback


@dataclass
class Program:
    """What one seed stands for."""

    seed: int
    depth: int = 3
    failing: int = 12  # one task call in so many fails for good
    waiting: bool = False  # some steps wait for times, events and decisions
    caching: bool = False  # some tasks give their values to equal steps
    choosing: bool = False  # there are two executors, and some tasks may run on either
    skipping: int = 0  # one call in so many is skipped by its own code; 0: none
    options: dict[str, Any] = field(default_factory=dict)

    def result(self, function: int, values: list[Any]) -> int | None:
        """What a task gives for these values; None: it raises."""
        number = digest(self.seed, "task", function, values)
        if self.failing and number % self.failing == 0:
            return None
        return number % 1000

    def skips(self, kind: str, function: int, values: list[Any]) -> bool:
        """Whether a task or a flow's body finds that there is nothing to do."""
        return self.skipping > 0 and digest(self.seed, "skip", kind, function, values) % self.skipping == 0

    def waits_for(self, function: int) -> dict[str, Any]:
        """What a wait waits for."""
        draw = random.Random(digest(self.seed, "wait", function))
        kind = draw.choice(["sleep", "event", "event", "approval"])
        spec: dict[str, Any] = {"kind": kind, "name": "" if kind == "sleep" else f"e{function % 3}", "show": None}
        if kind == "sleep":
            return {**spec, "seconds": draw.choice([0.0, 0.5, 200.0])}
        how = draw.choice([["fail"], ["skip"], ["value", [0, 7]]])
        timeout_s = draw.choice([None, None, 0.0])  # 0: nothing can come in time
        if kind == "event":
            if timeout_s is not None:
                spec["name"] = "never"
            return {**spec, "key": None, "scope": "run", "timeout_s": timeout_s, "on_timeout": how}
        on_reject = draw.choice(["fail", "skip", "continue"])
        how = draw.choice([["fail"], ["approve"], ["reject"]])
        return {
            **spec, "by": [], "required": 1, "on_reject": on_reject, "timeout_s": timeout_s, "on_timeout": how,
            "rejects": draw.random() < 0.4,
        }  # fmt: skip

    def traits(self, function: int) -> dict[str, Any]:
        """The options of a task."""
        draw = random.Random(digest(self.seed, "traits", function))
        timeout = draw.choice([None, None, 30.0])
        return {
            "cpu": draw.choice([1, 1, 1, 2, 0.5]),
            "memory": draw.choice([0, 0, 100, 300]),
            "slots": [["license", 1]] if draw.random() < 0.15 else [],
            "retries": draw.choice([0, 0, 1, 2]),
            "idempotent": draw.random() > 0.1,
            "compensate": draw.random() < 0.4,
            "timeout": timeout,
            "priority": draw.choice([0, 0, 1]),
            "duration": draw.choice([0.001, 0.01, 0.5, 3.0, 100.0 if timeout is None else 1.0]),
            "flaky": draw.random() < 0.2,
            "environment": draw.choice(["", "", '{"requirements":["a"]}', '{"requirements":["b"]}']),
            "cached": self.caching and draw.random() < 0.5,
            "cache key": self.caching and draw.random() < 0.3,
            "executor": self._executor(function),
        }

    def _executor(self, function: int) -> str:
        draw = random.Random(digest(self.seed, "executor", function))
        return draw.choice(["", "any", "other,simulated", "other"]) if self.choosing else ""

    def body(self, function: int, values: list[Any], held: int, depth: int) -> tuple[list[Operation], Any]:
        """What a flow does with its inputs, and what it returns: an operand, or ("list" | "dict", operands).

        The first `held` slots are refs that came in.
        """
        draw = random.Random(digest(self.seed, "flow", function, values, held, depth))
        operations: list[Operation] = []
        usable = list(range(held))  # slots whose value may be needed
        free = set(usable)  # slots that nobody settles, so that whether a part of them is used is certain
        for _ in range(draw.randint(0 if depth < self.depth else 1, 5 if depth else 3)):
            self._grow(draw, operations, usable, free, held, depth)
        return operations, self._returned(draw, usable, held + len(operations))

    def _grow(
        self, draw: random.Random, operations: list[Operation], usable: list[int], free: set[int], held: int, depth: int
    ) -> None:
        slot = held + len(operations)
        verb = draw.choices(["task", "flow", "placed", "settle", "gather"], [6, 2 * depth, depth, 1.5, 1.5])[0]
        if self.waiting and verb == "task" and draw.random() < 0.25:
            verb = "wait"
        if verb in ("settle", "gather") and not operations:
            verb = "task"
        if verb == "settle":
            candidates = [n for n in usable if n >= held and operations[n - held].verb != "settle"]
            if not candidates:
                return
            target = draw.choice(candidates)
            operations.append(Operation("settle", operands=(("slot", target, ()),)))
            usable.remove(target)
        elif verb == "gather":
            some = tuple(("slot", n, ()) for n in usable[-3:] if n >= held and operations[n - held].verb == "task")
            policy = draw.choice([("all",), ("at_least", max(1, len(some) - 1)), ("settle",)])
            if not some:
                return
            operations.append(Operation("gather", operands=some, policy=policy))
            if policy[0] != "all":
                for _, n, _ in some:
                    usable.remove(n)
        else:
            operands = tuple(self._operand(draw, usable) for _ in range(draw.randint(0, 3)))
            if verb == "placed":
                operands = tuple(("const", draw.randint(0, 9)) for _ in operands)
            elif verb == "flow" and all(kind == "const" for kind, *_ in operands):
                verb = "placed"
            taken = tuple(n for n in usable if draw.random() < 0.2) if verb not in ("task", "wait") else ()
            fallback = draw.randint(0, 9) if verb == "task" and draw.random() < 0.15 else None
            operations.append(Operation(verb, draw.randint(0, 9), operands, taken, fallback=fallback))
        usable.append(slot)

    def _operand(self, draw: random.Random, usable: list[int]) -> Any:
        if usable and draw.random() < 0.7:
            verb = "optional" if self.skipping and draw.random() < 0.3 else "slot"
            return (verb, draw.choice(usable), ())
        return ("const", draw.randint(0, 9))

    def _returned(self, draw: random.Random, usable: list[int], slots: int) -> Any:
        shape = draw.choice(["one", "one", "list", "dict", "const"])
        some = [("slot", n, ()) for n in usable[-3:]]
        if shape == "const" or not some:
            return ("const", draw.randint(0, 9))
        if shape == "one":
            return some[-1]
        return (shape, some)
