"""Many simulated worlds, by hand: `python -m tests.simulation.soak --seeds 100000 [--from SEED]`.

Prints what struck, which cells of the machine's table were reached how often, and every seed that failed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter

from partita.core import machine
from tests.simulation.world import World

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    cells: Counter[tuple[object, object]] = Counter()
    for cell, handler in list(machine.TABLE.items()):

        def count(*arguments: object, cell: tuple[object, object] = cell, handler: machine.Handler = handler) -> None:
            cells[cell] += 1
            handler(*arguments)  # type: ignore[arg-type]

        machine.TABLE[cell] = count
    struck: Counter[str] = Counter()
    failed: list[int] = []
    started = time.perf_counter()
    for seed in range(options.first, options.first + options.seeds):
        world = World(seed)
        try:
            world.play().check()
        except Exception:
            failed.append(seed)
            print(f"seed {seed} failed", file=sys.stderr)
            if len(failed) <= 3:
                traceback.print_exc()
        struck.update(world.faults.struck)
    seconds = time.perf_counter() - started
    print(f"{options.seeds} seeds in {seconds:.1f} s, {len(failed)} failed {failed[:20]}; faults: {dict(struck)}")
    for state, happening in machine.TABLE:
        print(f"{cells[state, happening]:>9}  {state.name} x {happening.name}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
