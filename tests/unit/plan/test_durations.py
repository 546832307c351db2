"""What a model predicts: never nonsense, and nearer the truth the more it has seen."""

from __future__ import annotations

import math
import random
from math import log
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.plan.durations import BYTES, NEAR_SIZES, PLACES, SECONDS, Estimate, Model, Outline, Scale
from partita.values import pack, unpack

AMOUNTS = st.floats(0.0, 1e300) | st.sampled_from([0.0, 5e-324, 1e-9, 1e308])
CASES = st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=60)
SCALES = st.sampled_from([SECONDS, BYTES])


def taught(cases: list[tuple[float, float]], scale: Scale = SECONDS) -> Model:
    model = Model(scale)
    for size, amount in cases:
        model.observe(size, amount)
    return model


@given(CASES, AMOUNTS, SCALES, st.floats(0.001, 0.999))
def test_predictions_are_finite_positive_and_in_order(
    cases: list[tuple[float, float]], size: float, scale: Scale, share: float
) -> None:
    model = taught(cases, scale)
    estimate = model.estimate(size)
    shares = sorted([0.001, 0.1, share, 0.5, 0.9, 0.999])
    found = [estimate.quantile(each) for each in shares]
    assert all(math.isfinite(amount) and amount > 0 for amount in found)
    assert found == sorted(found)
    assert estimate.p10 <= estimate.median <= estimate.p90 and math.isfinite(estimate.p90) and estimate.p10 > 0
    assert estimate.count == len(cases) and math.isfinite(model.typical_bytes) and model.typical_bytes >= 0


@given(CASES, CASES, AMOUNTS, SCALES)
def test_a_model_goes_on_from_its_state_as_if_it_had_never_been_away(
    before: list[tuple[float, float]], after: list[tuple[float, float]], size: float, scale: Scale
) -> None:
    whole = taught(before, scale)
    again = Model.of(scale, unpack(pack(whole.state())))
    for case in after:
        whole.observe(*case)
        again.observe(*case)
    assert again.estimate(size) == whole.estimate(size) and again.state() == whole.state()


@given(st.lists(AMOUNTS, min_size=1, max_size=40))
def test_an_outline_is_finite_and_goes_on_from_its_state(amounts: list[float]) -> None:
    outline = Outline()
    for amount in amounts:
        outline.observe(SECONDS.log(amount))
    again = Outline.of(unpack(pack(outline.state())))
    estimate = again.estimate(SECONDS, "flow")
    assert estimate == outline.estimate(SECONDS, "flow") and estimate.basis == "flow"
    assert 0 < estimate.p10 <= estimate.median <= estimate.p90 < math.inf


def test_the_state_stays_small_whatever_is_observed() -> None:
    chance = random.Random(1)
    model = taught([(chance.lognormvariate(12, 3), chance.lognormvariate(2, 1)) for _ in range(3000)])
    assert len(pack(model.state())) < 600
    assert len(model.state()[10]) == NEAR_SIZES


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_what_is_no_amount_is_refused_and_changes_nothing(wrong: float) -> None:
    model = taught([(1e6, 2.0)])
    before = model.state()
    with pytest.raises(ValueError, match="finite number of 0 or more"):
        model.observe(1e6, wrong)
    with pytest.raises(ValueError, match="finite number of 0 or more"):
        model.observe(wrong, 1.0)
    with pytest.raises(ValueError, match="finite number of 0 or more"):
        model.estimate(wrong)
    assert model.state() == before


def test_nothing_is_told_before_anything_was_observed() -> None:
    with pytest.raises(ValueError, match="nothing has been observed"):
        Model(SECONDS).estimate(1.0)


def test_one_case_is_what_is_expected_next() -> None:
    estimate = taught([(1e6, 30.0)]).estimate(1e6)
    assert estimate.median == pytest.approx(30.0) and estimate.p10 < 25 and estimate.p90 > 36


def test_durations_that_grow_with_the_input_are_told_for_sizes_never_seen() -> None:
    chance = random.Random(2)
    cases = [
        (size, size / 1e6 * chance.lognormvariate(0, 0.05))
        for size in (chance.lognormvariate(15, 1) for _ in range(40))
    ]
    model = taught(cases)
    for size in (1e5, 1e6, 1e7, 1e8):
        assert model.estimate(size).median == pytest.approx(size / 1e6, rel=0.25)


def test_after_a_change_the_new_is_expected_soon() -> None:
    chance = random.Random(3)
    model = taught([(1e6, 100.0 * chance.lognormvariate(0, 0.1)) for _ in range(200)])
    for _ in range(8):
        model.observe(1e6, 10.0 * chance.lognormvariate(0, 0.1))
    assert model.estimate(1e6).median == pytest.approx(10.0, rel=0.25)


def test_where_nothing_changes_noise_is_averaged_out() -> None:
    chance = random.Random(4)
    model = taught([(1e6, 10.0 * chance.lognormvariate(0, 0.5)) for _ in range(300)])
    assert model.estimate(1e6).median == pytest.approx(10.0, rel=0.15)


def test_the_same_input_again_takes_what_it_took() -> None:
    """Two files of nearly one size, of which one takes ten times as long: no line tells them apart."""
    chance = random.Random(5)
    cases = [
        (size, seconds * chance.lognormvariate(0, 0.05))
        for _ in range(30)
        for size, seconds in ((5e6, 60.0), (5.2e6, 6.0))
    ]
    model = taught(cases)
    assert model.estimate(5e6).median == pytest.approx(60.0, rel=0.2)
    assert model.estimate(5.2e6).median == pytest.approx(6.0, rel=0.2)


@pytest.mark.parametrize("skewed", [False, True])
def test_eight_of_ten_cases_lie_between_the_tenth_and_the_ninetieth_percentile(skewed: bool) -> None:
    chance = random.Random(6)
    model, inside, below = Model(SECONDS), 0, 0
    for number in range(3000):
        error = chance.expovariate(1.5) if skewed else chance.gauss(0, 0.6)
        size, seconds = chance.lognormvariate(14, 1), math.exp(3 + error)
        if number >= 1000:
            estimate = model.estimate(size)
            inside += estimate.p10 <= seconds <= estimate.p90
            below += seconds < estimate.p10
        model.observe(size, seconds)
    assert 0.76 <= inside / 2000 <= 0.84 and 0.06 <= below / 2000 <= 0.14


def test_samples_have_the_distribution_that_is_told() -> None:
    estimate = Estimate(SECONDS, math.log(10.0), 0.2, 0.8, 5)
    chance = random.Random(7)
    drawn = sorted(estimate.quantile(1 - chance.random()) for _ in range(4000))
    assert drawn[400] == pytest.approx(estimate.p10, rel=0.05)
    assert drawn[2000] == pytest.approx(estimate.median, rel=0.05)
    assert drawn[3600] == pytest.approx(estimate.p90, rel=0.1)


def test_zeros_and_ones_of_a_coarse_clock_are_borne() -> None:
    estimate = taught([(1e6, float(number % 2)) for number in range(50)]).estimate(1e6)
    assert 1e-6 <= estimate.p10 < 0.2 and 0.5 < estimate.p90 < 30


def test_what_is_alike_in_all_but_its_place_is_told_by_its_place() -> None:
    chance = random.Random(0)
    usual = {place: 0.15 + 0.9 * chance.random() ** 3 for place in range(1, 25)}
    placed, blind = Model(SECONDS), Model(SECONDS)
    for _ in range(6):
        for place, seconds in usual.items():
            amount = seconds * chance.lognormvariate(0.0, 0.2)
            placed.observe(100.0, amount, place)
            blind.observe(100.0, amount)
    errors = [log(placed.estimate(100.0, place=place).median / seconds) for place, seconds in usual.items()]
    assert max(map(abs, errors)) < 0.35 and abs(fmean(errors)) < 0.1
    told, of_all = placed.estimate(100.0, place=3), blind.estimate(100.0)
    assert 0.35 < log(told.p90 / told.p10) < 0.8  # 0.51 is right
    assert log(of_all.p90 / of_all.p10) > 1.3
    new = placed.estimate(100.0, place=99)
    assert log(new.p90 / new.p10) > 1.0 and not placed.knows(99)


def test_a_place_that_was_seen_once_is_told_as_widely_as_its_like() -> None:
    chance = random.Random(3)
    model = Model(SECONDS)
    for _ in range(200):
        model.observe(100.0, chance.lognormvariate(0.0, 1.0))
    model.observe(100.0, 1.0, place=7)
    told, of_all = model.estimate(100.0, place=7), model.estimate(100.0)
    assert model.knows(7) and log(told.p90 / told.p10) == pytest.approx(log(of_all.p90 / of_all.p10), rel=0.05)


def test_a_place_says_nothing_where_amounts_have_nothing_to_do_with_it() -> None:
    chance = random.Random(0)
    placed, blind = Model(SECONDS), Model(SECONDS)
    for number in range(300):
        amount = chance.lognormvariate(0.0, 0.5)
        placed.observe(100.0, amount, 1 + number % 20)
        blind.observe(100.0, amount)
    for place in range(1, 21):
        assert abs(log(placed.estimate(100.0, place=place).median / blind.estimate(100.0).median)) < 0.2


def test_places_seen_last_are_known() -> None:
    model = Model(SECONDS)
    for place in range(1, 200):
        model.observe(10.0, 1.0, place)
    assert sum(map(model.knows, range(1, 200))) == PLACES and model.knows(199)
    assert len(pack(model.state())) < 1800


@pytest.mark.parametrize("scale", [SECONDS, BYTES])
def test_what_is_the_same_again_and_again_is_borne_for_ever(scale: Scale) -> None:
    """What was off by nothing so often that sums of it are nothing any more; also where that was stored."""
    model = Model(scale)
    for _ in range(60_000):
        model.observe(1000.0, 5e6, 7)
    assert model.estimate(1000.0, place=7).median == pytest.approx(5e6, rel=0.01)
    again = Model.of(scale, unpack(pack(model.state())))
    again.observe(1000.0, 1e7, 7)
    again.observe(2000.0, 1e7, 8)
    found = [again.estimate(size, place=place) for size in (0.0, 1000.0, 1e9) for place in (0, 7, 8, 9)]
    assert all(math.isfinite(each.p90) and 0 < each.p10 <= each.median <= each.p90 for each in found)
