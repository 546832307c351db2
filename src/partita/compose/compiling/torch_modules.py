"""Modules of PyTorch as graphs, by its own exporter.

A member that has a fitted module in `module_`, as skorch's estimators have, is exported through that. What the estimator makes of
what the module gives is not said anywhere; it is tried, and the comparison with Python says which it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from partita.compose.compiling.exports import Export, Feed
from partita.compose.compiling.graph import needed, quiet
from partita.compose.compiling.rows import Columns

__all__ = ["torch_exports"]

_IN, _OUT, _GIVEN = "rows", "told", "given"


def torch_exports(model: Any, columns: Columns, opset: int) -> Iterator[Callable[[], Export]]:
    """Ways to export an estimator with a module: its outputs as they are, and as probabilities of what they may be."""
    if columns.texts:
        raise ValueError("a module of PyTorch takes numbers, and there are texts")
    exported: list[Any] = []

    def made(ending: Callable[[Any], list[Any]], how: str) -> Export:
        if not exported:
            exported.append(_exported(model.module_, len(columns.kinds), opset))
        return _ended(exported[0], ending, how)

    endings: dict[str, Callable[[Any], list[Any]]] = {"its outputs as they are": _as_they_are}
    if hasattr(model, "classes_"):
        endings |= {"softmax of its outputs": _softmax, "of two classes, sigmoid of its output": _sigmoid}
    for how, ending in endings.items():
        yield partial(made, ending, f"float, {how}")


def _exported(module: Any, width: int, opset: int) -> Any:
    """The module as a ModelProto: by the exporter that lasts where its translator is installed, else by the older one."""
    torch = needed("torch")
    was_training = module.training
    module.eval()
    rows = torch.zeros((2, width), dtype=torch.float32)
    try:
        with quiet(), tempfile.TemporaryDirectory(prefix="partita-") as folder:
            path = Path(folder) / "module.onnx"
            if find_spec("onnxscript"):
                options = {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("rows")},), "external_data": False}
            else:
                options = {"dynamo": False, "dynamic_axes": {_IN: {0: "rows"}, _OUT: {0: "rows"}}}
            names = {"input_names": [_IN], "output_names": [_OUT], "opset_version": opset}
            torch.onnx.export(module, (rows,), path, verbose=False, **names, **options)
            return needed("onnx").load(path)
    finally:
        module.train(was_training)


def _ended(model: Any, ending: Callable[[Any], list[Any]], how: str) -> Export:
    """The model with nodes behind it that make probabilities or values of its output."""
    onnx = needed("onnx")
    found = onnx.ModelProto()
    found.CopyFrom(model)
    found.graph.node.extend(ending(onnx))
    kinds = onnx.TensorProto
    del found.graph.output[:]
    found.graph.output.append(onnx.helper.make_tensor_value_info(_GIVEN, kinds.FLOAT, None))
    found.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 1]), "as_column"))
    return Export(found, (Feed(found.graph.input[0].name, "float"),), _GIVEN, None, how)


def _as_they_are(onnx: Any) -> list[Any]:
    return [onnx.helper.make_node("Identity", [_OUT], [_GIVEN])]


def _softmax(onnx: Any) -> list[Any]:
    return [onnx.helper.make_node("Softmax", [_OUT], [_GIVEN], axis=1)]


def _sigmoid(onnx: Any) -> list[Any]:
    node = onnx.helper.make_node
    return [
        node("Reshape", [_OUT, "as_column"], ["column"]),
        node("Sigmoid", ["column"], ["second"]),
        node("Neg", ["column"], ["against"]),
        node("Sigmoid", ["against"], ["first"]),
        node("Concat", ["first", "second"], [_GIVEN], axis=1),
    ]
