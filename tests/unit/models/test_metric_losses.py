"""Which way a metric is better."""

from __future__ import annotations

import numpy as np
import pytest

from partita.models.evaluation import (
    evaluate_classification,
    evaluate_forecast,
    evaluate_ranking,
    evaluate_regression,
    evaluate_retrieval,
    evaluate_sequence_labelling,
)
from partita.models.metric_losses import metric_loss, slice_loss

MORE = {
    "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "precision_weighted", "recall_weighted",
    "f1_weighted", "mcc", "precision", "recall", "f1", "auc", "r2", "ndcg@1", "ndcg@5", "ndcg@10", "ndcg", "mrr", "map",
    "recall@1", "recall@5", "recall@10", "precision@1", "precision@5", "precision@10", "hit_rate@1", "hit_rate@5",
    "hit_rate@10", "token_accuracy",
}  # fmt: skip
LESS = {
    "log_loss", "brier", "calibration_error", "mae", "rmse", "mape", "median_absolute_error", "largest_error", "mase", "rmsse",
    "smape", "pinball_0.9", "pinball_0.1", "width_0.9", "latency_p50_s", "latency_p95_s", "latency_mean_s",
}  # fmt: skip
BEST_AT = {"bias": 0.0, "coverage_0.9": 0.9}


def emitted() -> set[str]:
    """The names of the metrics that the package gives."""
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(4, 6)) + 5
    said, chances = truth + draw.normal(size=(4, 6)), draw.random(24)
    made = [
        evaluate_classification(np.arange(24) % 2, chances > 0.5, probabilities=chances, resamples=0),
        evaluate_regression(truth.ravel(), said.ravel(), resamples=0),
        evaluate_ranking([["a"]], [["b", "a"]], resamples=0),
        evaluate_retrieval([["a"]], [["b", "a"]], resamples=0),
        evaluate_sequence_labelling([["B-PER"]], [["B-PER"]], resamples=0),
        evaluate_forecast(
            truth, said, history=draw.normal(size=(4, 9)), quantiles={0.1: said - 1, 0.9: said + 1},
            ranges={0.9: (said - 1, said + 1)}, resamples=0,
        ),
    ]  # fmt: skip
    return {name for one in made for name in one.metrics} | {"latency_p50_s", "latency_p95_s", "latency_mean_s"}


def test_every_metric_that_the_package_gives_is_known() -> None:
    assert emitted() == MORE | LESS | BEST_AT.keys()


@pytest.mark.parametrize("name", sorted(LESS | {"rmsle", "valid.mase", "Log Loss", "test_mse"}))
def test_less_is_better(name: str) -> None:
    assert metric_loss(name, 1.0) < metric_loss(name, 2.0)
    assert slice_loss(name, 0.1) == 0.1 and slice_loss(name, -0.1, 3.0) == -0.1


@pytest.mark.parametrize("name", sorted(MORE | {"neg_log_loss", "valid.neg_mean_squared_error", "massed", "coverage"}))
def test_more_is_better(name: str) -> None:
    assert metric_loss(name, 2.0) < metric_loss(name, 1.0)
    assert slice_loss(name, 0.1) == -0.1 and slice_loss(name, -0.1, 3.0) == 0.1


@pytest.mark.parametrize("name", sorted(BEST_AT))
def test_nearer_to_its_best_number_is_better(name: str) -> None:
    best = BEST_AT[name]
    assert metric_loss(name, best) == 0 and metric_loss(name, best + 0.05) == pytest.approx(
        metric_loss(name, best - 0.05)
    )
    assert metric_loss(f"valid.{name}", best - 0.2) > metric_loss(f"valid.{name}", best + 0.1)
    assert slice_loss(name, -0.2, best) == pytest.approx(-0.2)  # all rows are 0.2 above it
    assert slice_loss(name, -0.2, best - 0.2) == pytest.approx(0.2) and slice_loss(name, -0.2) == pytest.approx(0.2)
