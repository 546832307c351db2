"""Whether values are distributed as they were: distances between two samples, and how probable these are without drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = [
    "benjamini_hochberg", "bin_counts", "chi_square_p", "chi_square_statistic", "jensen_shannon_distance", "kl_divergence",
    "ks_test", "population_stability_index", "psi_critical", "total_variation", "wasserstein",
]  # fmt: skip

Array = NDArray[np.float64]

#: Samples up to this size are compared by the exact distribution of the statistic.
_EXACT = 500


def population_stability_index(expected: Sequence[float] | Array, observed: Sequence[float] | Array) -> float:
    """The PSI of two histograms over the same bins: sum((o - e) ln(o / e)) over shares.

    Args:
        expected, observed: (bins,): counts, or shares. A bin that is empty on one side counts as half a row there, where they are
            counts, so that the index is finite.
    """
    e, o = _shares(expected), _shares(observed)
    return float(np.sum((o - e) * np.log(o / e)))


def psi_critical(expected_rows: int, observed_rows: int, bins: int, level: float = 0.05) -> float:
    """The PSI that is exceeded with this probability where there is no drift.

    Without drift PSI / (1/n + 1/m) is about chi-square with bins - 1 degrees of freedom (Yurdakul, 2018). A fixed limit such as
    0.1 is exceeded by chance 80 % of the time at n = m = 100 with 10 bins, and never at 1000.
    """
    if bins < 2:
        return 0.0
    return float((1 / expected_rows + 1 / observed_rows) * stats.chi2.isf(level, bins - 1))


def kl_divergence(p: Sequence[float] | Array, q: Sequence[float] | Array) -> float:
    """The Kullback-Leibler divergence of shares p from q, in nats; infinite where p has what q has not."""
    return float(stats.entropy(np.asarray(p, float), np.asarray(q, float)))


def jensen_shannon_distance(p: Sequence[float] | Array, q: Sequence[float] | Array) -> float:
    """The Jensen-Shannon distance of two histograms: the root of the divergence to base 2; from 0 to 1."""
    one, other = np.asarray(p, float), np.asarray(q, float)
    one, other = one / one.sum(), other / other.sum()
    middle = (one + other) / 2
    divergence = (stats.entropy(one, middle, base=2) + stats.entropy(other, middle, base=2)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def total_variation(p: Sequence[float] | Array, q: Sequence[float] | Array) -> float:
    """What share of the rows would have to be others for the histograms to be the same; from 0 to 1."""
    one, other = np.asarray(p, float), np.asarray(q, float)
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def ks_test(reference: Array, current: Array) -> tuple[float, float]:
    """The two-sample Kolmogorov-Smirnov test: (largest difference of the distributions, p-value)."""
    how = "exact" if max(len(reference), len(current)) <= _EXACT else "asymp"
    found = stats.ks_2samp(reference, current, method=how)
    return float(found.statistic), float(found.pvalue)


def wasserstein(reference: Array, current: Array) -> float:
    """How far a value has to be moved in the mean to make one sample the other, in the values' unit."""
    return float(stats.wasserstein_distance(reference, current))


def chi_square_statistic(expected: Sequence[float] | Array, observed: Sequence[float] | Array) -> tuple[float, float]:
    """Pearson's test of counts against known shares: (statistic, p-value).

    Args:
        expected: (bins,): shares that are known, such as those of a large reference.
        observed: (bins,): counts.
    """
    counts = np.asarray(observed, float)
    shares = np.asarray(expected, float)
    found = stats.chisquare(counts, shares / shares.sum() * counts.sum())
    return float(found.statistic), float(found.pvalue)


def chi_square_p(reference: Sequence[float] | Array, current: Sequence[float] | Array) -> tuple[float, float]:
    """Pearson's test whether two histograms of counts have one distribution: (statistic, p-value).

    Categories of which less than 5 rows are expected on a side are taken together, since the test is wrong for them.
    """
    table = np.array([np.asarray(reference, float), np.asarray(current, float)])
    table = table[:, table.sum(axis=0) > 0]
    least = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = least < 5
    if rare.sum() > 1:
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    if table.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def bin_counts(reference: Array, current: Array, bins: int = 10) -> tuple[Array, Array]:
    """Counts of both samples in bins between quantiles of the reference; values that occur often are bins of their own."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1)
        for sample in (reference, current)
    ]
    kept = (counts[0] + counts[1]) > 0
    return counts[0][kept].astype(float), counts[1][kept].astype(float)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for how many there are (Benjamini and Hochberg, 1995).

    Of those that are at most q, a share of q at most is expected to be by chance.
    """
    if not p_values:
        return []
    return [float(p) for p in stats.false_discovery_control(np.clip(np.asarray(p_values, float), 0.0, 1.0))]


def _shares(values: Sequence[float] | Array) -> Array:
    found = np.asarray(values, float)
    total = found.sum()
    if total <= 0:
        raise ValueError("a histogram without rows has no distribution")
    shares = found / total
    is_empty = shares <= 0
    if is_empty.any():
        shares = np.where(is_empty, 0.5 / max(total, 1.0), shares)
        shares = shares / shares.sum()
    known: Array = shares
    return known
