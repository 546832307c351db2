"""Runs that go on, played through to their ends."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

import pytest

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.outlook import Ahead, Outlook, share_below
from partita.plan.spreads import Guess

ONE = Demand(cpu=1)


def ahead(seconds: float, *, run: int = 1, sigma: float = 0.0, demand: Demand = ONE, rank: float = 0.0, group: str = "f",
          executor: str = "here", elapsed: float = 0.0, is_running: bool = False) -> Ahead:  # fmt: skip
    spread = Guess(seconds, sigma)
    made = Ahead(run, executor, demand, 0, rank, seconds, spread, group)
    if is_running:
        made.elapsed_s, made.began_share = elapsed, share_below(spread, elapsed)
    return made


def chained(steps: list[Ahead], *edges: tuple[int, int]) -> list[Ahead]:
    for before, behind in edges:
        steps[before].behind.append(behind)
        steps[behind].waits_for += 1
    return steps


def ends(outlook: Outlook, seed: int = 0) -> dict[int, float]:
    found = [told for told in outlook.play(random.Random(seed).random) if told is not None]
    assert len(found) == 1
    return found[0]


def outlook(steps: list[Ahead], cpu: float = 2, shared: float = 0.0) -> Outlook:
    return Outlook(steps, {"here": Pool(cpu, 0)}, shared)


def test_a_chain_takes_what_its_steps_take() -> None:
    steps = chained([ahead(2), ahead(3), ahead(5)], (0, 1), (1, 2))
    assert ends(outlook(steps)) == {1: pytest.approx(10)}


def test_what_there_is_room_for_runs_at_once_and_ranks_go_first() -> None:
    steps = [ahead(2, rank=1), ahead(2, rank=1), ahead(6, rank=9)]
    assert ends(outlook(steps)) == {1: pytest.approx(6)}
    assert ends(outlook(steps, cpu=1)) == {1: pytest.approx(10)}


def test_what_runs_has_its_rest_ahead_and_holds_what_it_holds() -> None:
    steps = [ahead(10, elapsed=4, is_running=True, demand=Demand(cpu=2)), ahead(3)]
    assert ends(outlook(steps)) == {1: pytest.approx(9)}
    overdue = [ahead(10, elapsed=25, is_running=True)]
    assert ends(outlook(overdue)) == {1: pytest.approx(0)}


def test_steps_without_an_executor_hold_nothing() -> None:
    steps = chained([ahead(4, executor=""), ahead(1), ahead(1), ahead(0, executor="")], (0, 3), (1, 3))
    assert ends(outlook(steps, cpu=1)) == {1: pytest.approx(4)}


def test_runs_end_each_at_its_own_time_and_share_what_there_is() -> None:
    steps = [*(ahead(1, run=1) for _ in range(10)), *(ahead(1, run=2) for _ in range(2))]
    found = ends(outlook(steps, cpu=1))
    assert found[2] <= 5 and found[1] == pytest.approx(12)


def quantiles(steps: list[Ahead], shared: float) -> list[float]:
    found = sorted(ends(outlook(steps, cpu=64, shared=shared), seed)[1] for seed in range(200))
    return [found[20], statistics.median(found), found[180]]


def test_a_spread_of_durations_is_one_of_the_end() -> None:
    low, middle, high = quantiles([ahead(10, sigma=0.5)], 0.0)
    assert low < middle < high and middle == pytest.approx(10, rel=0.15)
    assert high / low == pytest.approx(Guess(1, 0.5).quantile(0.9) / Guess(1, 0.5).quantile(0.1), rel=0.35)


def test_what_errs_together_spreads_the_end_of_many_more_than_what_does_not() -> None:
    steps = chained([ahead(1, sigma=0.5) for _ in range(30)], *((n, n + 1) for n in range(29)))
    apart, together = quantiles(steps, 0.0), quantiles(steps, 0.8)
    assert together[2] - together[0] > 2 * (apart[2] - apart[0])


def test_equal_chances_give_equal_ends() -> None:
    steps = [ahead(1, sigma=0.7, group=str(number % 3)) for number in range(20)]
    assert ends(outlook(steps), 7) == ends(outlook(steps), 7) != ends(outlook(steps), 8)


def test_a_large_one_can_be_paused() -> None:
    steps = [ahead(1) for _ in range(5000)]
    play: Iterator[dict[int, float] | None] = outlook(steps, cpu=8).play(random.Random(0).random)
    assert sum(told is None for told in play) >= 50


@pytest.mark.parametrize("seconds", [0.7, 1.0, 3.0, 20.0])
def test_the_share_below_is_that_of_the_quantile(seconds: float) -> None:
    spread = Guess(3.0, 0.8)
    assert spread.quantile(share_below(spread, seconds)) == pytest.approx(seconds, rel=0.01)
