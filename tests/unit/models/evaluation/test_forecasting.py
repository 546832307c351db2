"""Evaluations of forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from partita.models.evaluation import evaluate_forecast


def test_one_series_by_hand() -> None:
    found = evaluate_forecast(
        [10, 12], [11, 10], history=[1, 3, 2, 6], quantiles={0.9: [11, 11]}, ranges={0.8: ([9, 9], [11, 11])}
    )
    assert found.metrics == pytest.approx({
        "mase": 1.5 / (7 / 3),  # steps of 2, 1 and 4
        "rmsse": np.sqrt(2.5) / np.sqrt(21 / 3),
        "smape": (2 / 21 + 4 / 22) / 2,
        "mae": 1.5,
        "rmse": np.sqrt(2.5),
        "pinball_0.9": (0.1 * 1 + 0.9 * 1) / 2,
        "coverage_0.8": 0.5,
        "width_0.8": 2.0,
    })  # fmt: skip
    assert [row["mae"] for row in found.table] == [1.0, 2.0]
    assert found.intervals == {} and "no intervals: there is one series" in found.notes[0]


def test_a_naive_seasonal_forecast_of_what_goes_on_as_before_has_a_scaled_error_of_one() -> None:
    draw = np.random.default_rng(0)
    past = draw.normal(size=(400, 48))
    truth, naive = draw.normal(size=(400, 4)), past[:, -4:]
    found = evaluate_forecast(truth, naive, history=list(past), season=4)
    assert found.metrics["mase"] == pytest.approx(1.0, abs=0.05)
    assert found.metrics["rmsse"] == pytest.approx(1.0, abs=0.1)
    assert found.intervals["mase"][0] < 1.0 < found.intervals["mase"][1]
    assert len(found.table) == 4 and set(found.pictures) == {"horizon", "forecast"}


def test_a_history_that_never_changes_is_left_out_and_zeros_have_no_percentage_error() -> None:
    found = evaluate_forecast([[0, 0], [1, 2]], [[0, 0], [2, 2]], history=[[5, 5, 5], [1, 2, 4]])
    assert found.metrics["mase"] == pytest.approx(0.5 / 1.5)
    assert found.metrics["smape"] == pytest.approx((0 + (2 / 3) / 2) / 2)
    assert "1 series whose history never changes have no mase and rmsse" in found.notes


def test_without_history_there_are_no_scaled_errors() -> None:
    found = evaluate_forecast([1, 2], [1, 3])
    assert "mase" not in found.metrics and found.notes[0] == "mase and rmsse need history=, what came before"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prediction": [1]}, r"prediction has the shape \(1, 1\), and truth \(1, 2\)"),
        ({"history": [1]}, "the history of series 0 has 1 steps; more than season=1 are needed"),
        ({"history": [[1, 2], [3, 4]]}, "truth has 1, history has 2"),
        ({"history": [1, 2, 3], "season": 0}, "season=0"),
        ({"quantiles": {90: [1, 2]}}, "the level 90 is not between 0 and 1"),
        ({"ranges": {0.9: ([1, 2], [1])}}, "high of 0.9 has the shape"),
        ({"prediction": [1, float("nan")]}, "prediction is nan in row 1"),
    ],
)
def test_wrong_input_says_what_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_forecast([1, 2], **{"prediction": [1, 2], **given})


def test_a_history_may_be_of_pandas_whatever_its_index() -> None:
    truth, said, past = [10.0, 12.0], [11.0, 10.0], [1.0, 3.0, 2.0, 6.0]
    expected = evaluate_forecast(truth, said, history=past, resamples=0)
    days = pd.Series(past, index=pd.date_range("2024-01-01", periods=4))
    for history in (
        days,
        pd.Series(past, index=range(7, 11)),
        [days],
        pd.DataFrame([past]),
        np.array([past]),
        pl.Series(past),
    ):
        found = evaluate_forecast(pd.Series(truth, index=[5, 6]), said, history=history, resamples=0)
        assert found.metrics == expected.metrics and found.pictures == expected.pictures
    both = evaluate_forecast(
        [truth, truth], [said, said], history=pd.Series([days, days], index=["a", "b"]), resamples=0
    )
    assert both.metrics == pytest.approx(expected.metrics)


def test_a_history_that_is_empty_is_told() -> None:
    for history in ([], pd.Series([], dtype=float)):
        with pytest.raises(ValueError, match="history"):
            evaluate_forecast([1.0], [2.0], history=history)
