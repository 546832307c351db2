"""Calibration, and decisions by what they cost, inside a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from partita.compose.calibration import Calibration
from partita.compose.compiling.graph import Graph

__all__ = ["calibrated", "interpolated", "least_costly", "shares_of"]

Array = NDArray[np.float64]

_LEAST_PROBABILITY = 1e-15


def calibrated(graph: Graph, given: str, calibration: Calibration) -> str:
    """(rows, classes) of probabilities, as a calibration makes them of (rows, classes)."""
    if calibration.method == "temperature":
        logs = graph.node("Log", graph.node("Max", given, graph.constant(np.array(_LEAST_PROBABILITY))))
        return graph.node("Softmax", graph.node("Mul", logs, graph.constant(np.array(calibration.curves[0]))), axis=1)
    is_pair = len(calibration.curves) == 1
    columns = graph.node("Gather", given, graph.constant(np.array([1])), axis=1) if is_pair else given
    if calibration.method == "isotonic":
        bent = interpolated(graph, columns, calibration.curves)
    else:
        bent = _sigmoid(graph, columns, np.array(calibration.curves, dtype=np.float64))
    return shares_of(graph, bent, len(calibration.curves))


def shares_of(graph: Graph, bent: str, count: int) -> str:
    """(rows, classes) that sum to 1, of what was found for each class by itself; of two classes for the second alone.

    Args:
        count: of what was found.
    """
    one = graph.constant(np.array(1.0))
    if count == 1:
        return graph.node("Concat", graph.node("Sub", one, bent), bent, axis=1)
    total = graph.node("ReduceSum", bent, graph.constant(np.array([1])), keepdims=1)
    some = graph.node("Greater", total, graph.constant(np.array(0.0)))
    shares = graph.node("Div", bent, graph.node("Where", some, total, one))
    return graph.node("Where", some, shares, graph.constant(np.array(1.0 / count)))


def interpolated(graph: Graph, columns: str, curves: Sequence[tuple[Array, Array]]) -> str:
    """(rows, curves): each column by its own curve of straight pieces; what lies outside takes the nearest end.

    The piece is found by halving, all columns at once: comparing with each end of a piece would hold rows x ends in memory.

    Args:
        columns: (rows, curves), doubles.
        curves: inputs, which rise, and outputs, as `numpy.interp` takes them.
    """
    steps = max(len(inputs) for inputs, _ in curves).bit_length()
    size = 2**steps
    # Of each curve, by how many inputs are no larger: the last of them, the output there, and the slope from there on.
    starts, outputs, slopes = (
        np.full((len(curves), size), np.inf),
        np.zeros((len(curves), size)),
        np.zeros((len(curves), size)),
    )
    for at, (x, y) in enumerate(curves):
        starts[at, 0], starts[at, 1 : len(x) + 1] = 0.0, x
        outputs[at, 0], outputs[at, 1 : len(x) + 1] = y[0], y
        slopes[at, 1 : len(x)] = np.diff(y) / np.diff(x)
    where = graph.constant(size * np.arange(len(curves)))
    ends = graph.constant(starts.ravel())
    for power in reversed(range(steps)):
        farther = graph.node("Add", where, graph.constant(np.array(2**power)))
        reached = graph.node("GreaterOrEqual", columns, graph.node("Gather", ends, farther))
        where = graph.node("Where", reached, farther, where)
    beyond = graph.node("Sub", columns, graph.node("Gather", ends, where))
    risen = graph.node("Mul", graph.node("Gather", graph.constant(slopes.ravel()), where), beyond)
    return graph.node("Add", risen, graph.node("Gather", graph.constant(outputs.ravel()), where))


def _sigmoid(graph: Graph, columns: str, lines: Array) -> str:
    """By (slope, offset) of the log-odds of each column."""
    least, one = graph.constant(np.array(_LEAST_PROBABILITY)), graph.constant(np.array(1.0))
    kept = graph.node("Min", graph.node("Max", columns, least), graph.constant(np.array(1.0 - _LEAST_PROBABILITY)))
    odds = graph.node("Sub", graph.node("Log", kept), graph.node("Log", graph.node("Sub", one, kept)))
    scaled = graph.node("Mul", odds, graph.constant(lines[:, 0]))
    return graph.node("Sigmoid", graph.node("Add", scaled, graph.constant(lines[:, 1])))


def least_costly(graph: Graph, given: str, costs: np.ndarray) -> str:
    """(rows,) places of the classes whose expected cost is least.

    Args:
        costs: (classes, classes): of saying the second where the first is true.
    """
    return graph.largest(graph.node("MatMul", given, graph.constant(-np.asarray(costs, dtype=np.float64))))
