"""Whether probabilities are what they say, and how well they rank: calibration and ROC curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_curve

from partita.drawing.charts import Line, line_chart
from partita.models.evaluation.measures import Array, Rows

__all__ = ["calibration_bins", "calibration_error", "calibration_picture", "roc_picture"]

_MOST_CURVES = 8


def calibration_bins(is_so: Array, probability: Array, bins: int) -> list[tuple[float, float, int]]:
    """(mean probability, how often it was so, rows) of each bin of equal width that has rows."""
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums, hits = np.bincount(place, probability, bins), np.bincount(place, is_so, bins)
    return [(float(sums[b] / counts[b]), float(hits[b] / counts[b]), int(counts[b])) for b in range(bins) if counts[b]]


def calibration_error(truth: Rows, probabilities: Array, bins: int = 15) -> float:
    """How far the most probable class's probability is from how often it was right, in the mean (Guo et al., 2017).

    Args:
        truth: (rows,): numbers of classes.
        probabilities: (rows, classes).
        bins: of equal width.

    Raises:
        ValueError: there are no bins.
    """
    if bins < 1:
        raise ValueError(f"bins={bins}: give 1 or more")
    best = np.argmax(probabilities, axis=1)
    found = calibration_bins((best == truth).astype(np.float64), probabilities.max(axis=1), bins)
    return sum(abs(said - real) * count for said, real, count in found) / len(truth)


def calibration_picture(
    truth: Rows, probabilities: Array, names: Sequence[str], positive: int | None, bins: int
) -> str:
    """Of two classes, of the positive one; of many, of the most probable one."""
    if positive is not None:
        is_so, chance, what = truth == positive, probabilities[:, positive], f"{names[positive]}"
    else:
        is_so, chance, what = (
            np.argmax(probabilities, axis=1) == truth,
            probabilities.max(axis=1),
            "the most probable class",
        )
    points = [(said, real) for said, real, _ in calibration_bins(is_so.astype(np.float64), chance, bins)]
    lines = [Line("", [(0, 0), (1, 1)], is_guide=True), Line(what, points)]
    return line_chart(
        "Calibration", lines, x_label="predicted probability", y_label="how often it was so", x=(0, 1), y=(0, 1)
    )


def roc_picture(truth: Rows, probabilities: Array, names: Sequence[str], positive: int | None) -> str:
    """Of two classes, of the positive one; of many, of the eight that are most frequent, each against the others."""
    frequent = np.argsort(-np.bincount(truth, minlength=len(names)), kind="stable")[:_MOST_CURVES]
    lines = [Line("", [(0, 0), (1, 1)], is_guide=True)]
    for code in [positive] if positive is not None else sorted(frequent):
        is_own = truth == code
        if is_own.any() and not is_own.all():
            false, true, _ = roc_curve(is_own, probabilities[:, code])
            lines.append(Line(names[code], list(zip(false.tolist(), true.tolist(), strict=True))))
    return line_chart("ROC", lines, x_label="false positive rate", y_label="true positive rate", x=(0, 1), y=(0, 1))
