"""Runs of very many steps, played through in few pieces."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.coarse import Sort, coarsened, sigma_of
from partita.plan.outlook import Ahead, Outlook, share_below
from partita.plan.spreads import Guess

SHARED = 0.3
CORES = 4

#: Steps by sort, and what each needs.
Graph = tuple[list[int], list[list[int]]]


def sort(mean_s: float, sigma: float = 0.4, cpu: float = 1.0, executor: str = "here", group: str = "f") -> Sort:
    return Sort(executor, Demand(cpu), 0, group, mean_s, sigma, int(CORES // cpu) if cpu else 1)


SORTS = [sort(1.0), sort(2.0, group="g"), sort(3.0, cpu=2.0, group="wide"), sort(0.0, executor="", group="")]


def exact(graph: Graph, sorts: Sequence[Sort] = SORTS) -> list[Ahead]:
    """Each step by itself."""
    sort_of, needs = graph
    ranks = [0.0] * len(sort_of)
    for step in reversed(range(len(sort_of))):
        ranks[step] += sorts[sort_of[step]].mean_s
        for other in needs[step]:
            ranks[other] = max(ranks[other], ranks[step])
    made = []
    for step, number in enumerate(sort_of):
        told = sorts[number]
        spread = Guess(told.mean_s * 2.718281828 ** (-(told.sigma**2) / 2), told.sigma)
        made.append(Ahead(1, told.executor, told.demand, 0, ranks[step], told.mean_s, spread, told.group))
    for step, needed in enumerate(needs):
        for other in needed:
            made[other].behind.append(step)
            made[step].waits_for += 1
    return made


def edges(graph: Graph) -> tuple[list[int], list[int]]:
    pairs = [(other, step) for step, needed in enumerate(graph[1]) for other in needed]
    return [before for before, _ in pairs], [behind for _, behind in pairs]


def coarse(graph: Graph, sorts: Sequence[Sort] = SORTS, running: dict[int, Ahead] | None = None) -> list[Ahead]:
    making: Any = coarsened(1, sorts, graph[0], edges(graph), running or {}, SHARED)
    while True:
        try:
            next(making)
        except StopIteration as end:
            found: list[Ahead] = end.value.steps
            return found


def quantiles(steps: list[Ahead], plays: int = 60) -> tuple[float, float, float]:
    pools = {"here": Pool(CORES, 0)}
    found = []
    for seed in range(plays):
        (ends,) = (told for told in Outlook(steps, pools, SHARED).play(random.Random(seed).random) if told is not None)
        found.append(ends[1])
    found.sort()
    return found[plays // 10], statistics.median(found), found[-1 - plays // 10]


def wide(count: int, sort_number: int = 0) -> Graph:
    """A map and what adds it up."""
    return [*([sort_number] * count), 3, 1], [*([[]] * count), list(range(count)), [count]]


def rows(count: int, length: int) -> Graph:
    """Chains beside each other."""
    return [0] * (count * length), [[step - count] if step >= count else [] for step in range(count * length)]


def maps_of_maps(count: int) -> Graph:
    """Each element goes through three maps without a barrier."""
    sort_of = [*([0] * count), *([1] * count), *([2] * count)]
    return sort_of, [[step - count] if step >= count else [] for step in range(3 * count)]


def rounds(count: int, times: int) -> Graph:
    """Maps, each of which waits for all of the one before."""
    sort_of: list[int] = []
    needs: list[list[int]] = []
    last: list[int] = []
    for _ in range(times):
        first = len(sort_of)
        sort_of += [0] * count + [3]
        needs += [last] * count + [list(range(first, first + count))]
        last = [first + count]
    return sort_of, needs


def tree(leaves: int) -> Graph:
    """Pairs are added up, and pairs of those."""
    sort_of, needs = [0] * leaves, [[] for _ in range(leaves)]
    level = list(range(leaves))
    while len(level) > 1:
        above = []
        for at in range(0, len(level) - 1, 2):
            above.append(len(sort_of))
            sort_of.append(0)
            needs.append(level[at : at + 2])
        level = above + ([level[-1]] if len(level) % 2 else [])
    return sort_of, needs


def at_random(count: int, seed: int = 3) -> Graph:
    chance = random.Random(seed)
    return (
        [chance.choice([0, 0, 1, 2]) for _ in range(count)],
        [
            sorted({chance.randrange(max(step - 60, 0), step) for _ in range(2)}) if step > 3 else []
            for step in range(count)
        ],
    )


GRAPHS = {
    "wide": wide(1000), "rows": rows(3, 300), "many_rows": rows(40, 25), "chain": rows(1, 900), "maps_of_maps": maps_of_maps(300),
    "rounds": rounds(200, 5), "tree": tree(1024), "at_random": at_random(2100),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_taken_together_ends_when_each_by_itself_does(name: str) -> None:
    fine, few = exact(GRAPHS[name]), coarse(GRAPHS[name])
    low, middle, high = quantiles(few, 40)
    expected = quantiles(fine, 20)
    assert len(few) < len(fine)
    assert middle == pytest.approx(expected[1], rel=0.1)
    assert high - low == pytest.approx(expected[2] - expected[0], rel=0.6)


def test_the_size_of_a_run_does_not_count_but_its_shape() -> None:
    assert len(coarse(wide(100_000))) == len(coarse(wide(2_000))) == CORES * 32 + 2
    assert len(coarse(rows(1, 50_000))) == 1
    assert len(coarse(rounds(200, 200))) <= 2200


def test_of_what_is_like_nothing_the_work_and_the_longest_path_are_left() -> None:
    count = 3000
    sorts = [sort(1.0, group=str(number)) for number in range(count)]  # each step is of its own
    chance = random.Random(1)
    wide_enough = coarse(
        (list(range(count)), [[step - 1] if step and chance.random() < 0.9 else [] for step in range(count)]), sorts
    )
    assert all(not step.behind for step in wide_enough)
    assert quantiles(wide_enough, 5)[1] == pytest.approx(count / CORES, rel=0.1)
    narrow = coarse((list(range(count)), [[step - 1] if step else [] for step in range(count)]), sorts)
    assert quantiles(narrow, 5)[1] == pytest.approx(count, rel=0.1)


def test_what_runs_is_a_piece_of_its_own() -> None:
    spread = Guess(50.0, 0.0)
    began = Ahead(1, "here", Demand(1), 0, 0.0, 50.0, spread, "f", share_below(spread, 20.0), 20.0)
    found = coarse(wide(400), running={0: began})
    assert began in found and sum(step.began_share >= 0 for step in found) == 1
    assert quantiles(found)[1] == pytest.approx(102, rel=0.1)


def test_many_short_steps_are_no_less_certain_than_what_they_have_in_common() -> None:
    certain = quantiles(coarse(wide(3000), [sort(1.0, 0.0), *SORTS[1:]]))
    assert certain[2] - certain[0] < 0.01 * certain[1]
    low, middle, high = quantiles(coarse(wide(3000)), 200)
    common = 0.4 * SHARED**0.5 * 2.56  # of the logarithm, between the tenth and the ninetieth percentile
    assert (high - low) / middle == pytest.approx(common, rel=0.3)


def test_the_width_of_a_distribution_is_bounded() -> None:
    assert sigma_of(Guess(3.0, 0.5)) == pytest.approx(0.5)
    assert sigma_of(Guess(0.0, 0.5)) == 0.0
    assert sigma_of(Guess(3.0, 50.0)) == 2.0


def test_it_pauses_often() -> None:
    graph = wide(100_000)
    assert sum(1 for _ in coarsened(1, SORTS, graph[0], edges(graph), {}, SHARED)) >= 300
