"""The pool: what is held never exceeds what there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from partita.core.records import Demand
from partita.core.resources import Pool

demands = st.builds(
    Demand,
    cpu=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]),
    memory_bytes=st.integers(0, 200),
    gpu=st.sampled_from([0.0, 0.25, 1.0]),
    learned_bytes=st.integers(0, 200),
    slots=st.sampled_from([(), (("licence", 1),), (("licence", 2),)]),
)


@given(st.lists(demands, max_size=40))
def test_what_fits_never_exceeds_the_capacity_and_comes_back(wanted: list[Demand]) -> None:
    pool = Pool(4, 500, 1, {"licence": 2})
    held = []
    for demand in wanted:
        if pool.fits(demand):
            pool.acquire(demand)
            held.append(demand)
        assert all(pool.held[name] <= pool.capacity[name] + 1e-6 for name in pool.capacity)
    for demand in held:
        pool.release(demand)
    assert not any(pool.held.values())


def test_ten_tenths_of_a_core_fit_into_one() -> None:
    pool = Pool(1, 0)
    for _ in range(10):
        assert pool.fits(Demand(cpu=0.1))
        pool.acquire(Demand(cpu=0.1))
    assert not pool.fits(Demand(cpu=0.1))


def test_what_can_never_fit_is_named_with_both_amounts() -> None:
    pool = Pool(2, 1000, 0, {"licence": 1})
    lacking = pool.lacks_for_ever(Demand(3, 2000, 1, (("database", 1), ("licence", 1))))
    assert lacking == [
        "cpu: 3 asked, 2 in all",
        "memory: 2.0 KiB asked, 1000 bytes in all",
        "gpu: 1 asked, 0 in all",
        "slot database: no such limit is set",
    ]


def test_what_is_reserved_is_kept_from_others_but_not_from_those_who_need_none_of_it() -> None:
    pool = Pool(2, 1000)
    wide = Demand(cpu=2)
    assert pool.lacks(Demand(cpu=1), reserved=wide) == ["cpu"]
    assert pool.lacks(Demand(cpu=0, memory_bytes=10), reserved=wide) == []


def test_no_more_workers_are_held_than_there_may_be() -> None:
    pool = Pool(8, 0)
    pool.limit_workers(2)
    light = Demand(0.5)
    for _ in range(2):
        assert pool.fits(light)
        pool.acquire(light)
    assert not pool.fits(light) and pool.lacks(light) == ["worker"]
    pool.release(light)
    assert pool.fits(light)
