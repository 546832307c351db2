"""The flows that `engine.py` times: they do nothing, so that only the engine's own work counts."""

from __future__ import annotations

import time

from partita import flow, task

__all__ = ["chain", "fan_out", "loop", "one", "slow_half", "waiting"]


@task
def increment(value: int) -> int:
    """One no-op step."""
    return value + 1


@task
def total(values: list[int]) -> int:
    """The sum at the end of a fan-out."""
    return sum(values)


@task
def moment(value: int, started_at: float) -> float:
    """Seconds between two ends of this step in its chain: for measuring a delay."""
    return time.time()


@task
def wait_for_file(value: int, gate: str) -> int:
    """A step that waits until somebody makes a file."""
    import os

    while not os.path.exists(gate):
        time.sleep(0.01)
    return value


@flow
def one() -> int:
    """A single step."""
    return increment(0)


@flow
def chain(steps: int) -> int:
    """Steps each fed by the last."""
    value = increment(0)
    for _ in range(steps - 1):
        value = increment(value)
    return value


@flow
def fan_out(steps: int) -> int:
    """Independent steps and one that sums them."""
    return total([increment(number) for number in range(steps)])


@flow
def waiting(steps: int, gate: str) -> int:
    """Half of the steps are done at once; the others wait for one that waits for a file."""
    done = [increment(number) for number in range(steps // 2)]
    held = wait_for_file(total(done), gate)
    return total([add(held, number) for number in range(steps // 2)])


@task
def add(left: int, right: int) -> int:
    """A no-op step with two inputs."""
    return left + right


@flow
def slow_half(rounds: int) -> float:
    """A chain whose every step tells the time: how long others make it wait."""
    value = moment(0, 0.0)
    for _ in range(rounds - 1):
        value = later(value)
    return value


@task
def later(before: float) -> float:
    """The time of this step; prints how long after the one before it."""
    now = time.time()
    print(f"{now - before:.6f}")
    return now


@flow
def loop(value: int, rounds: int) -> int:
    """A deferred loop: every round is laid out when the value of the last is known."""
    if rounds == 0:
        return value
    return loop(increment(value), rounds - 1)
