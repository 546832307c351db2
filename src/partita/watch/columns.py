"""Drift of the columns of a table: an effect that matters and that is no chance, of many columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.watch.drift import (
    benjamini_hochberg,
    bin_counts,
    chi_square_p,
    jensen_shannon_distance,
    ks_test,
    population_stability_index,
    psi_critical,
    total_variation,
    wasserstein,
)

__all__ = ["ColumnDrift", "TableDrift", "column_drifts"]

#: Squares of numbers beyond these are no floats any more, or 0.
_SQUARES = (1e-150, 1e150)
#: Of text with more different values, the most frequent ones are compared, and all others as one.
_MOST_VALUES = 50


@dataclass(frozen=True)
class ColumnDrift:
    """How one column differs from a reference."""

    column: str
    kind: str  # "numbers", "values", or "missing": the share of rows without a value
    test: str  # "ks" or "chi-square"
    statistic: float
    p: float  # how probable such a difference is without drift
    adjusted_p: float  # the same, for as many columns as there are
    effect: float  # numbers: Wasserstein distance in standard deviations of the reference; otherwise: share of rows that changed
    psi: float
    psi_critical: float  # what the PSI exceeds by chance with the level's probability
    distance: float  # Jensen-Shannon, 0 to 1
    rows: tuple[int, int]  # of the reference and now, that have a value
    is_drifted: bool  # significant, and the effect is as large as asked for


@dataclass(frozen=True)
class TableDrift:
    """How a table differs from a reference."""

    columns: list[ColumnDrift]  # the largest effect first
    level: float  # share of false alarms among alarms that is put up with
    least_effect: float
    notes: list[str] = field(default_factory=list)

    @property
    def drifted(self) -> list[str]:
        """Names of the columns that have drifted."""
        return list(dict.fromkeys(item.column for item in self.columns if item.is_drifted))

    def __str__(self) -> str:
        names = self.drifted
        lines = [f"{len(names)} of {len({item.column for item in self.columns})} columns have drifted"]
        for item in self.columns:
            mark = "drifted" if item.is_drifted else ""
            what = item.column + (" (missing)" if item.kind == "missing" else "")
            lines.append(
                f"  {what:<24} effect {item.effect:6.3f}  p {item.adjusted_p:8.2g}  PSI {item.psi:6.3f}  {mark}".rstrip()
            )
        return "\n".join([*lines, *self.notes])


def column_drifts(
    reference: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_]]],
    current: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_]]],
    *,
    level: float = 0.05,
    least_effect: float = 0.1,
    bins: int = 10,
) -> TableDrift:
    """Compare columns by name.

    Args:
        reference, current: name -> the values (rows,), and which are missing (rows,). Numbers are compared by their distribution,
            all else by how often each value occurs. Numbers that are not finite count as missing.
        level: share of false alarms among alarms (Benjamini and Hochberg, 1995).
        least_effect: what is smaller is no drift, however certain: of numbers the distance in standard deviations, otherwise the
            share of rows that changed.
        bins: of numbers, between quantiles of the reference, for PSI and the Jensen-Shannon distance.
    """
    found: list[ColumnDrift] = []
    notes: list[str] = []
    for name in reference:
        if name not in current:
            notes.append(f"{name} is not there any more")
            continue
        (old, no_old), (new, no_new) = (_with_gaps(*side[name]) for side in (reference, current))
        if no_old.any() or no_new.any():
            counts = [np.array([mask.sum(), len(mask) - mask.sum()], float) for mask in (no_old, no_new)]
            found.append(_of_counts(name, "missing", counts[0], counts[1], level))
        old, new = old[~no_old], new[~no_new]
        if not len(old) or not len(new):
            notes.append(f"{name} has no values to compare")
        elif old.dtype.kind in "iuf" and new.dtype.kind in "iuf":
            found.append(_of_numbers(name, old.astype(float), new.astype(float), level, bins))
        else:
            found.append(_of_counts(name, "values", *_value_counts(old, new), level))
    notes += [f"{name} is new" for name in current if name not in reference]
    adjusted = benjamini_hochberg([item.p for item in found])
    judged = [
        # An effect that is no number is not known to be small.
        replace(item, adjusted_p=p, is_drifted=p <= level and not item.effect < least_effect)
        for item, p in zip(found, adjusted, strict=True)
    ]
    return TableDrift(sorted(judged, key=_by_effect), level, least_effect, notes)


def _by_effect(item: ColumnDrift) -> float:
    return -item.effect if item.effect == item.effect else -np.inf


def _with_gaps(values: NDArray[Any], is_missing: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values, and which have none that can be compared: one that is infinite would make every distance so."""
    return values, is_missing | ~np.isfinite(values) if values.dtype.kind == "f" else is_missing


def _of_numbers(name: str, old: NDArray[Any], new: NDArray[Any], level: float, bins: int) -> ColumnDrift:
    largest = float(max(np.abs(old).max(), np.abs(new).max()))
    if largest and not _SQUARES[0] < largest < _SQUARES[1]:  # all that is told is the same in another unit
        old, new = old / largest, new / largest
    statistic, p = ks_test(old, new)
    spread = float(old.std()) or float(new.std()) or 1.0
    counts = bin_counts(old, new, bins)
    return ColumnDrift(
        name, "numbers", "ks", statistic, p, p, wasserstein(old, new) / spread, *_of_bins(*counts, level),
        (len(old), len(new)), False,
    )  # fmt: skip


def _of_counts(name: str, kind: str, old: NDArray[Any], new: NDArray[Any], level: float) -> ColumnDrift:
    statistic, p = chi_square_p(old, new)
    return ColumnDrift(
        name, kind, "chi-square", statistic, p, p, total_variation(old, new), *_of_bins(old, new, level),
        (int(old.sum()), int(new.sum())), False,
    )  # fmt: skip


def _of_bins(old: NDArray[Any], new: NDArray[Any], level: float) -> tuple[float, float, float]:
    limit = psi_critical(int(old.sum()), int(new.sum()), len(old), level)
    return population_stability_index(old, new), limit, jensen_shannon_distance(old, new)


def _value_counts(old: NDArray[Any], new: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    both = np.concatenate([old.astype(str), new.astype(str)])
    _, place, total = np.unique(both, return_inverse=True, return_counts=True)
    if len(total) > _MOST_VALUES:
        rank = np.empty(len(total), int)
        rank[np.argsort(-total, kind="stable")] = np.arange(len(total))
        place = np.minimum(rank[place], _MOST_VALUES)
    size = int(place.max()) + 1
    counts = [np.bincount(part, minlength=size).astype(float) for part in (place[: len(old)], place[len(old) :])]
    return counts[0], counts[1]
