"""What attempts in memory are said to have used: their own part of the process that runs them all."""

from __future__ import annotations

from typing import Any

import numpy

from partita import flow, task
from partita.testing import memory_workspace

_MANY = 300 * 2**20
kept: list[Any] = []


@task
def light(number: int) -> int:
    return number


@task
def heavy(number: int) -> int:
    kept.append(numpy.ones(_MANY // 8))  # and kept, for what is freed may be less than this process has held before
    return number


@flow
def both(number: int) -> list[int]:
    return [heavy(number), light(number)]


def test_what_the_process_holds_besides_is_no_attempt_s() -> None:
    held = numpy.ones(2 * _MANY // 8)  # as by thousands of tests before
    with memory_workspace(cpu=8, memory="16GiB") as workspace:
        run = both.submit(1).wait()
        used = {attempt["step"]: attempt["peak_bytes"] for attempt in workspace.attempts(run.id)}
        steps = {step["name"]: step["id"] for step in workspace.all_steps(run.id)}
        assert 2**20 < used[steps["light"]] < _MANY / 2
        assert _MANY * 0.9 < used[steps["heavy"]] < 2 * _MANY
    kept.clear()
    assert len(held) == 2 * _MANY // 8  # until here
