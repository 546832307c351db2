"""The best weights of a blend: on the simplex (none below 0, their sum 1), fitted on predictions that the members made of rows
which they were not fitted on.

Squared loss is solved exactly, by active sets: within a set of members the weights solve one linear system, members leave where
they would fall below 0 and enter where that lowers the loss, until none does (Wolfe, 1976, for the point of a polytope that is
nearest to another one). Other convex losses are solved by such steps on their second-order model (Newton), and how far the
loss can be above the least is known at the end: it is convex, so that no member's gradient can promise more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fitted", "log_loss_weights", "squared_loss_weights", "two_model_weight"]

Array = NDArray[np.float64]

#: Weights below this are none.
_NONE = 1e-12
#: Probabilities are kept this far from 0, so that one certain error is not the end of all.
_LEAST_PROBABILITY = 1e-15
_ROUNDS = 200
#: A sum of so many terms as data have rows is rounded by about this share.
_ROUNDING = 1e-15


@dataclass(frozen=True)
class Fitted:
    """Weights, and what they are worth."""

    weights: Array  # (members,), none below 0, sum 1
    loss: float  # mean over the rows, without what draws the weights together
    gap: float  # the loss is at most so far above the least that any weights on the simplex have


def two_model_weight(truth: Array, first: Array, second: Array, sample_weight: Array | None = None) -> float:
    """The weight of the first of two models under squared loss, in closed form: clip(sum((y1-y2)(t-y2)) / sum((y1-y2)^2), 0, 1).

    0.5, if both predict the same: any weight serves then.
    """
    apart = first - second
    rows = np.ones_like(apart) if sample_weight is None else sample_weight
    square = float(np.sum(rows * apart * apart))
    if square == 0.0:
        return 0.5
    return float(np.clip(np.sum(rows * apart * (truth - second)) / square, 0.0, 1.0))


def squared_loss_weights(
    truth: Array, predictions: Array, sample_weight: Array | None = None, *, draw: float = 0.0
) -> Fitted:
    """The weights of least squared loss.

    Args:
        truth: (rows,) or (rows, outputs).
        predictions: (members, rows) or (members, rows, outputs).
        sample_weight: (rows,), none below 0.
        draw: how strongly the weights are drawn together: so many rows of which every member errs as much as the mean of
            members does, each in its own direction, are thought of beside the real ones. 0: not at all.

    Raises:
        ValueError: shapes do not fit, there is nothing, or something is not finite.
    """
    errors, rows = _errors(truth, predictions, sample_weight)
    count = len(errors)
    moments = np.einsum("ir,jr,r->ij", errors, errors, rows, optimize=True)
    together = moments + np.eye(count) * (draw * float(np.trace(moments)) / count)
    weights = _nearest(together)
    loss = float(weights @ moments @ weights)
    slopes = 2.0 * together @ weights
    return Fitted(weights, loss, float(max(weights @ slopes - slopes.min(), 0.0)))


def log_loss_weights(
    probabilities: Array, sample_weight: Array | None = None, *, draw: float = 0.0, tolerance: float = 1e-10
) -> Fitted:
    """The weights of least log loss.

    Args:
        probabilities: (members, rows): what each member gives to the class that is true.
        draw: so many rows, as a share of the real ones, are thought of beside them of which each member in turn is the only
            one that is right: that draws the weights together. 0: not at all.
        tolerance: the loss is at most so far above the least.

    Raises:
        ValueError: shapes do not fit, there is nothing, or something is no probability.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or not given.size:
        raise ValueError(f"probabilities are (members, rows), and these are {given.shape}")
    if not np.all((given >= 0.0) & (given <= 1.0 + 1e-9)):
        raise ValueError("a probability is a number from 0 to 1")
    rows = _shares(sample_weight, given.shape[1])
    right = np.maximum(given, _LEAST_PROBABILITY)

    def at(weights: Array) -> tuple[float, Array, Array]:
        mixed = weights @ right
        ratios = right / mixed
        loss = -float(rows @ np.log(mixed))
        slopes = -(ratios @ rows)
        curvature = (ratios * rows) @ ratios.T
        if draw:
            kept = np.maximum(weights, _NONE)
            loss -= draw * float(np.mean(np.log(kept)))
            slopes = slopes - draw / (len(kept) * kept)
            curvature = curvature + np.diag(draw / (len(kept) * kept * kept))
        return loss, slopes, curvature

    weights, gap = _newton(at, np.full(len(right), 1.0 / len(right)), tolerance)
    return Fitted(weights, -float(rows @ np.log(weights @ right)), gap)


def _errors(truth: Array, predictions: Array, sample_weight: Array | None) -> tuple[Array, Array]:
    """(members, rows * outputs) of errors, and the share of each of these."""
    told, given = np.asarray(truth, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if given.ndim < 2 or given.shape[1:] != told.shape or not given.size:
        raise ValueError(f"predictions of {told.shape} are (members, *{told.shape}), and these are {given.shape}")
    errors = (told[None] - given).reshape(len(given), -1)
    if not np.all(np.isfinite(errors)):
        raise ValueError("a prediction, or what is true, is no finite number")
    rows = _shares(sample_weight, len(told))
    outputs = errors.shape[1] // len(told)
    return errors, np.repeat(rows / outputs, outputs)


def _shares(sample_weight: Array | None, count: int) -> Array:
    if sample_weight is None:
        return np.full(count, 1.0 / count)
    rows = np.asarray(sample_weight, dtype=np.float64)
    if rows.shape != (count,) or not np.all(np.isfinite(rows)) or np.any(rows < 0.0) or not rows.sum() > 0.0:
        raise ValueError(f"weights of {count} rows are as many finite numbers, none below 0, not all 0")
    shares: Array = rows / rows.sum()
    return shares


def _nearest(moments: Array) -> Array:
    """The w on the simplex that makes w' M w least, M positive semidefinite: the point of the errors' polytope nearest to 0."""
    return _quadratic(moments, np.zeros(len(moments)))


def _quadratic(matrix: Array, linear: Array) -> Array:
    """The w on the simplex that makes w' A w / 2 + b' w least, by active sets; A positive semidefinite."""
    count = len(matrix)
    scale = max(float(np.abs(np.diag(matrix)).max()), float(np.abs(linear).max()), 1e-300)
    matrix, linear = matrix / scale, linear / scale
    weights = np.zeros(count)
    weights[int(np.argmin(np.diag(matrix) / 2.0 + linear))] = 1.0
    for _ in range(50 * count):
        slopes = matrix @ weights + linear
        active = weights > 0.0
        level = float(slopes @ weights)
        entering = int(np.argmin(np.where(active, np.inf, slopes))) if not active.all() else -1
        if entering < 0 or slopes[entering] >= level - 1e-14 * (1.0 + abs(level)):
            better = _within(matrix, linear, active, weights)
            if better is None or np.abs(better - weights).max() < 1e-15:
                return weights
            weights = better
            continue
        active = active.copy()
        active[entering] = True
        moved = _within(matrix, linear, active, weights)
        if moved is None:
            return weights
        weights = moved
    return weights


def _within(matrix: Array, linear: Array, active: NDArray[np.bool_], weights: Array) -> Array | None:
    """The best weights of these members alone, or as near to them on the way from `weights` as none falls below 0."""
    active = active.copy()
    while True:
        members = np.flatnonzero(active)
        system = np.ones((len(members) + 1, len(members) + 1))
        system[:-1, :-1], system[-1, -1] = matrix[np.ix_(members, members)], 0.0
        target = np.append(-linear[members], 1.0)
        solved = np.linalg.lstsq(system, target, rcond=None)[0][:-1]
        if np.all(solved >= -1e-13):
            found = np.zeros_like(weights)
            found[members] = np.maximum(solved, 0.0)
            found[found < _NONE] = 0.0
            total = float(found.sum())
            return found / total if total > 0.0 else None
        here = weights[members]
        falling = solved < here - 1e-15
        steps = np.where(falling & (solved < 0.0), here / np.where(falling, here - solved, 1.0), np.inf)
        step = float(min(steps.min(), 1.0))
        weights = weights.copy()
        weights[members] = here + step * (solved - here)
        leaving = members[int(np.argmin(steps))]
        weights[leaving] = 0.0
        weights = np.maximum(weights, 0.0)
        weights /= weights.sum()
        active[leaving] = False
        if not active.any():
            return None


def _newton(at: Callable[[Array], tuple[float, Array, Array]], weights: Array, tolerance: float) -> tuple[Array, float]:
    """Weights whose loss is at most `tolerance` above the least, or as near as rounding lets them come; and that gap."""
    loss, slopes, curvature = at(weights)
    for _ in range(_ROUNDS):
        gap = float(max(weights @ slopes - slopes.min(), 0.0))
        if gap <= tolerance:
            return weights, gap
        aim = _quadratic(curvature, slopes - curvature @ weights)
        way = aim - weights
        promised = float(slopes @ way)
        if promised > -1e-16:  # the model promises nothing: go straight to the member that does
            aim = np.zeros_like(weights)
            aim[int(np.argmin(slopes))] = 1.0
            way = aim - weights
            promised = float(slopes @ way)
        step = 1.0
        while True:
            tried = np.maximum(weights + step * way, 0.0)
            tried /= tried.sum()
            new_loss, new_slopes, new_curvature = at(tried)
            if new_loss <= loss + 1e-4 * step * promised or step < 1e-12:
                break
            # Near the least a step gains less than the loss is rounded by: then the gap says whether it is one.
            if new_loss <= loss + _ROUNDING * (1.0 + abs(loss)) and tried @ new_slopes - new_slopes.min() < gap:
                break
            step /= 2.0
        if step < 1e-12 or np.array_equal(tried, weights):
            return weights, gap
        weights, loss, slopes, curvature = tried, new_loss, new_slopes, new_curvature
    return weights, float(max(weights @ slopes - slopes.min(), 0.0))
