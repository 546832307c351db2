"""Evaluations of regressors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from partita.models.evaluation import evaluate_regression

DRAW = np.random.default_rng(0)
TRUTH = DRAW.uniform(1, 5, 300)
PREDICTION = TRUTH + DRAW.normal(0.2, 0.5, 300)


def test_every_metric_is_that_of_scikit_learn() -> None:
    found = evaluate_regression(TRUTH, PREDICTION)
    assert found.metrics == pytest.approx({
        "mae": metrics.mean_absolute_error(TRUTH, PREDICTION),
        "rmse": metrics.root_mean_squared_error(TRUTH, PREDICTION),
        "r2": metrics.r2_score(TRUTH, PREDICTION),
        "bias": float((PREDICTION - TRUTH).mean()),
        "mape": metrics.mean_absolute_percentage_error(TRUTH, PREDICTION),
        "median_absolute_error": metrics.median_absolute_error(TRUTH, PREDICTION),
        "largest_error": metrics.max_error(TRUTH, PREDICTION),
    })  # fmt: skip
    assert found.intervals["mae"][0] < found.metrics["mae"] < found.intervals["mae"][1]
    assert set(found.pictures) == {"predicted", "residuals", "errors"}


def test_quarters_of_the_truth_hold_all_rows() -> None:
    table = evaluate_regression(TRUTH, PREDICTION, resamples=0).table
    assert len(table) == 4 and sum(row["rows"] for row in table) == 300


def test_shares_have_no_value_where_the_truth_is_zero_and_r2_none_where_it_never_changes() -> None:
    found = evaluate_regression([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])
    assert "mape" not in found.metrics and "mape: no value, since truth is 0 in 3 rows" in found.notes
    assert "r2" not in found.metrics and "r2: no value for these rows" in found.notes
    assert found.metrics["mae"] == 2.0 and found.table == []


def test_wrong_input_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="prediction is inf in row 1 and in 1 others"):
        evaluate_regression([1, 2, 3], [1, np.inf, np.nan])
    with pytest.raises(ValueError, match="truth is to be numbers"):
        evaluate_regression(["a", "b"], [1, 2])
    with pytest.raises(ValueError, match="truth has 2, prediction has 3"):
        evaluate_regression([1, 2], [1, 2, 3])
