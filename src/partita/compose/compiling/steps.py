"""A pipeline in two parts: what prepares the rows, and what predicts. And a model of which one method is asked."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

__all__ = ["Asked", "AskedSteps", "Steps", "key_of", "steps_of", "told_of"]


def steps_of(pipeline: Any) -> tuple[Any, tuple[str, Any]]:
    """All steps but the last, as one (None: there are none), and the last with its name."""
    steps = [(name, step) for name, step in pipeline.steps if step is not None and step != "passthrough"]
    if len(steps) == 1:
        return None, steps[0]
    if len(steps) == 2:
        return steps[0][1], steps[-1]
    before = copy.copy(pipeline)
    before.steps = steps[:-1]
    return before, steps[-1]


def key_of(model: Any) -> tuple[int, ...]:
    """What a model is known by: by itself, but what is made anew each time, as parts of pipelines, by what it is made of."""
    if isinstance(model, Asked):
        return (*key_of(model.model), *model.way.encode())
    if isinstance(model, Pipeline) and not hasattr(model, "predict"):
        return tuple(id(step) for _, step in model.steps)
    return (id(model),)


def _gives_probabilities(steps: Steps) -> bool:
    return hasattr(steps.last, "predict_proba")


class Steps:
    """A fitted pipeline of which a part was compiled."""

    def __init__(self, before: Any, last: Any) -> None:
        self.before, self.last = before, last

    @property
    def classes_(self) -> Any:
        """Of a classifier."""
        return self.last.classes_

    def _prepared(self, rows: Any) -> Any:
        return rows if self.before is None else self.before.transform(rows)

    def predict(self, rows: Any) -> Any:
        """(rows,) labels or values."""
        return self.last.predict(self._prepared(rows))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Any) -> Any:
        """(rows, classes)."""
        return self.last.predict_proba(self._prepared(rows))


def told_of(model: Any) -> str:
    """A model in words."""
    return f"{model.way} of {told_of(model.model)}" if isinstance(model, Asked) else type(model).__name__


class Asked:
    """A fitted model of which one method is asked, other than its predictions, as of a transformer."""

    def __init__(self, model: Any, way: str) -> None:
        self.model, self.way = model, way

    def transform(self, rows: Any) -> Any:
        """(rows,) or (rows, columns)."""
        return getattr(self.model, self.way)(rows)


class AskedSteps:
    """A pipeline of which a part was compiled, and whose last step is asked for something else than its predictions."""

    def __init__(self, before: Any, last: Any) -> None:
        self.before, self.last = before, last

    def transform(self, rows: Any) -> Any:
        """(rows,) or (rows, columns)."""
        return self.last.transform(rows if self.before is None else self.before.transform(rows))
