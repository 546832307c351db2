"""A compiled composition, as it is used, saved and read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from partita.compose.compiling.borders import compared_with
from partita.compose.compiling.graph import needed
from partita.compose.compiling.parity import Parity, answers_of
from partita.compose.compiling.report import Report
from partita.compose.compiling.rows import Columns
from partita.compose.compiling.runner import Drawn, Runner
from partita.errors import DamagedError

__all__ = ["Compiled", "load_compiled"]

#: Where the file of a graph says what it is.
_KEY = "partita"


def _gives_probabilities(compiled: Compiled) -> bool:
    return hasattr(compiled._model, "predict_proba")


class Compiled:
    """A composition as a graph that was compared with it, or as graphs and what stays in Python.

    It predicts as the composition does. It can be pickled; what is one graph can be saved as an ONNX file.

    Attributes:
        report: what became of each member, how near it is, and sizes, latencies and scores; None where it was read from a file.
        is_one_graph: whether nothing of it stays in Python.
        classes_: of a classifier.
    """

    def __init__(self, model: Any, report: Report | None) -> None:
        self._model, self.report = model, report
        self.is_one_graph = isinstance(model, Runner)
        if hasattr(model, "classes_"):
            self.classes_: NDArray[Any] = model.classes_

    def __repr__(self) -> str:
        what = "one ONNX graph" if self.is_one_graph else "graphs, with parts in Python"
        return f"{what}\n\n{self.report}" if self.report is not None else what

    def predict(self, rows: Any) -> NDArray[Any]:
        """(rows,) labels, or values of (rows,) or (rows, outputs).

        Args:
            rows: (rows, features): an array, or a data frame, of which columns are taken by their names.

        Raises:
            ValueError: the columns are not those that it was compiled for.
        """
        return np.asarray(self._model.predict(rows))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """(rows, classes), in the order of `classes_`."""
        return np.asarray(self._model.predict_proba(rows))

    def score(self, rows: Any, y: Any) -> float:
        """The accuracy of a classifier, the coefficient of determination of a regressor."""
        return float((accuracy_score if hasattr(self, "classes_") else r2_score)(y, self.predict(rows)))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = BaseEstimator().__sklearn_tags__()
        tags.estimator_type = "classifier" if hasattr(self, "classes_") else "regressor"
        return tags

    def parity(self, composition: Any, rows: Any, tolerance: float = 1e-5) -> Parity:
        """How far it is from the composition in Python on other rows; `parity(...).holds` says whether within the tolerance."""
        python = answers_of(composition, rows)
        return compared_with(composition, rows, python, answers_of(self._model, rows), tolerance)

    def to_bytes(self) -> bytes:
        """The ONNX file.

        Raises:
            ValueError: something stays in Python.
        """
        if not self.is_one_graph:
            left = (
                ", ".join(each.member for each in self.report.members if each.runs_in == "Python")
                if self.report
                else ""
            )
            raise ValueError(f"it is no one graph: {left or 'the joining'} stays in Python; pickle it instead")
        onnx = needed("onnx")
        drawn: Drawn = self._model.drawn
        model = onnx.load_from_string(drawn.model)
        told = {
            "columns": drawn.columns.to_dict(),
            "classes": None if drawn.classes is None else drawn.classes.tolist(),
            "type": None if drawn.classes is None else drawn.classes.dtype.str,
            "has_given": drawn.has_given,
            "sha256": hashlib.sha256(drawn.model).hexdigest(),
        }
        onnx.helper.set_model_props(model, {_KEY: json.dumps(told)})
        written: bytes = model.SerializeToString(deterministic=True)
        return written

    def save(self, path: str | Path) -> None:
        """Write the ONNX file, which any runtime reads, and `load_compiled`.

        Raises:
            ValueError: something stays in Python.
        """
        Path(path).write_bytes(self.to_bytes())


def load_compiled(path: str | Path, threads: int = 1) -> Compiled:
    """What `Compiled.save` wrote.

    Raises:
        DamagedError: the graph in it is not what was compared with Python and saved.
        ValueError: it is an ONNX file of another origin.
    """
    onnx = needed("onnx")
    try:
        model = onnx.load(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # of protobuf, whose errors are of many kinds
        raise DamagedError(f"{path} is no whole ONNX file: {error}; save it anew") from error
    told = next((json.loads(each.value) for each in model.metadata_props if each.key == _KEY), None)
    if told is None:
        raise ValueError(f"{path} was not saved by Compiled.save; open it with onnxruntime, or by the hub")
    del model.metadata_props[:]
    written = model.SerializeToString(deterministic=True)
    if hashlib.sha256(written).hexdigest() != told["sha256"]:
        raise DamagedError(f"the graph in {path} is not the one that was compared with Python; save it anew")
    classes = None if told["classes"] is None else np.array(told["classes"], dtype=told["type"])
    drawn = Drawn(written, Columns.from_dict(told["columns"]), classes, told["has_given"])
    return Compiled(Runner(drawn, threads), None)
