"""Learning curves: whether more rows would make a model better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import model_selection

from partita.artifacts.codecs.shown import Html
from partita.drawing.charts import Line, line_chart
from partita.flow.task import task
from partita.models.evaluation.record import Evaluation

__all__ = ["learning_curve"]


@task(tags=("evaluation", "learning curve", "model"))
def learning_curve(
    model: Any,
    x: Any,
    y: Any,
    *,
    sizes: Sequence[float] = (0.1, 0.25, 0.5, 0.75, 1.0),
    folds: Any = 5,
    scoring: Any = None,
    groups: Any = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Evaluation:
    """Fit a model on more and more rows, and see how the score on rows that were held out grows.

    Args:
        model: an estimator of scikit-learn, which is cloned for each fit.
        x: (rows, features).
        y: (rows,).
        sizes: how many rows to train on: shares of a fold's training rows up to 1, or numbers of rows.
        folds: number of folds, or a splitter of scikit-learn.
        scoring: a name of scikit-learn's or a scorer; default: the model's own score.
        groups: (rows,): for splitters that keep groups together.
        seed: of the order in which rows are added.
        n_jobs: processes to fit in.

    Returns:
        An evaluation whose table has a row for each size: "rows", "score" (mean of the folds), "spread" (standard deviation),
        "train_score", "folds" (those that could be scored).

    Raises:
        ValueError: no size could be scored, or the sizes do not fit the rows.
    """
    splitter = _shuffled(folds, model, y, groups, seed)
    counts, train, held_out = model_selection.learning_curve(
        model, x, y, train_sizes=np.asarray(sizes), cv=splitter, scoring=scoring, groups=groups, shuffle=True,
        random_state=seed, n_jobs=n_jobs, error_score="raise",
    )  # fmt: skip
    table = [
        {
            "rows": int(count), "score": float(np.mean(own)), "spread": float(np.std(own, ddof=1)) if len(own) > 1 else 0.0,
            "train_score": float(np.mean(seen)), "folds": len(own),
        }
        for count, seen, own in zip(counts, train, held_out, strict=True)
    ]  # fmt: skip
    last = table[-1]
    notes = [_verdict(table)] if len(table) > 1 else []
    metrics = {"score": last["score"], "spread": last["spread"], "train_score": last["train_score"]}
    return Evaluation(
        "learning curve",
        len(np.asarray(y)),
        metrics,
        "score",
        table=table,
        notes=notes,
        pictures={"learning": Html(_picture(table))},
    )


def _shuffled(folds: Any, model: Any, y: Any, groups: Any, seed: int) -> Any:
    """Numbers of folds as splitters that mix rows, since files are often sorted."""
    if not isinstance(folds, int):
        return folds
    from sklearn.base import is_classifier

    if groups is not None:
        return (
            model_selection.StratifiedGroupKFold(folds) if is_classifier(model) else model_selection.GroupKFold(folds)
        )
    kind = model_selection.StratifiedKFold if is_classifier(model) else model_selection.KFold
    return kind(folds, shuffle=True, random_state=seed)


def _verdict(table: list[dict[str, Any]]) -> str:
    before, last = table[-2], table[-1]
    gain, noise = last["score"] - before["score"], last["spread"] / max(last["folds"], 1) ** 0.5
    told = f"from {before['rows']:,} to {last['rows']:,} rows the score changed by {gain:+.3g}"
    if gain > 2 * noise:
        return f"{told}, more than its noise of {noise:.2g}: more rows are likely to help"
    return f"{told}, within twice its noise of {noise:.2g}: more rows of this kind need not help"


def _picture(table: list[dict[str, Any]]) -> str:
    band = [(row["rows"], row["score"] - row["spread"], row["score"] + row["spread"]) for row in table]
    lines = [
        Line("held out", [(row["rows"], row["score"]) for row in table], band),
        Line("trained on", [(row["rows"], row["train_score"]) for row in table]),
    ]
    return line_chart("Learning curve", lines, x_label="rows trained on", y_label="score")
