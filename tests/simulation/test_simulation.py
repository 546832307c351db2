"""The engine in simulated worlds: whatever fails, the result is that of plain evaluation."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from partita.core import machine
from tests.simulation.mutants import MUTANTS, is_caught
from tests.simulation.world import World

SEEDS = 4500
PARTS = 6


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def cells() -> Iterator[Counter[object]]:
    """How often each cell of the machine's table was reached."""
    counted: Counter[object] = Counter()
    table = dict(machine.TABLE)

    def counting(cell: object, handler: machine.Handler) -> machine.Handler:
        def count(*arguments: object) -> None:
            counted[cell] += 1
            handler(*arguments)  # type: ignore[arg-type]

        return count

    machine.TABLE.update({cell: counting(cell, handler) for cell, handler in table.items()})
    yield counted
    machine.TABLE.update(table)


@pytest.mark.parametrize("part", range(PARTS))
def test_runs_end_as_plain_evaluation_says(part: int, cells: Counter[object]) -> None:
    hard = unsure = 0
    for seed in range(part, SEEDS, PARTS):
        world = World(seed)
        try:
            world.play().check()
        except BaseException as error:
            error.add_note(f"seed {seed}: repeat it with `python -m tests.simulation.soak --from {seed} --seeds 1`")
            raise
        hard += sum(world.faults.struck.values()) >= 3
        unsure += world.unsure
    assert hard >= 2000 / PARTS, "two thousand seeds with at least three faults each"
    assert unsure < 0.05 * SEEDS / PARTS


def test_every_cell_of_the_table_is_reached(cells: Counter[object]) -> None:
    """Runs after the test above, which fills the counts; alone, it plays some seeds itself."""
    seed = SEEDS
    while any(cell not in cells for cell in machine.TABLE) and seed < SEEDS + 4000:
        World(seed).play()
        seed += 1
    never = [f"{state.name} x {happening.name}" for state, happening in machine.TABLE if not cells[state, happening]]
    assert not never, f"no seed reaches: {', '.join(never)}"


@pytest.mark.simulation
@pytest.mark.parametrize("number", range(len(MUTANTS)))
def test_a_fault_put_into_the_machine_is_noticed(number: int) -> None:
    assert is_caught(number), f"no seed notices {MUTANTS[number]}"


@pytest.mark.parametrize("seed", [3426, 111815, 115489, 119705])
def test_worlds_that_once_found_a_fault_end_well(seed: int) -> None:
    """3426: a wait that a restart ended stayed open; the others: an attempt that waited for room kept the engine busy."""
    World(seed).play().check()
