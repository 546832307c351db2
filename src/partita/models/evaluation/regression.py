"""Evaluating regressors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from partita.drawing.charts import bar_chart, dot_chart
from partita.flow.task import task
from partita.models.evaluation.assembling import assembled
from partita.models.evaluation.inputs import numbers_of, same_length
from partita.models.evaluation.measures import Array, Rows
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling

__all__ = ["Regressed", "evaluate_regression"]


@dataclass(frozen=True)
class Regressed:
    """Rows with a true and a predicted number."""

    truth: Array
    predicted: Array
    has_shares: bool  # whether errors can be told as shares of the truth, which then is nowhere 0

    @property
    def rows(self) -> int:
        return len(self.truth)

    @property
    def names(self) -> tuple[str, ...]:
        return ("mae", "rmse", "r2", "bias", *(("mape",) if self.has_shares else ()))

    def taken(self, rows: Rows) -> Regressed:
        return Regressed(self.truth[rows], self.predicted[rows], self.has_shares)

    def values(self, counts: Array) -> Array:
        total = counts.sum()
        if total <= 0:
            return np.full(len(self.names), np.nan)
        absolute, squares, error, truth, truth_squares, *shares = counts @ self._columns / total
        spread = truth_squares - truth**2
        is_spread = spread > 1e-12 * truth_squares
        found = [absolute, np.sqrt(squares), 1 - squares / spread if is_spread else np.nan, error, *shares]
        return np.array(found, dtype=np.float64)

    @cached_property
    def _columns(self) -> Array:
        """(rows, sums): what is summed up; the truth is centred, so that its spread is no difference of large numbers."""
        errors, centred = self.predicted - self.truth, self.truth - self.truth.mean()
        columns = [np.abs(errors), errors**2, errors, centred, centred**2]
        return np.column_stack(columns + ([np.abs(errors / self.truth)] if self.has_shares else []))


@task(tags=("evaluation", "regression", "metrics", "model"))
def evaluate_regression(
    truth: Any,
    prediction: Any,
    *,
    slices: Any = None,
    groups: Any = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate what a regressor predicted: errors with intervals, by quarters of the truth, slices, residual pictures.

    Metrics: mae, rmse, r2, bias (mean of prediction less truth), median_absolute_error, largest_error, and mape, a share of the
    truth, where that is nowhere 0.

    Args:
        truth: (rows,): the true numbers.
        prediction: (rows,): the predicted ones.
        slices: name -> boolean mask, or a column whose values are the slices; a table serves as well.
        groups: (rows,): rows of one group, such as a machine's, are resampled together.
        confidence: of the intervals.
        resamples: of the bootstrap; 0: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer is marked as small.

    Raises:
        ValueError: lengths differ, or a number is missing.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    real, said = numbers_of("truth", truth), numbers_of("prediction", prediction)
    same_length(truth=real, prediction=said)
    measure = Regressed(real, said, bool((real != 0).all()))
    errors = said - real
    more = {"median_absolute_error": float(np.median(np.abs(errors))), "largest_error": float(np.abs(errors).max())}
    notes = [] if measure.has_shares else [f"mape: no value, since truth is 0 in {int((real == 0).sum()):,} rows"]
    return assembled(
        "regression", measure, how, slices, more=more, table=_quarters(real, errors),
        pictures=_pictures(real, said), notes=notes,
    )  # fmt: skip


def _quarters(truth: Array, errors: Array) -> list[dict[str, Any]]:
    """Errors where the truth is small, middling and large."""
    edges = np.unique(np.quantile(truth, (0.0, 0.25, 0.5, 0.75, 1.0)))
    if len(edges) < 3:
        return []
    place = np.clip(np.searchsorted(edges, truth, side="left") - 1, 0, len(edges) - 2)
    rows = []
    for quarter in range(len(edges) - 1):
        own = errors[place == quarter]
        if len(own):
            rows.append({
                "truth": f"{edges[quarter]:.4g} to {edges[quarter + 1]:.4g}", "rows": len(own),
                "mae": float(np.abs(own).mean()), "rmse": float(np.sqrt((own**2).mean())), "bias": float(own.mean()),
            })  # fmt: skip
    return rows


def _pictures(truth: Array, predicted: Array) -> dict[str, str]:
    errors = predicted - truth
    ends = (float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max())))
    counts, edges = np.histogram(errors, 30)
    bars = [(float(edges[n]), float(edges[n + 1]), float(count)) for n, count in enumerate(counts)]
    said = (float(predicted.min()), float(predicted.max()))
    pairs = list(zip(truth.tolist(), predicted.tolist(), strict=True))
    residuals = list(zip(predicted.tolist(), errors.tolist(), strict=True))
    return {
        "predicted": dot_chart(
            "Prediction against truth", pairs, x_label="truth", y_label="prediction", guide=[(e, e) for e in ends]
        ),
        "residuals": dot_chart(
            "Residuals",
            residuals,
            x_label="prediction",
            y_label="prediction less truth",
            guide=[(e, 0.0) for e in said],
        ),
        "errors": bar_chart("Errors", bars, x_label="prediction less truth", y_label="rows"),
    }
