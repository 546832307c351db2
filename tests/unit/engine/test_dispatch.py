from __future__ import annotations

from typing import Any

import pytest

from partita import flow, task
from partita.testing import memory_workspace


@task
def numbers() -> list[int]:
    return [1, 2]


@task
def sizes() -> dict[str, Any]:
    return {"a": {"b": 1}}


@task
def told(first: Any, second: Any = None) -> str:
    return repr((first, second))


@flow
def too_far() -> str:
    return told(numbers(), numbers()[7])


@flow
def misnamed() -> str:
    return told(sizes()["a"]["c"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (too_far, "the value of numbers#2 has no part [7], which told needs"),
        (misnamed, "the value of sizes has no part ['a']['c'], which told needs"),
    ],
)
def test_a_step_that_needs_a_part_that_is_not_there_says_which(body: Any, message: str) -> None:
    with memory_workspace():
        run = body.run()
        step = next(step for step in run.steps if step["path"] == "told")
    assert step["state"] == "failed" and step["error"]["message"] == message
