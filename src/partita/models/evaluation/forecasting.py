"""Evaluating forecasts of one or more series over a horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from partita.drawing.charts import Line, line_chart
from partita.flow.task import task
from partita.models.evaluation.assembling import assembled
from partita.models.evaluation.inputs import numbers_of, same_length
from partita.models.evaluation.measures import Array, Means
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling

__all__ = ["evaluate_forecast"]


@task(tags=("evaluation", "forecast", "time series", "metrics", "model"))
def evaluate_forecast(
    truth: Any,
    prediction: Any,
    *,
    history: Sequence[Any] | None = None,
    season: int = 1,
    quantiles: Mapping[float, Any] | None = None,
    ranges: Mapping[float, tuple[Any, Any]] | None = None,
    slices: Any = None,
    groups: Any = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate forecasts: MASE, RMSSE, sMAPE, MAE, RMSE, pinball loss and coverage, in all and by step of the horizon.

    mase (Hyndman and Koehler, 2006) and rmsse (as in the M5 competition, with the season) compare with the naive forecast inside
    of each series' history; smape is from 0 to 2 (2 |y - f| / (|y| + |f|), 0 where both are 0). Metrics are means over series.

    Args:
        truth: (series, horizon) or (horizon,): what came.
        prediction: the same shape: what was forecast.
        history: for each series what came before; of one series also its values. It is needed for mase and rmsse.
        season: how many steps back the naive forecast looks: 1, or the length of a season.
        quantiles: level (0.1: a tenth lies below) -> forecast quantiles, of the shape of truth, for the pinball loss.
        ranges: level (0.9: nine tenths lie inside) -> (low, high), each of the shape of truth, for coverage and width.
        slices: name -> boolean mask of the series, or a column whose values are the slices; a table serves as well.
        groups: (series,): series of one group are resampled together.
        confidence: of the intervals.
        resamples: of the bootstrap over series; 0, or one series: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer series is marked as small.

    Raises:
        ValueError: shapes differ, a number is missing, a level is not between 0 and 1, or a history is no longer than the season.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    real = _shaped("truth", truth, None)
    said = _shaped("prediction", prediction, real.shape)
    errors = said - real
    sizes = np.abs(real) + np.abs(said)
    smape = np.divide(2 * np.abs(errors), sizes, out=np.zeros_like(errors), where=sizes > 0)
    cells: dict[str, Array] = {"mae": np.abs(errors), "smape": smape}  # (series, horizon) each
    notes: list[str] = []
    pasts = None if history is None else _histories(history, np.ndim(truth) == 1)
    scales = None if pasts is None else _scales(pasts, len(real), season)
    if scales is None:
        notes.append("mase and rmsse need history=, what came before")
    else:
        cells["mase"] = np.abs(errors) / scales[0][:, None]
        flat = int(np.isnan(scales[0]).sum())
        notes += [f"{flat:,} series whose history never changes have no mase and rmsse"] if flat else []
    for level, forecast in sorted((quantiles or {}).items()):
        over = real - _shaped(f"the quantile {level:g}", forecast, real.shape)
        cells[f"pinball_{_level(level):g}"] = np.maximum(level * over, (level - 1) * over)
    for level, (low, high) in sorted((ranges or {}).items()):
        bottom, top = _shaped(f"low of {level:g}", low, real.shape), _shaped(f"high of {level:g}", high, real.shape)
        cells[f"coverage_{_level(level):g}"] = ((bottom <= real) & (real <= top)).astype(np.float64)
        cells[f"width_{level:g}"] = top - bottom
    columns = {name: cell.mean(axis=1) for name, cell in cells.items()}
    columns["rmse"] = np.sqrt((errors**2).mean(axis=1))
    if scales is not None:
        columns["rmsse"] = columns["rmse"] / scales[1]
    if len(real) == 1:
        notes.append("no intervals: there is one series, and errors of neighbouring steps depend on each other")
    names = [name for name in ("mase", "rmsse", "smape", "mae", "rmse", *columns) if name in columns]
    names = list(dict.fromkeys(names))
    table = _by_step(cells, errors)
    return assembled(
        "forecast", Means(tuple(names), np.column_stack([columns[name] for name in names])), how, slices, table=table,
        pictures=_pictures(table, real, said, pasts), notes=notes,
    )  # fmt: skip


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"the level {level!r} is not between 0 and 1")
    return level


def _shaped(name: str, values: Any, shape: tuple[int, ...] | None) -> Array:
    found = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values, dtype=np.float64)
    found = found[None, :] if found.ndim == 1 else found
    if found.ndim != 2 or not found.size:
        raise ValueError(f"{name} is (series, horizon) or (horizon,), and has the shape {found.shape}")
    if shape is not None and found.shape != shape:
        raise ValueError(f"{name} has the shape {found.shape}, and truth {shape}")
    numbers_of(name, found.ravel())
    return found


def _histories(history: Any, is_one: bool) -> list[Any]:
    """For each series what came before."""
    # An index of pandas counts as little as in the truth: history[0] would look for a row of that name.
    given = history.to_numpy() if hasattr(history, "to_numpy") else history
    if not len(given):
        raise ValueError("the history is empty; give what came before, or leave it out")
    return [given] if is_one and np.ndim(given[0]) == 0 else list(given)


def _scales(each: Sequence[Any], series: int, season: int) -> tuple[Array, Array]:
    """Mean absolute and root mean squared error of the naive forecast within each history; NaN where it is 0."""
    if season < 1:
        raise ValueError(f"season={season} is to be 1 or more")
    same_length(truth=range(series), history=each)
    absolute, square = [], []
    for number, values in enumerate(each):
        past = numbers_of(f"the history of series {number}", values)
        if len(past) <= season:
            raise ValueError(
                f"the history of series {number} has {len(past)} steps; more than season={season} are needed"
            )
        steps = past[season:] - past[:-season]
        absolute.append(float(np.abs(steps).mean()) or np.nan)
        square.append(float(np.sqrt((steps**2).mean())) or np.nan)
    return np.array(absolute), np.array(square)


def _by_step(cells: dict[str, Array], errors: Array) -> list[dict[str, Any]]:
    rows = []
    for step in range(errors.shape[1]):
        row: dict[str, Any] = {"step": step + 1}
        for name, cell in cells.items():
            column = cell[:, step][np.isfinite(cell[:, step])]
            if len(column):
                row[name] = float(column.mean())
        row["rmse"] = float(np.sqrt((errors[:, step] ** 2).mean()))
        rows.append(row)
    return rows


def _pictures(table: list[dict[str, Any]], real: Array, said: Array, pasts: Sequence[Any] | None) -> dict[str, str]:
    main = "mase" if "mase" in table[0] else "mae"
    steps = range(1, real.shape[1] + 1)
    found = {}
    if len(table) > 1:
        points = [(row["step"], row[main]) for row in table if main in row]
        found["horizon"] = line_chart(
            f"{main.upper()} by step", [Line("", points)], x_label="step of the horizon", y_label=main
        )
    lines = [
        Line("truth", list(zip(steps, real[0].tolist(), strict=True))),
        Line("forecast", list(zip(steps, said[0].tolist(), strict=True))),
    ]
    if pasts is not None:
        past = np.asarray(pasts[0], dtype=np.float64)[-4 * real.shape[1] :]
        lines.append(
            Line("", [(place - len(past) + 1, value) for place, value in enumerate(past.tolist())], is_guide=True)
        )
    title = "Forecast" if len(real) == 1 else f"Forecast of the first of {len(real):,} series"
    return {**found, "forecast": line_chart(title, lines, x_label="step", y_label="value")}
