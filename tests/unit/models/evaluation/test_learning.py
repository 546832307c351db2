"""Learning curves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import TimeSeriesSplit

from partita.models.evaluation import learning_curve

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(400, 12))
Y = (X @ DRAW.normal(size=12) + DRAW.normal(size=400) > 0).astype(int)


def test_more_rows_are_better_and_the_curve_is_seeded() -> None:
    order = np.argsort(Y)  # a sorted file
    found = learning_curve(LogisticRegression(), X[order], Y[order], sizes=[20, 80, 320])
    assert [row["rows"] for row in found.table] == [20, 80, 320]
    scores = [row["score"] for row in found.table]
    assert scores[0] < scores[1] < scores[2] and found.metrics["score"] == scores[2]
    assert all(row["folds"] == 5 and row["spread"] > 0 for row in found.table)
    assert "from 80 to 320 rows the score changed by +" in found.notes[0]
    assert found.pictures["learning"].text.startswith("<svg")
    assert learning_curve(LogisticRegression(), X[order], Y[order], sizes=[20, 80, 320]) == found


def test_scores_folds_and_groups_are_as_asked() -> None:
    found = learning_curve(
        Ridge(), X, X[:, 0], sizes=(0.5, 1.0), folds=TimeSeriesSplit(3), scoring="neg_mean_squared_error"
    )
    assert found.table[0]["folds"] == 3 and -0.1 < found.metrics["score"] <= 0
    grouped = learning_curve(LogisticRegression(), X, Y, groups=np.arange(400) // 4, folds=4, sizes=[1.0])
    assert grouped.table[0]["folds"] == 4 and grouped.notes == []


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="train_sizes"):
        learning_curve(Ridge(), X, X[:, 0], sizes=[1000])
