"""Figures over the rows before each row of a series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.data import window_features
from partita.data.columns import column_of
from tests.unit.data.tables import LIBRARIES, made

COLUMNS: dict[str, list[Any]] = {
    "engine": ["b", "a", "a", "b", "a", "b", "a"],
    "cycle": [1, 2, 1, 3, 3, 2, 4],
    "heat": [10.0, 2.0, 1.0, 30.0, 6.0, 25.0, 7.0],
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_row_has_figures_of_its_own_series_and_of_no_later_row(library: str) -> None:
    found = window_features(made(library, COLUMNS), by="engine", order="cycle", columns=["heat"], window=3)
    told = {name: column_of(found, f"heat_{name}_3").values.astype(float) for name in ("mean", "slope", "spread")}
    # a: 1, 2, 6, 7 by cycle; b: 10, 25, 30
    assert told["mean"].tolist() == pytest.approx([10, 1.5, 1, 65 / 3, 3, 17.5, 5])
    assert told["slope"].tolist() == pytest.approx([0, 1, 0, 10, 2.5, 15, 2.5])
    assert told["spread"][2] == 0 and told["spread"][4] == pytest.approx(np.std([1, 2, 6]))
    assert column_of(found, "heat").values.tolist() == COLUMNS["heat"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_figures_are_those_of_numpy_over_the_same_rows(series: list[int], window: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    table = pandas.DataFrame(
        {"series": series, "time": draw.permutation(len(series)), "x": draw.normal(1e3, 1, len(series)), "z": 5.0}
    )
    found = window_features(table, by="series", order="time", columns=["x", "z"], window=window)
    for _, row in found.iterrows():
        before = (
            table[(table.series == row.series) & (table.time <= row.time)].sort_values("time").x.to_numpy()[-window:]
        )
        assert row[f"x_mean_{window}"] == pytest.approx(before.mean())
        assert row[f"x_spread_{window}"] == pytest.approx(before.std(), abs=1e-9)
        slope = np.polyfit(np.arange(len(before)), before, 1)[0] if len(before) > 1 else 0.0
        assert row[f"x_slope_{window}"] == pytest.approx(slope, abs=1e-9)
    assert (found[f"z_mean_{window}"] == 5.0).all() and (found[f"z_slope_{window}"] == 0.0).all()


def test_what_is_wrong_is_told() -> None:
    table = pandas.DataFrame({"engine": [1, 1], "cycle": [1, 2], "heat": [1.0, None], "name": ["x", "y"]})
    with pytest.raises(ValueError, match="in some rows 'heat' is missing"):
        window_features(table, by="engine", order="cycle", columns=["heat"])
    with pytest.raises(ValueError, match="'name' is to have numbers, and has values of type text"):
        window_features(table, by="engine", order="cycle", columns=["name"])
    with pytest.raises(ValueError, match="figures are of mean, slope, spread, and not 'median'"):
        window_features(table, by="engine", order="cycle", columns=["cycle"], figures=["median"])
    with pytest.raises(ValueError, match="window=1 is to be 2 or more"):
        window_features(table, by="engine", order="cycle", columns=["cycle"], window=1)
    with pytest.raises(ValueError, match="columns names none"):
        window_features(table, by="engine", order="cycle", columns=[])
    with pytest.raises(ValueError, match="in some rows 'heat' is missing"):
        window_features(table, by="heat", order="cycle", columns=["cycle"])
