"""Distances between samples, with known answers, and drift of many columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from partita.watch import columns
from partita.watch.columns import column_drifts
from partita.watch.drift import (
    benjamini_hochberg,
    bin_counts,
    chi_square_p,
    chi_square_statistic,
    jensen_shannon_distance,
    kl_divergence,
    ks_test,
    population_stability_index,
    psi_critical,
    total_variation,
    wasserstein,
)

EVEN, STEEP = [0.25] * 4, [0.4, 0.3, 0.2, 0.1]


def test_known_answers() -> None:
    assert ks_test(np.arange(1.0, 6), np.arange(3.0, 9)) == pytest.approx((0.5, 0.357142857))
    assert wasserstein(np.arange(1.0, 6), np.arange(3.0, 9)) == pytest.approx(2.5)
    assert population_stability_index(EVEN, STEEP) == pytest.approx(0.2282174096)
    assert kl_divergence(STEEP, EVEN) == pytest.approx(0.1064401353)
    assert jensen_shannon_distance(EVEN, STEEP) == pytest.approx(0.2005033225)
    assert chi_square_statistic(EVEN, [40, 30, 20, 10]) == pytest.approx((20.0, 1.697e-4), rel=1e-3)
    assert total_variation(EVEN, STEEP) == pytest.approx(0.2)


@pytest.mark.parametrize(("rows", "limit"), [(100, 0.338), (200, 0.169), (1000, 0.034)])
def test_the_psi_that_chance_exceeds_once_in_twenty(rows: int, limit: float) -> None:
    assert psi_critical(rows, rows, 10) == pytest.approx(limit, abs=5e-4)
    draw = np.random.default_rng(rows)
    psis = [population_stability_index(*bin_counts(draw.normal(size=rows), draw.normal(size=rows))) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(psis) > psi_critical(rows, rows, 10)) <= 0.09


def test_an_empty_bin_leaves_the_index_finite() -> None:
    assert 0 < population_stability_index([50, 50, 0], [40, 50, 10]) < 1
    with pytest.raises(ValueError, match="without rows"):
        population_stability_index([0, 0], [1, 2])


def test_rare_categories_are_taken_together() -> None:
    assert chi_square_p([50, 50], [60, 40]) == pytest.approx(
        chi2_contingency([[50, 50], [60, 40]], correction=False)[:2]
    )
    together = chi_square_p([50, 50, 1, 1, 2, 4], [60, 40, 2, 3, 2, 1])
    assert together == pytest.approx(chi2_contingency([[50, 50, 8], [60, 40, 8]], correction=False)[:2])
    assert chi_square_p([10, 0], [20, 0]) == (0.0, 1.0)


def test_values_that_are_frequent_are_bins_of_their_own() -> None:
    old, new = bin_counts(np.array([0.0] * 90 + list(range(1, 11))), np.array([0.0] * 50 + [5.0] * 50))
    assert old.sum() == 100 and new.sum() == 100 and new[0] == 50


def test_adjusted_p_values_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([]) == []


@given(st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(sum), st.integers(1, 9))
def test_what_is_the_same_has_no_distance(counts: list[int], factor: int) -> None:
    larger = [count * factor for count in counts]
    assert jensen_shannon_distance(counts, larger) == pytest.approx(0, abs=1e-7)
    assert total_variation(counts, larger) == pytest.approx(0, abs=1e-12)
    other = [*counts[1:], counts[0]]
    assert jensen_shannon_distance(counts, other) == pytest.approx(jensenshannon(counts, other, base=2), abs=1e-7)


# Columns

NO = np.zeros(1000, bool)


def test_fifty_columns_without_drift_seldom_alarm() -> None:
    draw = np.random.default_rng(0)
    alarms = 0
    for _ in range(20):
        sides = [{f"c{n}": (draw.normal(size=1000), NO) for n in range(50)} for _ in range(2)]
        alarms += bool(column_drifts(*sides, least_effect=0.0).drifted)
    assert alarms <= 4  # without the control of many tests 92 of 100


def test_a_certain_but_tiny_difference_is_no_drift_and_a_large_one_is() -> None:
    draw = np.random.default_rng(0)
    no = np.zeros(100_000, bool)
    old = {"tiny": (draw.normal(size=100_000), no), "large": (draw.normal(size=100_000), no)}
    new = {"tiny": (draw.normal(0.03, 1, 100_000), no), "large": (draw.normal(0.5, 1, 100_000), no)}
    found = column_drifts(old, new)
    tiny, large = found.columns[1], found.columns[0]
    assert found.drifted == ["large"] and tiny.adjusted_p < 0.001 and not tiny.is_drifted
    assert large.effect == pytest.approx(0.5, abs=0.02) and large.psi > large.psi_critical


def test_values_missing_rows_and_columns_are_told() -> None:
    old = {"color": (np.array(["red", "blue"] * 500, object), NO), "gone": (np.zeros(1000), NO)}
    half = np.arange(1000) % 2 == 0
    new = {"color": (np.array(["red"] * 1000, object), half), "new": (np.zeros(1000), NO)}
    found = column_drifts(old, new)
    kinds = {(item.column, item.kind): item for item in found.columns}
    assert kinds["color", "values"].effect == 0.5 and kinds["color", "missing"].effect == 0.5
    assert kinds["color", "values"].rows == (1000, 500)
    assert found.drifted == ["color"] and found.notes == ["gone is not there any more", "new is new"]
    assert str(found).splitlines()[0] == "1 of 1 columns have drifted" and "color (missing)" in str(found)


def test_many_different_texts_are_compared_by_the_frequent_ones() -> None:
    ids = np.array([f"id{n}" for n in range(1000)], object)
    found = column_drifts({"id": (ids, NO)}, {"id": (ids[::-1], NO)})
    assert not found.drifted and found.columns[0].effect == 0.0


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1.7e308])
def test_numbers_of_any_size_are_compared(size: float) -> None:
    draw = np.random.default_rng(1)
    old, same, new = draw.uniform(-1, 0, 1000) * size, draw.uniform(-1, 0, 1000) * size, draw.uniform(0, 1, 1000) * size
    assert column_drifts({"x": (old, NO)}, {"x": (same, NO)}).drifted == []
    found = column_drifts({"x": (old, NO)}, {"x": (new, NO)})
    assert found.drifted == ["x"] and found.columns[0].effect == pytest.approx(3.46, abs=0.1)


def test_an_infinite_value_hides_no_drift() -> None:
    draw = np.random.default_rng(0)
    old, new = draw.normal(size=1000), draw.normal(2, 1, 1000)
    old[0] = -np.inf
    found = column_drifts({"x": (old, NO)}, {"x": (new, NO)})
    assert found.drifted == ["x"] and found.columns[0].effect == pytest.approx(2, abs=0.1)
    assert {item.kind: item.rows for item in found.columns} == {"numbers": (999, 1000), "missing": (1000, 1000)}
    nothing = column_drifts({"x": (np.full(1000, np.inf), NO)}, {"x": (new, NO)})
    assert nothing.drifted == ["x"] and "x has no values to compare" in nothing.notes


def test_an_effect_that_is_no_number_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    monkeypatch.setattr(columns, "wasserstein", lambda old, new: float("nan"))
    old = {"x": (draw.normal(size=1000), NO), "y": (draw.normal(size=1000), NO)}
    found = column_drifts(old, {"x": (draw.normal(2, 1, 1000), NO), "y": old["y"]})
    assert found.drifted == ["x"]
