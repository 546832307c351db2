"""Methods of models beside their predictions, as graphs: decision functions, scores of detectors, distances to clusters.

The converter of scikit-learn writes down what it likes in outputs of its own. Which of them it is, and whether an offset or a
column is missing from it, is tried, and the comparison with Python says which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from partita.compose.compiling.graph import needed

__all__ = ["endings", "options_of"]

_GIVEN = "given"


def options_of(way: str) -> list[dict[str, Any]]:
    """What the converter can be told for a method, the likeliest first."""
    own = {"decision_function": "raw_scores", "score_samples": "score_samples"}.get(way)
    return [*([{own: True, "zipmap": False}, {own: True}] if own else []), {"zipmap": False}, {}]


def endings(model: Any, asked: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Models whose one output may be what is asked for, and in words which that is.

    Args:
        model: a ModelProto.
        asked: in Python.
    """
    last = asked.model[-1] if hasattr(asked.model, "steps") else asked.model
    offset = getattr(last, "offset_", None)
    for output in reversed(model.graph.output):
        yield f"output {output.name}", partial(_ended, model, output, None)
        if asked.way == "decision_function":
            yield f"last of {output.name}", partial(_ended, model, output, "last")
        if asked.way == "score_samples" and offset is not None:
            yield f"{output.name} and an offset", partial(_ended, model, output, float(np.ravel(offset)[0]))


def _ended(model: Any, output: Any, change: float | str | None) -> Any:
    """The model with one output: one of its own, changed."""
    onnx = needed("onnx")
    node = onnx.helper.make_node
    found = onnx.ModelProto()
    found.CopyFrom(model)
    kind = output.type.tensor_type.elem_type
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        raise ValueError(f"its output {output.name} is no number with a fraction")
    if change is None:
        found.graph.node.append(node("Identity", [output.name], [_GIVEN]))
    elif change == "last":
        found.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "asked_last"))
        found.graph.node.append(node("Gather", [output.name, "asked_last"], [_GIVEN], axis=1))
    else:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
        found.graph.initializer.append(onnx.numpy_helper.from_array(np.array(change, dtype=dtype), "asked_offset"))
        found.graph.node.append(node("Add", [output.name, "asked_offset"], [_GIVEN]))
    del found.graph.output[:]
    found.graph.output.append(onnx.helper.make_tensor_value_info(_GIVEN, kind, None))
    return found
