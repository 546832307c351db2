"""Tests between two models on the same rows: McNemar's, paired permutations, and Wilcoxon's signed ranks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2, wilcoxon

from partita.flow.task import task
from partita.models.evaluation.inputs import column_of, groups_of, labels_of, numbers_of, same_kind, same_length
from partita.models.evaluation.measures import Array, MetricOfRows
from partita.models.evaluation.record import Comparison
from partita.models.evaluation.resampling import Resampling, intervals_of

__all__ = ["compare_classifiers", "compare_regressors", "mcnemar_test", "permutation_test"]

#: Up to so many units, all ways to swap are counted instead of drawn.
_EXACT_UNITS = 12

Metric = Callable[[NDArray[Any], NDArray[Any]], float]


def mcnemar_test(only_first: int, only_second: int, *, exact: bool = True) -> float:
    """How probable it is that right answers differ so much between two classifiers that are equally often right (McNemar, 1947).

    Args:
        only_first: rows that the first had right and the second had not.
        only_second: the other way round.
        exact: by the binomial distribution; False: by chi-square with Edwards' continuity correction.

    Returns:
        The two-sided p-value; 1 where they are never apart.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"{only_first} and {only_second} are to be numbers of rows")
    apart = only_first + only_second
    if apart == 0:
        return 1.0
    if exact:
        return float(binomtest(only_first, apart, 0.5).pvalue)
    return float(chi2.sf(max(abs(only_first - only_second) - 1, 0) ** 2 / apart, 1))


def permutation_test(
    metric: Metric, truth: Any, first: Any, second: Any, *, groups: Any = None, rounds: int = 9999, seed: int = 0
) -> float:
    """How probable a difference of any metric like that between two models is, where it does not matter which predicted what.

    For each row (or group of rows) the two predictions are swapped or not, at random. Of up to 12 rows or groups all ways are
    counted, so that the p-value is exact.

    Args:
        metric: of (truth, prediction).
        truth, first, second: (rows,) or (rows, ...).
        groups: (rows,): rows of one group are swapped together.
        rounds: how often it is drawn.
        seed: of the draws.

    Returns:
        The two-sided p-value.
    """
    columns = [np.asarray(values) if np.ndim(values) > 1 else column_of(name, values) for name, values in
               (("truth", truth), ("first", first), ("second", second))]  # fmt: skip
    real, one, other = columns
    rows = same_length(truth=real, first=one, second=other)
    unit_of = groups_of(groups, rows)
    unit_of = np.arange(rows) if unit_of is None else unit_of
    shape = (rows,) + (1,) * (one.ndim - 1)

    def apart(is_swapped: NDArray[np.bool_]) -> float:
        swap = is_swapped[unit_of].reshape(shape)
        return float(metric(real, np.where(swap, one, other))) - float(metric(real, np.where(swap, other, one)))

    return _share(apart, int(unit_of.max()) + 1, rounds, seed)


def _share(apart: Callable[[NDArray[np.bool_]], float], units: int, rounds: int, seed: int) -> float:
    """How many ways to swap give a difference as large as none does."""
    least = abs(apart(np.zeros(units, bool)))
    least -= 1e-12 * max(least, 1.0)
    if units <= _EXACT_UNITS:
        ways = [apart(np.array(way)) for way in product([False, True], repeat=units)]
        return float(np.mean(np.abs(ways) >= least))
    if rounds < 1:
        raise ValueError(f"rounds={rounds}: give 1 or more")
    draw = np.random.default_rng(seed)
    hits = sum(abs(apart(draw.random(units) < 0.5)) >= least for _ in range(rounds))
    return (hits + 1) / (rounds + 1)


def _of_means(differences: Array, groups: Any, rounds: int, seed: int) -> float:
    """The permutation test where the metric is a mean of one number a row: signs are swapped, all at once."""
    unit_of = groups_of(groups, len(differences))
    sums = differences if unit_of is None else np.bincount(unit_of, differences)

    def apart(is_swapped: NDArray[np.bool_]) -> float:
        return float(sums.sum() - 2 * sums[is_swapped].sum())

    return _share(apart, len(sums), rounds, seed)


@task(tags=("evaluation", "comparison", "classification", "test", "model"))
def compare_classifiers(
    truth: Any,
    first: Any,
    second: Any,
    *,
    metric: Metric | None = None,
    groups: Any = None,
    rounds: int = 9999,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Tell whether two classifiers differ on the same rows by more than chance: McNemar's test and a paired permutation test.

    Args:
        truth: (rows,): the true labels.
        first: (rows,): what one of them predicted.
        second: (rows,): what the other one predicted.
        metric: of (truth, prediction); default: accuracy. McNemar's test is of accuracy in any case.
        groups: (rows,): rows of one group, such as a patient's, are drawn and swapped together.
        rounds: of the permutation test.
        confidence: of the difference's interval.
        resamples: of the bootstrap; 0: no interval.
        seed: of the draws.

    Raises:
        ValueError: lengths differ, labels are missing, or some are texts and some are not.
    """
    real, one, other = labels_of("truth", truth), labels_of("first", first), labels_of("second", second)
    same_length(truth=real, first=one, second=other)
    same_kind(real, one, other)
    is_one, is_other = one == real, other == real
    counts = {
        "both": int((is_one & is_other).sum()), "only_first": int((is_one & ~is_other).sum()),
        "only_second": int((~is_one & is_other).sum()), "neither": int((~is_one & ~is_other).sum()),
    }  # fmt: skip
    p_values = {
        "mcnemar_exact": mcnemar_test(counts["only_first"], counts["only_second"]),
        "mcnemar_corrected": mcnemar_test(counts["only_first"], counts["only_second"], exact=False),
    }
    notes = ["McNemar's test takes rows for independent, which rows of one group are not"] if groups is not None else []
    if metric is None:
        p_values["permutation"] = _of_means(is_other.astype(float) - is_one.astype(float), groups, rounds, seed)
    else:
        p_values["permutation"] = permutation_test(metric, real, one, other, groups=groups, rounds=rounds, seed=seed)
    name = "accuracy" if metric is None else getattr(metric, "__name__", "metric")
    return _compared(name, metric or _accuracy, (real, one, other), p_values, counts, notes,
                     Resampling(resamples, confidence, groups=groups, seed=seed))  # fmt: skip


@task(tags=("evaluation", "comparison", "regression", "test", "model"))
def compare_regressors(
    truth: Any,
    first: Any,
    second: Any,
    *,
    loss: str = "absolute",
    groups: Any = None,
    rounds: int = 9999,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Tell whether two regressors differ on the same rows by more than chance: a paired permutation test and Wilcoxon's.

    Args:
        truth: (rows,): the true numbers.
        first: (rows,): what one of them predicted.
        second: (rows,): what the other one predicted.
        loss: "absolute" or "squared": of which the means are compared.
        groups: (rows,): rows of one group, such as a machine's, are drawn and swapped together.
        rounds: of the permutation test.
        confidence: of the difference's interval.
        resamples: of the bootstrap; 0: no interval.
        seed: of the draws.

    Raises:
        ValueError: lengths differ, numbers are missing, or there is no such loss.
    """
    if loss not in ("absolute", "squared"):
        raise ValueError(f"loss={loss!r} is neither 'absolute' nor 'squared'")
    real, one, other = numbers_of("truth", truth), numbers_of("first", first), numbers_of("second", second)
    same_length(truth=real, first=one, second=other)
    metric = _mae if loss == "absolute" else _mse
    power = 1 if loss == "absolute" else 2
    differences = np.abs(other - real) ** power - np.abs(one - real) ** power
    p_values = {"permutation": _of_means(differences, groups, rounds, seed)}
    p_values["wilcoxon"] = float(wilcoxon(differences).pvalue) if np.any(differences) else 1.0
    notes = (
        ["Wilcoxon's test takes rows for independent, which rows of one group are not"] if groups is not None else []
    )
    return _compared("mae" if power == 1 else "mse", metric, (real, one, other), p_values, {}, notes,
                     Resampling(resamples, confidence, groups=groups, seed=seed))  # fmt: skip


def _compared(
    name: str, metric: Metric, columns: tuple[NDArray[Any], ...], p_values: dict[str, float], counts: dict[str, int],
    notes: list[str], how: Resampling,
) -> Comparison:  # fmt: skip
    real, one, other = columns

    def apart(truth: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> float:
        return float(metric(truth, second)) - float(metric(truth, first))

    ends = intervals_of(MetricOfRows(name, apart, columns), how).get(name)
    return Comparison(
        metric=name,
        rows=len(real),
        first=float(metric(real, one)),
        second=float(metric(real, other)),
        difference=apart(*columns),
        interval=list(ends) if ends else None,
        confidence=how.confidence,
        p_values=p_values,
        counts=counts,
        notes=notes,
    )


def _accuracy(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    return float((truth == prediction).mean())


def _mae(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    return float(np.abs(truth - prediction).mean())


def _mse(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    return float(((truth - prediction) ** 2).mean())
