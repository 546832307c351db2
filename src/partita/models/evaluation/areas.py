"""A test between two areas under the ROC curve of the same rows, after DeLong."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

from partita.flow.task import task
from partita.models.evaluation.inputs import labels_of, numbers_of, same_length
from partita.models.evaluation.measures import Array
from partita.models.evaluation.record import Comparison

__all__ = ["auc_covariance", "compare_auc", "delong_test"]

#: A variance below this is rounding: areas lie between 0 and 1.
_NO_VARIANCE = 1e-18


def auc_covariance(truth: Any, *scores: Any, positive: Any = None) -> tuple[Array, Array]:
    """Areas under the ROC curve of several scores of the same rows, and their covariance.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic
    curves: a nonparametric approach", Biometrics 44, 1988; in O(n log n) by mid-ranks, after Sun and Xu, "Fast implementation
    of DeLong's algorithm for comparing the areas under correlated receiver operating characteristic curves", IEEE Signal
    Processing Letters 21, 2014. Ties count half.

    Args:
        truth: (rows,): labels of two kinds.
        scores: (rows,) each: the higher, the more probably positive. No two need be on the same scale.
        positive: which label is; default: the last in order, as 1 is of 0 and 1.

    Returns:
        (scores,) the areas, and (scores, scores) the covariance of their estimates.

    Raises:
        ValueError: lengths differ, a score is missing, there are not two kinds of labels, or a kind has less than two rows.
    """
    real = labels_of("truth", truth)
    columns = [numbers_of(f"scores {number}", column) for number, column in enumerate(scores, 1)]
    same_length(truth=real, **{f"scores {number}": column for number, column in enumerate(columns, 1)})
    return _areas(_is_positive(real, positive), columns)


def _is_positive(real: Any, positive: Any) -> Any:
    kinds = np.unique(real)
    if len(kinds) != 2:
        raise ValueError(f"truth has {len(kinds)} kinds of labels, and the area under a curve is of two")
    chosen = kinds[-1] if positive is None else positive
    if chosen not in kinds.tolist():
        raise ValueError(f"positive={positive!r} is none of the labels {kinds.tolist()}")
    found = real == chosen
    fewest = int(min(found.sum(), (~found).sum()))
    if fewest < 2:
        raise ValueError(f"a kind of label has {fewest} row; its scores vary from 2 rows on")
    return found


def _areas(is_positive: Any, columns: list[Array]) -> tuple[Array, Array]:
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    areas, over, under = np.empty(len(columns)), np.empty((len(columns), m)), np.empty((len(columns), n))
    for number, column in enumerate(columns):
        high, low = column[is_positive], column[~is_positive]
        ranks = rankdata(np.concatenate([high, low]))
        over[number] = (ranks[:m] - rankdata(high)) / n  # of each positive row, the share of negative ones below it
        under[number] = 1 - (ranks[m:] - rankdata(low)) / m
        areas[number] = over[number].mean()
    return areas, np.atleast_2d(np.cov(over)) / m + np.atleast_2d(np.cov(under)) / n


def delong_test(truth: Any, first: Any, second: Any, *, positive: Any = None) -> float:
    """How probable areas under two ROC curves of the same rows are to differ so much where they are equal; see `auc_covariance`.

    Args:
        truth: (rows,): labels of two kinds.
        first, second: (rows,): scores, the higher, the more probably positive.
        positive: which label is; default: the last in order.

    Returns:
        The two-sided p-value; 1 where the areas are the same.

    Raises:
        ValueError: as for `auc_covariance`.
    """
    areas, covariance = auc_covariance(truth, first, second, positive=positive)
    return _p_value(areas, covariance)


def _p_value(areas: Array, covariance: Array) -> float:
    difference, variance = float(areas[1] - areas[0]), _variance(covariance)
    if variance <= _NO_VARIANCE:
        return 1.0 if abs(difference) <= _NO_VARIANCE**0.5 else 0.0
    return float(2 * norm.sf(abs(difference) / variance**0.5))


def _variance(covariance: Array) -> float:
    return max(float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), 0.0)


@task(tags=("evaluation", "comparison", "classification", "auc", "roc", "test", "model"))
def compare_auc(truth: Any, first: Any, second: Any, *, positive: Any = None, confidence: float = 0.95) -> Comparison:
    """Tell whether the scores of two models differ in their area under the ROC curve by more than chance: DeLong's test.

    It takes a sort of the scores and no resampling, so that a million rows take seconds. Scores need not be on one scale.

    Args:
        truth: (rows,): labels of two kinds.
        first: (rows,): scores of one of them, such as the probability of the positive label.
        second: (rows,): scores of the other one.
        positive: which label the scores are of; default: the last in order, as 1 is of 0 and 1.
        confidence: of the difference's interval, which is that of the normal distribution with DeLong's variance.

    Returns:
        The comparison; its `counts` are the positive and negative rows.

    Raises:
        ValueError: lengths differ, scores are missing, or there are not two kinds of labels with two rows each.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} is not between 0 and 1")
    areas, covariance = auc_covariance(truth, first, second, positive=positive)
    real = labels_of("truth", truth)
    positives = int(_is_positive(real, positive).sum())
    difference = float(areas[1] - areas[0])
    reach = float(norm.ppf(0.5 + confidence / 2)) * _variance(covariance) ** 0.5
    notes = []
    if reach == 0.0:
        notes.append("both order the rows alike where it counts, so that the test has no variance to go by")
    return Comparison(
        metric="auc", rows=len(real), first=float(areas[0]), second=float(areas[1]), difference=difference,
        interval=[max(difference - reach, -1.0), min(difference + reach, 1.0)], confidence=confidence,
        p_values={"delong": _p_value(areas, covariance)},
        counts={"positive": positives, "negative": len(real) - positives}, notes=notes,
    )  # fmt: skip
