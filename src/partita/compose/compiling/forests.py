"""What fitted trees of scikit-learn ask, wherever in a model they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["asks_for_missing"]


def asks_for_missing(model: Any) -> bool:
    """Whether a tree in it asks if a value is missing: its threshold is infinite, and all that is there is below it.

    skl2onnx 1.20 looks for the double that is nearest to such a threshold for ever. So it does where one is beyond float32.
    """
    with np.errstate(over="ignore"):
        return any(not np.isfinite(tree.threshold.astype(np.float32)).all() for tree in _trees_in(model))


def _trees_in(model: Any) -> Iterator[Any]:
    """The trees of a fitted model and of all that it holds: members, steps, what was found by a search."""
    met: set[int] = set()
    left = [model]
    while left:
        one = left.pop()
        if id(one) in met:
            continue
        met.add(id(one))
        if isinstance(one, Mapping):
            left.extend(one.values())
        elif isinstance(one, (list, tuple)):
            left.extend(one)
        elif isinstance(one, np.ndarray):
            left.extend(one.ravel() if one.dtype == object else ())
        elif _is_model(one):
            if hasattr(getattr(one, "tree_", None), "threshold"):
                yield one.tree_
            left.extend(vars(one).values())


def _is_model(one: Any) -> bool:
    is_one = not isinstance(one, type) and any(hasattr(one, name) for name in ("fit", "predict", "transform"))
    return is_one and hasattr(one, "__dict__")
