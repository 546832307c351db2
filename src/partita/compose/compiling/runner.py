"""A graph that predicts as an estimator does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from partita.compose.compiling.graph import needed
from partita.compose.compiling.parity import Answers
from partita.compose.compiling.rows import Columns

__all__ = ["GIVEN", "LABELS", "Drawn", "Runner"]

#: The outputs of a compiled graph: labels of a classifier, and probabilities, values or features.
LABELS, GIVEN = "labels", "given"


@dataclass(frozen=True)
class Drawn:
    """A graph, and what one has to know to use it."""

    model: bytes  # a ModelProto
    columns: Columns  # of the rows that it takes
    classes: NDArray[Any] | None  # of a classifier
    has_given: bool  # whether it gives probabilities, values or features
    transforms: bool = False  # it makes features, and predicts nothing


def _gives_probabilities(runner: Runner) -> bool:
    return runner.drawn.classes is not None and runner.drawn.has_given


def _predicts(runner: Runner) -> bool:
    return not runner.drawn.transforms


def _transforms(runner: Runner) -> bool:
    return runner.drawn.transforms


class Runner:
    """A graph with a session of onnxruntime, which is opened where it is first needed."""

    def __init__(self, drawn: Drawn, threads: int = 1) -> None:
        self.drawn, self.threads = drawn, threads
        self._session: Any = None
        if drawn.classes is not None:
            self.classes_ = drawn.classes

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}

    def _run(self, outputs: list[str], rows: Any) -> list[Any]:
        if self._session is None:
            self._session = opened(self.drawn.model, self.threads)
        found: list[Any] = self._session.run(outputs, self.drawn.columns.feeds(rows))
        return found

    @available_if(_predicts)  # type: ignore[untyped-decorator]
    def predict(self, rows: Any) -> NDArray[Any]:
        """(rows,) labels, or values of (rows,) or (rows, outputs)."""
        if self.drawn.classes is None:
            return np.asarray(self._run([GIVEN], rows)[0])
        return self._labels(self._run([LABELS], rows)[0])

    def _labels(self, told: Any) -> NDArray[Any]:
        assert self.drawn.classes is not None
        return np.asarray(told).astype(self.drawn.classes.dtype, copy=False)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """(rows, classes), in the order of `classes_`."""
        return np.asarray(self._run([GIVEN], rows)[0])

    @available_if(_transforms)  # type: ignore[untyped-decorator]
    def transform(self, rows: Any) -> NDArray[np.float64]:
        """(rows, features)."""
        return np.asarray(self._run([GIVEN], rows)[0])

    def answers(self, rows: Any) -> Answers:
        """All that it says of rows."""
        wanted = [LABELS] * (self.drawn.classes is not None) + [GIVEN] * self.drawn.has_given
        told = dict(zip(wanted, self._run(wanted, rows), strict=True))
        return Answers(told.get(GIVEN), self._labels(told[LABELS]) if LABELS in told else None)


def opened(model: bytes, threads: int = 1, profile: str = "") -> Any:
    """A session of onnxruntime.

    Args:
        threads: within one operator; for single rows one is the fastest.
        profile: the beginning of a file's name, to write down what runs; "": it is not written down.
    """
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
