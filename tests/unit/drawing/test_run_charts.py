"""How much ran over time, and numbers over versions."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.drawing.run_charts import density, density_chart, sparkline

SVG = "{http://www.w3.org/2000/svg}"
spans = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0.1, 8)), max_size=12)


def test_density_is_what_ran_on_average() -> None:
    assert density([(0, 2, 1.0), (1, 2, 3.0)], 0, 4, 4) == [1.0, 4.0, 0.0, 0.0]
    assert density([(0, 1, 1.0)], 0, 4, 2) == [0.5, 0.0]
    assert density([], 0, 4, 2) == [0.0, 0.0]


@given(spans, st.integers(1, 50))
def test_nothing_is_lost_or_added(found: list[tuple[float, float, float]], bins: int) -> None:
    expected = sum((end - start) * amount for start, end, amount in found if end > start)
    assert sum(density(found, 0, 10, bins)) * 10 / bins == pytest.approx(expected, abs=1e-6)


def test_a_density_chart_tells_its_peak_and_limit() -> None:
    drawn = ElementTree.fromstring(density_chart([(0, 10, 1.0), (5, 10, 1.0)], 0, 10, title="CPU <held>", limit=4))
    assert drawn.get("aria-label") == "CPU <held>: 2 at most of 4"
    assert [path.get("class") for path in drawn.iter(f"{SVG}path")].count("limit") == 1
    assert ElementTree.fromstring(density_chart([], 5, 5, title="none")) is not None


def test_a_sparkline_has_gaps_where_there_is_no_number() -> None:
    drawn = ElementTree.fromstring(sparkline([0.7, 0.8, None, 0.9], title="auc"))
    (path,) = drawn.iter(f"{SVG}path")
    assert path.get("d", "").count("M") == 2
    assert drawn.get("aria-label") == "auc: 0.7 to 0.9, between 0.7 and 0.9"
    assert not list(ElementTree.fromstring(sparkline([None, math.nan], title="auc")).iter(f"{SVG}path"))


@given(st.lists(st.none() | st.floats(), max_size=8), st.none() | st.integers(-2, 9))
def test_any_numbers_stay_within_their_sparkline(values: list[float | None], marked: int | None) -> None:
    drawn = ElementTree.fromstring(sparkline(values, title="m", marked=marked))
    for dot in drawn.iter(f"{SVG}circle"):
        assert 0 <= float(dot.get("cx", "")) <= 140 and 0 <= float(dot.get("cy", "")) <= 32
    for path in drawn.iter(f"{SVG}path"):
        assert "nan" not in path.get("d", "") and "inf" not in path.get("d", "")
