"""Faults put into the state machine on purpose: the simulation must notice every one.

python -m tests.simulation.mutants            all of them, one after the other
python -m tests.simulation.mutants NUMBER     one, until a seed fails
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant", "is_caught"]

SEEDS = 6000


class Mutant(NamedTuple):
    """One fault: in a module of `partita.core`, `old` (which stands there once) becomes `new`."""

    module: str
    old: str
    new: str


MUTANTS = [
    Mutant(
        "machine", "    step.waiting -= 1\n    if step.waiting > 0:", "    step.waiting -= 1\n    if step.waiting > 1:"
    ),
    Mutant("machine", "    step.attempts = event.attempt\n", "    step.attempts = 1\n"),
    Mutant("machine", "    step.failures += 1\n", ""),
    Mutant("machine", "may_retry and step.failures <= retries", "may_retry and step.failures < retries"),
    Mutant("machine", "    step.marks |= Mark.LOST\n    return False", "    return True"),
    Mutant("machine", "step.crashes <= (CRASH_RETRIES if retries is None else retries)", "step.crashes <= 0"),
    Mutant("machine", "        flows.discard_layout(run, step, out)\n", "        pass\n"),
    Mutant("machine", "            out.timers.append((delay_s, step.id))\n", ""),
    Mutant(
        "machine",
        "    else:\n        step.state = State.READY\n        out.ready.append(step.id)\n\n\ndef _go_on",
        "\n\ndef _go_on",
    ),
    Mutant("machine", "    (S.PENDING, H.INPUT_BAD): _skip,", "    (S.PENDING, H.INPUT_BAD): _count_down,"),
    Mutant("machine", "        undone.marks |= Mark.COMPENSATED\n", ""),
    Mutant("machine", "        if good < least:", "        if good > least:"),
    Mutant("machine", "        out.values[step.id] = event.value\n    if step.kind", "        pass\n    if step.kind"),
    Mutant(
        "machine",
        "    step.due_at = None\n    out.changed[step.id] = step\n    out.ready.append(step.id)",
        "    step.due_at = None",
    ),
    Mutant("machine", '        out.stops.append((step.id, "cancelled"))\n', ""),
    Mutant("ending", "    run.finished += 1\n", "    run.finished = 1\n"),
    Mutant("ending", "    out.changed[step.id] = step\n    if step.kind", "    if step.kind"),
    Mutant("ending", "        queue.append(Event(Happening.CHILD_ENDED, step.parent))\n", "        pass\n"),
    Mutant("ending", "        elif need == Need.FINAL:\n", "        elif need == Need.VALUE:\n"),
    Mutant("ending", "        consumer.waiting += pending - 1\n", "        consumer.waiting += pending\n"),
    Mutant("ending", "        source.holders -= 1\n", "        pass\n"),
    Mutant(
        "ending", "        queue.appendleft(Event(Happening.BROKEN, step.parent, error=step.error))\n", "        pass\n"
    ),
    Mutant("ending", "        if takes_over:\n            relink", "        if not takes_over:\n            relink"),
    Mutant("flows", "    flow.marks |= Mark.EXPANDED\n    out.changed", "    out.changed"),
    Mutant("flows", "        relink(run, flow.id, entry, queue)\n", "        pass\n"),
    Mutant("flows", "        step.waiting += 1\n    return step", "    return step"),
    Mutant(
        "flows",
        "    if not flow.open_children:\n        close(run, flow, out, queue)\n\n\ndef discard",
        "    pass\n\n\ndef discard",
    ),
    Mutant("flows", "    flow.children, flow.open_children = None, 0\n", "    flow.children = None\n"),
    Mutant("flows", "    target = run.steps[waiting.pop()]\n", "    target = run.steps[waiting.pop(0)]\n"),
    Mutant("machine", "    step.marks |= Mark.ADOPTED\n", ""),
    Mutant("flows", "        if lack is None:\n", "        if True:\n"),
    Mutant("machine", "    step.marks |= Mark.UNMET\n    finish", "    finish"),
    Mutant("ending", "                note_unmet(run.steps[consumer], step, need)\n", "                pass\n"),
    Mutant(
        "graph",
        "    if need in (Need.VALUE, Need.SHAPE) and",
        "    if need in (Need.VALUE, Need.SHAPE, Need.OPTIONAL) and",
    ),
    Mutant("flows", " and not leaf.marks & Mark.UNMET:", ":"),
    Mutant("graph", "bool(path) or is_partial", "bool(path)"),
    Mutant("graph", "            pending += 1\n    return pending", "            pending = 1\n    return pending"),
    Mutant("rebuild", "            queue.append(Event(Happening.REVEALED, step.id))\n", "            pass\n"),
    Mutant("rebuild", "            run.steps[row.parent].open_children -= 1\n", "            pass\n"),
]


class _Mutating(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = f"partita.core.{mutant.module}"

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name or path is None:
            return None
        self.file = Path(path[0]) / f"{self.mutant.module}.py"
        return importlib.util.spec_from_loader(name, self, origin=str(self.file))

    def exec_module(self, module: ModuleType) -> None:
        source = self.file.read_text()
        assert source.count(self.mutant.old) == 1, (
            f"stands there {source.count(self.mutant.old)} times: {self.mutant.old!r}"
        )
        exec(compile(source.replace(self.mutant.old, self.mutant.new), str(self.file), "exec"), vars(module))


def is_caught(number: int) -> bool:
    """Whether some seed fails with the mutant, tried in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", str(number)], capture_output=True, text=True
    )
    assert process.returncode in (0, 1), process.stderr
    return process.returncode == 1


def hunt(mutant: Mutant) -> int | None:
    """The first seed that fails with the mutant; None: none does."""
    sys.meta_path.insert(0, _Mutating(mutant))
    logging.disable(logging.ERROR)
    from tests.simulation.world import World

    for seed in range(SEEDS):
        try:
            World(seed).play().check()
        except Exception:
            return seed
    return None


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found = hunt(MUTANTS[int(sys.argv[1])])
        print(f"seed {found}" if found is not None else "not caught")
        sys.exit(found is not None)
    survivors = [mutant for number, mutant in enumerate(MUTANTS) if not is_caught(number)]
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} are caught", *survivors, sep="\n")
    sys.exit(bool(survivors))
