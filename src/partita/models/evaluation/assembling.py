"""An evaluation out of a measure: values, intervals, slices and the notes on what has no value."""

from __future__ import annotations

from typing import Any

import numpy as np

from partita.artifacts.codecs.shown import Html
from partita.models.evaluation.inputs import groups_of
from partita.models.evaluation.measures import Measure
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling, intervals_of
from partita.models.evaluation.slices import slice_picture, slice_rows

__all__ = ["assembled"]


def assembled(
    kind: str,
    measure: Measure,
    how: Resampling,
    slices: Any = None,
    *,
    main: str = "",
    more: dict[str, float] | None = None,
    table: list[dict[str, Any]] | None = None,
    report: str = "",
    pictures: dict[str, str] | None = None,
    notes: list[str] | None = None,
) -> Evaluation:
    """The evaluation.

    Args:
        main: the metric that the picture of slices shows; default: the first.
        more: metrics without an interval.
        pictures: name -> SVG.
    """
    groups_of(how.groups, measure.rows)
    values = measure.values(np.ones(measure.rows))
    known = {name: float(value) for name, value in zip(measure.names, values, strict=True) if np.isfinite(value)}
    lacking = [name for name in measure.names if name not in known]
    told = list(notes or ())
    if lacking:
        told.append(f"{', '.join(lacking)}: no value for these rows")
    rows = slice_rows(measure, slices, how)
    if any(row["is_small"] for row in rows):
        told.append(f"slices of fewer than {how.least_rows} rows are marked: their metrics say little")
    main = main or measure.names[0]
    drawn = {name: Html(svg) for name, svg in (pictures or {}).items()}
    return Evaluation(
        kind=kind,
        rows=measure.rows,
        main=main,
        metrics={**known, **{name: float(value) for name, value in (more or {}).items() if np.isfinite(value)}},
        intervals={name: list(ends) for name, ends in intervals_of(measure, how).items()},
        confidence=how.confidence,
        table=table or [],
        slices=rows,
        report=report,
        pictures={**drawn, **slice_picture(rows, main, known.get(main, float("nan")))},
        notes=told,
    )
