"""Weights of blends against closed forms, brute force and another solver."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from partita.compose.weights import Fitted, log_loss_weights, squared_loss_weights, two_model_weight

TRUTH = np.array([1.0, 2.0, 3.0, 4.0])
FIRST = np.array([1.1, 1.9, 3.2, 3.7])
SECOND = np.array([0.8, 2.3, 2.9, 4.4])


def test_the_known_answer_for_two_models() -> None:
    fitted = squared_loss_weights(TRUTH, np.array([FIRST, SECOND]))
    assert fitted.weights == pytest.approx([49 / 83, 34 / 83], abs=1e-12)
    assert fitted.loss == pytest.approx(89 / 33200, abs=1e-15)
    assert two_model_weight(TRUTH, FIRST, SECOND) == pytest.approx(49 / 83, abs=1e-15)


@pytest.mark.parametrize(("share", "loss"), [(2 / 3, 7 / 1800), (1 / 2, 7 / 1600), (1 / 3, 59 / 3600)])
def test_other_weights_lose_as_is_known(share: float, loss: float) -> None:
    mixed = share * FIRST + (1 - share) * SECOND
    assert np.mean((TRUTH - mixed) ** 2) == pytest.approx(loss, abs=1e-15)
    assert loss > squared_loss_weights(TRUTH, np.array([FIRST, SECOND])).loss


def test_a_formula_that_is_often_quoted_prefers_the_worse_model() -> None:
    """alpha = L1 / (L1 + L2) lies always on the wrong side of a half; L2 / (L1 + L2) is right where errors are not correlated."""
    draw = np.random.default_rng(3)
    for _ in range(200):
        truth = draw.normal(size=30)
        first, second = (truth + draw.normal(scale=draw.uniform(0.1, 2), size=30) for _ in range(2))
        first_loss, second_loss = (float(np.mean((truth - each) ** 2)) for each in (first, second))
        quoted = first_loss / (first_loss + second_loss)
        best = two_model_weight(truth, first, second)
        assert (best > 0.5) == (first_loss < second_loss)
        assert (quoted > 0.5) == (first_loss > second_loss)


def test_models_that_predict_the_same_share_alike_or_not_at_all_and_lose_nothing() -> None:
    fitted = squared_loss_weights(TRUTH, np.array([FIRST, FIRST, SECOND]))
    assert fitted.loss == pytest.approx(89 / 33200, abs=1e-14)
    assert fitted.weights[:2].sum() == pytest.approx(49 / 83, abs=1e-9)
    assert two_model_weight(TRUTH, FIRST, FIRST) == 0.5


def least(predictions: np.ndarray[Any, Any], truth: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> float:
    """By a general solver from several starts."""
    count = len(predictions)

    def loss(weights: np.ndarray[Any, Any]) -> float:
        return float(rows @ (truth - weights @ predictions) ** 2)

    best = np.inf
    for start in [np.full(count, 1 / count), *np.eye(count)]:
        found = minimize(
            loss, start, method="SLSQP", bounds=[(0, 1)] * count,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-15, "maxiter": 500},
        )  # fmt: skip
        # It keeps to the sum only to some 1e-9, on some processors, and what lies outside loses less than anything may.
        inside = np.maximum(found.x, 0.0)
        best = min(best, loss(inside / inside.sum()))
    return best


@given(seed=st.integers(0, 10_000), members=st.integers(1, 7), count=st.integers(1, 40), weighted=st.booleans())
@settings(max_examples=80, deadline=None)
def test_squared_loss_is_no_more_than_any_other_solver_finds(
    seed: int, members: int, count: int, weighted: bool
) -> None:
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=count)
    common = draw.normal(size=count)
    predictions = truth + draw.normal(size=(members, count)) * draw.uniform(0, 2, size=(members, 1)) + common
    rows = draw.uniform(0.1, 2, size=count) if weighted else None
    fitted = squared_loss_weights(truth, predictions, rows)
    check(fitted)
    shares = np.full(count, 1 / count) if rows is None else rows / rows.sum()
    assert fitted.loss == pytest.approx(
        float(shares @ (truth - fitted.weights @ predictions) ** 2), rel=1e-9, abs=1e-12
    )
    assert fitted.loss <= least(predictions, truth, shares) + 1e-9 * (1 + fitted.loss)
    assert fitted.gap <= 1e-9 * (1 + fitted.loss)


def check(fitted: Fitted) -> None:
    assert np.all(fitted.weights >= 0)
    assert fitted.weights.sum() == pytest.approx(1, abs=1e-12)


@given(seed=st.integers(0, 10_000), members=st.integers(1, 6), count=st.integers(2, 60))
@example(seed=2103, members=2, count=51)  # near the least, what a step gains is less than the rounding of the loss
@settings(max_examples=80, deadline=None)
def test_log_loss_is_within_its_tolerance(seed: int, members: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    right = draw.beta(2, 1, size=(members, count))
    fitted = log_loss_weights(right, tolerance=1e-9)
    check(fitted)
    assert fitted.gap <= 1e-9
    for other in draw.dirichlet(np.ones(members), size=50):
        assert fitted.loss <= -float(np.mean(np.log(other @ right))) + 1e-9


def test_a_member_that_is_certainly_wrong_once_is_not_the_end_of_all() -> None:
    fitted = log_loss_weights(np.array([[0.9, 0.9, 0.0], [0.6, 0.6, 0.6]]))
    check(fitted)
    assert 0 < fitted.weights[1] < 1
    assert np.isfinite(fitted.loss)


def test_few_rows_draw_the_weights_together() -> None:
    predictions = np.array([FIRST, SECOND])
    free = squared_loss_weights(TRUTH, predictions).weights
    drawn = [squared_loss_weights(TRUTH, predictions, draw=draw).weights for draw in (0.1, 1.0, 100.0)]
    away = [abs(weights[0] - 0.5) for weights in [free, *drawn]]
    assert away == sorted(away, reverse=True)
    assert drawn[-1] == pytest.approx([0.5, 0.5], abs=0.01)
    right = np.array([[0.9, 0.8, 0.7], [0.5, 0.6, 0.4]])
    assert log_loss_weights(right).weights == pytest.approx([1, 0], abs=1e-6)
    assert log_loss_weights(right, draw=100.0).weights == pytest.approx([0.5, 0.5], abs=0.01)


def test_several_outputs_count_together() -> None:
    truth = np.column_stack([TRUTH, TRUTH[::-1]])
    predictions = np.array([np.column_stack([FIRST, FIRST[::-1]]), np.column_stack([SECOND, SECOND[::-1]])])
    assert squared_loss_weights(truth, predictions).weights == pytest.approx([49 / 83, 34 / 83], abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "predictions", "rows", "told"),
    [
        (TRUTH, np.array([FIRST[:3]]), None, "predictions of"),
        (TRUTH, np.zeros((0, 4)), None, "predictions of"),
        (TRUTH, np.array([FIRST, [1, 2, np.nan, 4]]), None, "no finite number"),
        (TRUTH, np.array([FIRST]), np.array([1.0, 1.0, -1.0, 1.0]), "none below 0"),
        (TRUTH, np.array([FIRST]), np.zeros(4), "not all 0"),
        (TRUTH, np.array([FIRST]), np.ones(3), "weights of 4 rows"),
    ],
)
def test_what_cannot_be_fitted_is_told(truth: Any, predictions: Any, rows: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        squared_loss_weights(truth, predictions, rows)


@pytest.mark.parametrize(
    ("probabilities", "told"),
    [
        (np.zeros(3), "are \\(members, rows\\)"),
        (np.array([[0.5, 1.5]]), "from 0 to 1"),
        (np.array([[np.nan]]), "from 0 to 1"),
    ],
)
def test_what_is_no_probability_is_told(probabilities: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        log_loss_weights(probabilities)
