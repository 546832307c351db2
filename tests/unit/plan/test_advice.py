"""What is proposed on what attempts have taken, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from partita.plan.advice import ENOUGH, Attempt, Taken, repeats, requests

MIB = 2**20


def taken(cpu: float = 1.0, memory: float = 0.0, attempts: list[Attempt] | None = None, **fields: Any) -> Taken:
    return Taken("fit", cpu, memory, fields.pop("is_cached", False), attempts=attempts or [], **fields)


def ran(cores: float, mib: float = 50.0, seconds: float = 10.0, count: int = 5) -> list[Attempt]:
    return [Attempt(seconds, seconds * cores, mib * MIB)] * count


def options(given: Taken) -> list[dict[str, Any]]:
    return [advice.option for advice in requests(given)]


@pytest.mark.parametrize(
    ("asked", "busy", "expected"),
    [
        (4.0, 1.1, [{"cpu": 1}]), (4.0, 2.6, [{"cpu": 3}]), (4.0, 3.6, []), (1.0, 3.9, [{"cpu": 4}]), (1.0, 1.2, []),
        (2.0, 0.1, [{"cpu": 1}]), (1.0, 0.0, []),
    ],
)  # fmt: skip
def test_cores_are_those_that_are_kept_busy(asked: float, busy: float, expected: list[dict[str, Any]]) -> None:
    assert options(taken(cpu=asked, attempts=ran(busy))) == expected


def test_a_single_burst_does_not_make_a_task_ask_for_more() -> None:
    assert options(taken(cpu=1.0, attempts=[*ran(1.0, count=9), *ran(3.9, count=1)])) == []


@pytest.mark.parametrize(
    ("asked", "peak", "expected"),
    [
        (4096, 400, [{"memory": "512MiB"}]), (0, 1000, [{"memory": "1.2GiB"}]), (0, 200, []), (512, 400, []),
        (512, 500, [{"memory": "640MiB"}]), (640, 500, []),
    ],
)  # fmt: skip
def test_memory_is_the_highest_peak_and_some_room(asked: float, peak: float, expected: list[dict[str, Any]]) -> None:
    assert options(taken(memory=asked * MIB, attempts=ran(1.0, peak))) == expected


def test_a_proposal_has_its_numbers() -> None:
    (advice,) = requests(taken(cpu=4.0, attempts=ran(1.1)))
    assert advice.finding == "asks for 4 cores; 5 attempts kept 1.1 cores busy, 1.1 at most"
    assert advice.proposal.startswith("ask for 1")


def test_what_was_proposed_is_not_proposed_again() -> None:
    assert options(taken(cpu=1.0, memory=512 * MIB, attempts=ran(1.1, 400))) == []


def test_nothing_is_proposed_on_few_or_brief_attempts() -> None:
    assert options(taken(cpu=4.0, memory=4096 * MIB, attempts=ran(1.0, count=ENOUGH - 1))) == []
    assert options(taken(cpu=4.0, attempts=ran(0.1, seconds=0.2))) == []
    assert options(taken(cpu=4.0)) == []


def test_equal_values_of_equal_steps_are_to_be_cached() -> None:
    seen = {("code", "/fit", "n=1"): [("value", 3.0), ("value", 4.0)], ("code", "/fit", "n=2"): [("other", 9.0)]}
    (advice,) = repeats(taken(values=seen))
    assert advice.option == {"cache": True}
    assert "1 steps gave" in advice.finding and "4.0 s" in advice.finding
    assert not list(repeats(taken(values=seen, is_cached=True)))


@pytest.mark.parametrize(
    "seen",
    [
        {("code", "/fit", ""): [("value", 3.0), ("another", 4.0)]},  # what the time or chance decides
        {("code", "/fit", ""): [("value", 3.0)]},
        {("code", "/fit", ""): [("value", 0.1), ("value", 0.1)]},  # not worth it
        {("code", "/fit", ""): [("value", 3.0)], ("changed", "/fit", ""): [("value", 3.0)]},
    ],
)
def test_what_is_not_to_be_cached(seen: dict[tuple[str, str, str], list[tuple[str, float]]]) -> None:
    assert not list(repeats(taken(values=seen)))
