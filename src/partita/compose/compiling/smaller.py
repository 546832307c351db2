"""Smaller graphs: weights of 8 bits, or fewer of them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from partita.compose.compiling.graph import needed, quiet
from partita.compose.compiling.runner import Drawn

__all__ = ["smaller"]

#: Operators whose second input is a matrix of weights.
_PRODUCTS = ("MatMul", "Gemm")
#: Operators that hold their weights themselves.
_LINEAR = {"LinearClassifier": "coefficients", "LinearRegressor": "coefficients"}


def smaller(drawn: Drawn, is_quantised: bool, share: float | None) -> Drawn:
    """The graph pruned by a share of its weights (None: not at all), and then with weights of 8 bits, if wanted.

    Raises:
        ValueError: there is nothing in it that can be made smaller so.
    """
    onnx = needed("onnx")
    model = onnx.load_from_string(drawn.model)
    if share is not None and not _pruned(model, share):
        raise ValueError("there are no weights to prune: no member is linear or made of products of matrices")
    if is_quantised:
        model = _quantised(model)
    return dataclasses.replace(drawn, model=model.SerializeToString(deterministic=True))


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _pruned(model: Any, share: float) -> int:
    """Set the smallest weights of each matrix to 0; how many matrices there were."""
    onnx = needed("onnx")
    nodes = [node for graph in _graphs(model.graph) for node in graph.node]
    matrices = {node.input[1] for node in nodes if node.op_type in _PRODUCTS}
    done = 0
    for tensor in model.graph.initializer:
        if tensor.name in matrices:
            weights = onnx.numpy_helper.to_array(tensor)
            if weights.dtype.kind == "f" and weights.ndim == 2:
                tensor.CopyFrom(onnx.numpy_helper.from_array(_without_smallest(weights, share), tensor.name))
                done += 1
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name == _LINEAR.get(node.op_type):
                kept = _without_smallest(np.array(attribute.floats, dtype=np.float32), share)
                del attribute.floats[:]
                attribute.floats.extend(kept.tolist())
                done += 1
    return done


def _without_smallest(weights: Any, share: float) -> Any:
    found = weights.copy().ravel()
    found[np.argsort(np.abs(found), kind="stable")[: int(share * found.size)]] = 0.0
    return found.reshape(weights.shape)


def _quantised(model: Any) -> Any:
    onnx = needed("onnx")
    quantization = needed("onnxruntime.quantization")
    with quiet(), tempfile.TemporaryDirectory(prefix="partita-") as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(
            model,
            path,
            op_types_to_quantize=list(_PRODUCTS),
            weight_type=quantization.QuantType.QInt8,
            extra_options={"EnableSubgraph": True},
        )
        made = onnx.load(path)
    if not any(node.op_type.endswith("Integer") for graph in _graphs(made.graph) for node in graph.node):
        raise ValueError("there is nothing to quantise: no member is made of products of matrices of float32")
    return made
