"""A composition of which some parts are graphs, and some are models in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from partita.compose.compiling.graph import STEPS

__all__ = ["Mixed"]


def _gives_probabilities(mixed: Mixed) -> bool:
    return hasattr(mixed.model, "predict_proba")


class Mixed:
    """It predicts by the composition's own code; what is equal but for rounding counts as equal, as it does in a graph."""

    def __init__(self, model: Any, is_most_probable: bool) -> None:
        self.model, self.is_most_probable = model, is_most_probable
        if hasattr(model, "classes_"):
            self.classes_ = model.classes_

    def predict(self, rows: Any) -> Any:
        """(rows,) labels, or values of (rows,) or (rows, outputs)."""
        if not self.is_most_probable:
            return self.model.predict(rows)
        return self.classes_[np.round(self.model.predict_proba(rows) * STEPS).argmax(axis=1)]

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Any) -> Any:
        """(rows, classes)."""
        return self.model.predict_proba(rows)
