"""Bootstrap intervals and slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import pytest
from scipy.stats import bootstrap

from partita.models.evaluation import bootstrap_interval, evaluate_classification, evaluate_regression
from partita.models.evaluation.measures import Means, MetricOfRows
from partita.models.evaluation.resampling import Resampling, intervals_of
from partita.models.evaluation.slices import slice_masks

SKEWED = np.random.default_rng(3).lognormal(size=60)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_intervals_are_those_of_scipy(method: str) -> None:
    ours = bootstrap_interval(np.mean, SKEWED, resamples=2000, interval=method.lower(), seed=2)
    theirs = bootstrap(
        (SKEWED,), np.mean, n_resamples=2000, method=method, rng=np.random.default_rng(2), vectorized=True
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high))


def test_bca_is_not_the_percentile_interval_where_the_values_are_skewed() -> None:
    plain = bootstrap_interval(np.mean, SKEWED, resamples=4000)
    corrected = bootstrap_interval(np.mean, SKEWED, resamples=4000, interval="bca")
    assert corrected[0] > plain[0] and corrected[1] > plain[1]


def test_one_seed_gives_one_interval() -> None:
    first, again, other = (bootstrap_interval(np.mean, SKEWED, seed=seed) for seed in (7, 7, 8))
    assert first == again != other


def test_rows_that_are_alike_in_groups_widen_the_interval() -> None:
    draw = np.random.default_rng(0)
    people = np.repeat(np.arange(20), 30)
    values = draw.normal(size=20)[people] + draw.normal(scale=0.1, size=600)
    single = bootstrap_interval(np.mean, values)
    grouped = bootstrap_interval(np.mean, values, groups=people)
    assert grouped[1] - grouped[0] > 4 * (single[1] - single[0])


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        measure = Means(("mean",), draw.normal(size=(80, 1)))
        low, high = intervals_of(measure, Resampling(300, 0.9))["mean"]
        held += low <= 0 <= high
    assert 165 <= held <= 196


def test_many_units_are_left_out_in_blocks_and_give_the_same_correction() -> None:
    values = np.random.default_rng(1).lognormal(size=900)
    ours = bootstrap_interval(np.mean, values, resamples=2000, interval="bca", seed=2)
    theirs = bootstrap(
        (values,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_any_metric_of_rows_counts_a_row_as_often_as_it_was_drawn() -> None:
    measure = MetricOfRows("sum", np.sum, (np.array([1.0, 10.0, 100.0]),))
    assert measure.values(np.array([2.0, 0.0, 1.0])) == 102.0


def test_a_metric_that_mostly_has_no_value_has_no_interval() -> None:
    values = np.array([1.0] + [np.nan] * 9)
    assert np.isnan(bootstrap_interval(lambda x: np.nan if np.isnan(x).all() else 1.0, values)).all()


# Slices


def test_a_slice_has_the_metrics_of_its_rows_and_the_gap_to_all() -> None:
    truth, prediction = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 1, 1, 1, 0, 0])
    site = pandas.Series(["n", "n", "s", "s", "s", None])
    found = evaluate_classification(truth, prediction, slices={"site": site, "first": np.arange(6) < 2}, resamples=50)
    rows = {row["slice"]: row for row in found.slices if row["metric"] == "accuracy"}
    assert list(rows) == ["site=n", "site=s", "site is missing", "first", "not first"]
    assert [rows[name]["rows"] for name in rows] == [2, 3, 1, 2, 4]
    assert rows["site=n"]["value"] == 0.5 and rows["site=n"]["gap"] == pytest.approx(0.5 - 4 / 6)
    assert rows["site is missing"]["low"] is None
    assert all(row["is_small"] for row in found.slices)
    assert "slices of fewer than 30 rows are marked: their metrics say little" in found.notes
    assert "site=s (few rows)" in found.markdown() and "slices" in found.pictures


def test_numbers_are_cut_at_their_quartiles_and_a_table_serves() -> None:
    draw = np.random.default_rng(0)
    table = pandas.DataFrame({"age": draw.uniform(20, 80, 400), "sex": draw.choice(["f", "m"], 400)})
    found = evaluate_regression(np.zeros(400), draw.normal(size=400), slices=table, resamples=0)
    names = list(dict.fromkeys(row["slice"] for row in found.slices))
    assert len(names) == 6 and names[0].startswith("age <= ") and names[3].startswith("age > ")
    assert [row["rows"] for row in found.slices if row["metric"] == "mae"][:4] == [100] * 4
    assert not any(row["is_small"] for row in found.slices)


def test_wrong_slices_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="'a' has 2 rows, and there are 3"):
        evaluate_regression([1, 2, 3], [1, 2, 3], slices={"a": [1, 2]})
    with pytest.raises(ValueError, match="a map of a name"):
        evaluate_regression([1, 2, 3], [1, 2, 3], slices=[True, False, True])
    with pytest.raises(ValueError, match="300 different values"):
        evaluate_regression([1.0] * 300, [2.0] * 300, slices={"id": [f"n{n}" for n in range(300)]})


@pytest.mark.parametrize(
    "site",
    [
        pandas.Series(["n", None, "s"], dtype="string"), pandas.Series(["n", pandas.NA, "s"], dtype="object"), np.array(["n", None, "s"]),
        pandas.Series(["n", None, "s"]), pandas.Series(["n", None, "s"], dtype="category"),
    ],
)  # fmt: skip
def test_a_slice_column_may_lack_values_however_they_are_written(site: Any) -> None:
    found = {name: rows.tolist() for name, rows in slice_masks({"site": site}, 3)}
    assert found == {
        "site=n": [True, False, False],
        "site=s": [False, False, True],
        "site is missing": [False, True, False],
    }


def test_a_slice_column_of_dates_may_lack_one() -> None:
    days = pandas.Series(pandas.to_datetime(["2024-01-02", None, "2024-01-02"]))
    (first, rows), (gap, missing) = slice_masks({"day": days}, 3)
    assert first.startswith("day=2024-01-02") and rows.tolist() == [True, False, True]
    assert gap == "day is missing" and missing.tolist() == [False, True, False]


def test_a_label_that_is_missing_is_told_however_it_is_written() -> None:
    with pytest.raises(ValueError, match="truth has no label in row 1"):
        evaluate_classification(pandas.Series(["a", None, "b"], dtype="string"), ["a", "b", "b"], resamples=0)
