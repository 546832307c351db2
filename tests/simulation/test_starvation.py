"""Nothing starves: under a load that is too much for the machine, with wrong guesses and losses, each step has its turn.

The argument is in `partita.plan.queue`; here it is played through. Runs of narrow steps of higher priority come for as long as
it takes, faster than they can be worked off, so that something narrow is always ready. What is of lower priority, wide, and may
have a worse guess of its duration, must begin within a bounded time all the same: when it has aged by as many steps of priority
as it is behind, and has been first for so long that what it needs is kept for it.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from partita.plan.queue import AGE_IN_DURATIONS, AGE_OF_ONE_PRIORITY_S
from tests.timed_executors import Machine, Steps, TimedEngine

CORES = 4
LONGEST_S = 12.0


def play(seed: int, machines: dict[str, Machine], wide: dict[str, Any], patience_s: float) -> float:
    """Seconds until the wide step began, at most `patience_s` and a little."""
    draw = random.Random(seed)
    seconds: dict[str, float] = {"wide": 5.0}
    engine = TimedEngine(machines, lambda name: seconds[name])
    engine.draw = random.Random(seed + 1)
    count, waited_from = 0, -1.0
    for _ in range(50_000):
        now_s = engine.clock.monotonic()
        began = next((at for name, _, at in engine.began if name == "wide"), None)
        if began is not None:
            return began - waited_from
        if waited_from >= 0 and now_s - waited_from > patience_s:
            return now_s - waited_from
        ready = sum(len(lanes.queue) for lanes in engine.book.executors.values()) + len(engine.book.choosing)
        if ready < 3 * CORES:  # somebody always has more to do
            steps: list[tuple[str, dict[str, Any], tuple[int, ...]]] = []
            priority = draw.randint(1, 2)
            for _ in range(draw.randint(4, 16)):
                count += 1
                name = f"narrow#{count}"
                seconds[name] = draw.choice([0.05, 0.5, 2.0, LONGEST_S])
                guess = seconds[name] * draw.choice([0.02, 1.0, 5.0])
                profile = {"priority": priority, "expect_s": guess, "demand": [draw.choice([0.5, 1, 1, 2]), 0, 0, []]}
                steps.append((name, {**wide.get("others", {}), **profile, "crash_retries": 9}, ()))
            engine.launch(steps)
        if waited_from < 0 and now_s > 30.0:
            own: Steps = [("wide", {key: value for key, value in wide.items() if key != "others"}, ())]
            engine.launch(own)
            waited_from = now_s
        engine.pass_time(now_s + 1.0)
    raise AssertionError("the load does not go on")


#: Two steps of priority behind, three more until nothing goes before it any more, then what runs has to end.
BOUND_S = 7 * max(AGE_OF_ONE_PRIORITY_S, AGE_IN_DURATIONS * LONGEST_S) + 2 * LONGEST_S


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_step_of_low_priority_has_its_turn(seed: int) -> None:
    waited_s = play(seed, {"one": Machine(CORES, loses=0.05)}, {"demand": [CORES, 0, 0, []]}, BOUND_S)
    assert waited_s < BOUND_S


@pytest.mark.parametrize("seed", range(6))
def test_one_that_may_choose_has_its_turn(seed: int) -> None:
    machines = {"one": Machine(CORES, loses=0.05), "two": Machine(CORES, 2.0, 1.0)}
    wide = {"demand": [CORES, 0, 0, []], "executor": "any", "others": {"executor": "any"}}
    assert play(seed, machines, wide, BOUND_S) < BOUND_S
