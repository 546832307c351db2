"""What has to hold before a version gets an alias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from partita.errors import OptionError
from partita.models.gates import Candidate, Latency, judge, parse_gate


def candidate(name: str = "churn:2", evaluations: dict[str, Any] | None = None, **fields: Any) -> Candidate:
    metrics = {"accuracy": 0.9, "rmse": 2.0, "latency_p95_s": 0.02}
    return Candidate(name, fields.pop("metrics", metrics), fields.pop("size_bytes", 5000), evaluations or {}, **fields)


def verdict(gate: str, one: Candidate, other: Candidate | None = None) -> tuple[bool, str]:
    found = judge([gate], one, other)[0]
    return found["is_met"], found["told"]


@pytest.mark.parametrize(
    ("gate", "is_met"),
    [
        ("accuracy >= 0.9", True), ("accuracy > 0.9", False), ("accuracy>=0.91", False), ("rmse <= 2", True), ("rmse < 2e0", False),
        ("size <= 5KB", True), ("size <= 4KB", False), ("latency <= 20ms", True), ("latency <= 10ms", False),
    ],
)  # fmt: skip
def test_bounds(gate: str, is_met: bool) -> None:
    assert verdict(gate, candidate())[0] is is_met


def test_what_was_not_measured_is_not_met() -> None:
    assert verdict("f1 >= 0.1", candidate()) == (
        False,
        "churn:2 has no metric f1; it has accuracy, rmse, latency_p95_s",
    )
    assert "measure_latency" in verdict("latency <= 1s", candidate(metrics={}))[1]
    assert "evaluate it with slices" in verdict("gap accuracy <= 0.1", candidate())[1]


def losses(mean: float, rows: int = 400) -> dict[str, Any]:
    """Losses of rows, most of which both versions share."""
    shared = np.random.default_rng(1).normal(size=rows)
    own = np.random.default_rng(2).normal(size=rows) * 0.1
    return {"test": {"metrics": {"accuracy": 0.9}, "losses": shared + own + mean}}


def test_no_worse_row_by_row_sees_what_the_numbers_alone_hide() -> None:
    champion = candidate("churn:1", losses(0.0))
    is_met, told = verdict("accuracy no worse", candidate(evaluations=losses(0.0)), champion)
    assert is_met and "(0 to 0;" in told
    assert verdict("accuracy no worse", candidate(evaluations=losses(-0.2)), champion)[0]
    is_met, told = verdict("accuracy no worse", candidate(evaluations=losses(0.05)), champion)
    assert not is_met and told.startswith("it is worse than churn:1 by 0.05") and "400 rows of test" in told


def test_a_difference_within_chance_is_no_reason_to_refuse() -> None:
    noise = np.random.default_rng(3).normal(size=50)
    one, other = {"test": {"losses": noise + 0.05}}, {"test": {"losses": np.random.default_rng(4).normal(size=50)}}
    assert verdict("accuracy no worse", candidate(evaluations=one), candidate("churn:1", other))[0]


@pytest.mark.parametrize("rows", [1, 40, 200_000])
def test_a_row_without_a_loss_is_not_left_out(rows: int) -> None:
    one, other = np.zeros(rows), np.ones(rows)
    better = candidate(evaluations={"test": {"losses": one.copy()}}), candidate("churn:1", {"test": {"losses": other}})
    assert verdict("accuracy no worse", *better)[0]
    for lost in (np.nan, np.inf):
        one[0] = lost
        assert not verdict("accuracy no worse", candidate(evaluations={"test": {"losses": one}}), better[1])[0]


def test_many_rows_are_judged_without_drawing_them_again() -> None:
    rows = 200_000
    one, other = {"test": {"losses": np.full(rows, 0.5)}}, {"test": {"losses": np.full(rows, 0.4)}}
    assert not verdict("accuracy no worse", candidate(evaluations=one), candidate("churn:1", other))[0]


@pytest.mark.parametrize(("value", "is_met"), [(0.9, True), (0.86, True), (0.7, False)])
def test_no_worse_by_intervals(value: float, is_met: bool) -> None:
    def found(accuracy: float) -> dict[str, Any]:
        return {
            "test": {"metrics": {"accuracy": accuracy}, "intervals": {"accuracy": [accuracy - 0.05, accuracy + 0.05]}}
        }

    one, other = candidate(evaluations=found(value)), candidate("churn:1", found(0.9))
    met, told = verdict("accuracy no worse", one, other)
    assert met is is_met and "the intervals of both on test" in told


def test_no_worse_by_the_numbers_alone() -> None:
    one = candidate(metrics={"rmse": 3.0, "accuracy": 0.9})
    assert verdict("rmse no worse", one, candidate("churn:1"))[0] is False
    assert verdict("accuracy no worse", one, candidate("churn:1"))[0] is True
    assert verdict("rmse no worse", candidate(metrics={"rmse": 1.0}), candidate("churn:1"))[0] is True


@pytest.mark.parametrize("metric", ["mase", "rmsse", "rmsle", "pinball_0.9", "width_0.9"])
def test_no_worse_of_a_forecast_lets_the_better_one_through(metric: str) -> None:
    low, high = candidate(metrics={metric: 0.8}), candidate("churn:1", metrics={metric: 1.2})
    assert verdict(f"{metric} no worse", low, high)[0]
    assert not verdict(f"{metric} no worse", high, low)[0]


def test_no_worse_of_a_bias_is_by_its_distance_from_none() -> None:
    def found(bias: float, name: str = "churn:2") -> Candidate:
        told = {"test": {"metrics": {"bias": bias}, "intervals": {"bias": [bias - 0.1, bias + 0.1]}}}
        return candidate(name, told, metrics={"bias": bias})

    assert verdict("bias no worse", found(0.5), found(-2.0, "churn:1"))[0]
    assert not verdict("bias no worse", found(-2.0), found(0.5, "churn:1"))[0]
    gap = [{"slice": "old", "metric": "bias", "value": -0.1, "gap": -1.0, "is_small": False}]
    assert verdict("gap bias <= 0.05", candidate(evaluations={"test": {"slices": gap}}))[0]  # all rows are further off


def test_a_gap_of_a_forecast_is_where_it_is_larger() -> None:
    rows = [{"slice": "old", "metric": "mase", "value": 1.5, "gap": 0.5, "is_small": False}]
    assert not verdict("gap mase <= 0.1", candidate(evaluations={"test": {"slices": rows}}))[0]


def test_the_first_champion_is_no_worse_than_nobody() -> None:
    assert verdict("accuracy no worse", candidate()) == (True, "nothing has the alias yet")


def test_the_slice_furthest_behind_counts_unless_it_is_small() -> None:
    rows = [
        {"slice": "young", "metric": "accuracy", "gap": -0.08, "is_small": False},
        {"slice": "few", "metric": "accuracy", "gap": -0.5, "is_small": True},
        {"slice": "old", "metric": "accuracy", "gap": 0.2, "is_small": False},
        {"slice": "old", "metric": "f1", "gap": -0.9, "is_small": False},
    ]
    one = candidate(evaluations={"test": {"slices": rows}})
    assert verdict("gap accuracy <= 0.1", one) == (True, "the slice furthest behind is young (test), by 0.08")
    assert verdict("gap(accuracy) <= 0.05", one)[0] is False


def test_an_approval_is_a_persons() -> None:
    approved = candidate(approval={"by": "ann", "comment": "looks right"})
    assert verdict("approved", candidate()) == (False, "nobody has approved it")
    assert verdict("approved", approved) == (True, "approved by ann: looks right")
    assert verdict("approved by ben, ann", approved)[0]
    assert verdict("approved by ben", approved) == (False, "ann may not say: looks right")


@pytest.mark.parametrize(
    "text",
    ["accuracy >= 0.9", "rmse < 3", "accuracy no worse", "latency <= 50ms", "size <= 100MB", "size <= 1500B",
     "gap accuracy <= 0.05", "approved", "approved by ann, ben", "accuracy >= 0.9999996", "loss < 1e-07",
     "gap accuracy <= 0.01234567", "latency <= 50.1234567ms", "latency <= 1234567.5ms"],
)  # fmt: skip
def test_a_gate_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_gate(text)) == text


@pytest.mark.parametrize("limit_s", [0.05, 1 / 3, 1e-9, 1234567.891, 1e30])
def test_a_latency_is_read_as_it_was_given(limit_s: float) -> None:
    assert parse_gate(str(Latency(limit_s))) == Latency(limit_s)


def test_what_just_fails_is_told_so_that_one_sees_it() -> None:
    found = verdict("accuracy >= 0.9999996", candidate(metrics={"accuracy": 0.9999995}))
    assert found == (False, "accuracy is 0.9999995")


@pytest.mark.parametrize("text", ["", "accuracy", "accuracy = 3", "good", "latency <= soon", "accuracy >= much"])
def test_what_says_no_gate_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_gate(text)
