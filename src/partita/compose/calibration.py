"""Probabilities that hold: of the rows that are given 0.8, 80 in 100 are so.

A calibration is fitted on probabilities of rows that were not fitted on: on out-of-fold predictions, and where these are looked
at afterwards, cross-fitted: those of a fold by what was fitted on the other folds. It works on the log-odds of each class, so
that probabilities which hold already stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, softmax
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from partita.compose.folds import by_fold

__all__ = ["Calibration", "calibrated", "calibration_of", "cross_calibrated", "need_calibration"]

Array = NDArray[np.float64]

_METHODS = ("sigmoid", "isotonic", "temperature")
_LEAST_PROBABILITY = 1e-15
#: The logarithm of a temperature lies within this from 0.
_FARTHEST = 10.0
_ROUNDS, _SMALLEST_STEP = 100, 1e-12


def calibrated(member: Any, method: str = "temperature", *, cv: Any = 5) -> CalibratedClassifierCV:
    """A member whose probabilities are calibrated on folds within the rows that it is fitted on.

    Args:
        member: a classifier, with `decision_function` or `predict_proba`.
        method: "sigmoid" (Platt, 1999), "isotonic" (Zadrozny and Elkan, 2002; for a thousand rows and more) or
            "temperature" (Guo et al., 2017; one number for all classes, which keeps the order of classes).
        cv: number of inner folds, or a splitter. Inner folds know of no groups: where rows come in groups, use `calibrate=` of
            the composition.

    Raises:
        ValueError: it is no classifier, or the method is none of these.
    """
    if not is_classifier(member):
        raise ValueError(f"only classifiers are calibrated, and this is {member!r}")
    need_calibration(method, "classifier")
    return CalibratedClassifierCV(member, method=method, cv=cv)


def need_calibration(method: str | None, kind: str) -> None:
    """
    Raises:
        ValueError: what `calibrate` says is no method, or there are no probabilities to calibrate.
    """
    if method is None:
        return
    if method not in _METHODS:
        raise ValueError(f"calibrate is one of {', '.join(_METHODS)}, or None, and not {method!r}")
    if kind != "classifier":
        raise ValueError("only a composition of classifiers is calibrated; leave calibrate out")


@dataclass(frozen=True)
class Calibration:
    """What calibrates probabilities."""

    method: str  # "sigmoid", "isotonic" or "temperature"
    # temperature: one number, which log-probabilities are multiplied by; sigmoid: (slope, offset) of each class; isotonic:
    # (inputs, outputs) of the steps of each class; of two classes only that of the second
    curves: tuple[Any, ...]

    def __call__(self, probabilities: Array) -> Array:
        """(rows, classes), as they came in; each row sums to 1."""
        if self.method == "temperature":
            return np.asarray(softmax(self.curves[0] * np.log(np.maximum(probabilities, _LEAST_PROBABILITY)), axis=1))
        columns = probabilities[:, 1:] if len(self.curves) == 1 else probabilities
        bent = np.column_stack(
            [
                expit(curve[0] * _log_odds(column) + curve[1])
                if self.method == "sigmoid"
                else np.interp(column, *curve)
                for curve, column in zip(self.curves, columns.T, strict=True)
            ]
        )
        if len(self.curves) == 1:
            return np.column_stack([1.0 - bent, bent])
        total = bent.sum(axis=1, keepdims=True)
        return np.where(total > 0.0, bent / np.where(total > 0.0, total, 1.0), 1.0 / bent.shape[1])


def calibration_of(method: str, probabilities: Array, at: NDArray[np.int64], shares: Array) -> Calibration:
    """What calibrates these probabilities.

    Args:
        probabilities: (rows, classes).
        at: (rows,): the number of the class that is true.
        shares: (rows,): how much each row counts.
    """
    if method == "temperature":
        return Calibration(method, (_temperature(probabilities, at, shares),))
    classes = probabilities.shape[1]
    numbers = [1] if classes == 2 else range(classes)
    curve = _sigmoid if method == "sigmoid" else _isotonic
    return Calibration(method, tuple(curve(probabilities[:, number], at == number, shares) for number in numbers))


def cross_calibrated(
    method: str | None, predictions: Array, at: NDArray[np.int64], fold: NDArray[np.int64], shares: Array
) -> tuple[Array, list[Calibration]]:
    """Out-of-fold probabilities, each calibrated by those of other folds; and the calibrations by all folds.

    Args:
        method: None: predictions come back as they are, without calibrations.
        predictions: (members, rows, classes).
        fold: (rows,): in which fold a row was left out; -1: in none.
    """
    if method is None:
        return predictions, []
    found = np.full_like(predictions, np.nan)
    seen = fold >= 0
    for here, others in by_fold(fold, shares):
        for member, told in enumerate(predictions):
            found[member, here] = calibration_of(method, told[others], at[others], shares[others])(told[here])
    return found, [calibration_of(method, told[seen], at[seen], shares[seen]) for told in predictions]


def _log_odds(probabilities: Array) -> Array:
    return np.asarray(logit(np.clip(probabilities, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)))


def _temperature(probabilities: Array, at: NDArray[np.int64], shares: Array) -> float:
    """The number by which log-probabilities are multiplied for the least log loss: 1 over the temperature."""
    logs = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    right = logs[np.arange(len(at)), at]

    def loss(power: float) -> float:
        steep = float(np.exp(power))
        raised = steep * logs
        top = raised.max(axis=1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(raised - top).sum(axis=1))
        return float(shares @ (total - steep * right))

    found = minimize_scalar(loss, bounds=(-_FARTHEST, _FARTHEST), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def _sigmoid(column: Array, is_true: NDArray[np.bool_], shares: Array) -> tuple[float, float]:
    """(slope, offset) of the log-odds, by log loss; Platt's targets keep both finite where classes are far apart."""
    odds = _log_odds(column)
    size = np.count_nonzero(shares) / shares.sum()
    yes, no = float(shares[is_true].sum() * size), float(shares[~is_true].sum() * size)
    wanted = np.where(is_true, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0))

    inputs = np.column_stack([odds, np.ones_like(odds)])

    def loss(line: Array) -> float:
        told = inputs @ line
        return float(shares @ (np.logaddexp(0.0, told) - wanted * told))

    line = np.array([1.0, 0.0])
    here = loss(line)
    for _ in range(_ROUNDS):  # Newton's steps, halved until they gain
        given = expit(inputs @ line)
        slopes = inputs.T @ (shares * (given - wanted))
        curvature = (inputs * (shares * given * (1.0 - given))[:, None]).T @ inputs
        way = np.linalg.lstsq(curvature + 1e-12 * np.trace(curvature) * np.eye(2), slopes, rcond=None)[0]
        step = 1.0
        while loss(line - step * way) > here and step > _SMALLEST_STEP:
            step /= 2.0
        new = loss(line - step * way)
        if not here - new > 1e-14 * abs(here):
            break
        line, here = line - step * way, new
    return float(line[0]), float(line[1])


def _isotonic(column: Array, is_true: NDArray[np.bool_], shares: Array) -> tuple[Array, Array]:
    """(inputs, outputs) of the steps; what lies outside takes the nearest one."""
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    curve.fit(column, is_true.astype(np.float64), sample_weight=shares)
    return np.asarray(curve.X_thresholds_), np.asarray(curve.y_thresholds_)
