"""Calibration, and decisions by what they cost, inside a graph."""

from __future__ import annotations

import numpy as np

from partita.compose.calibration import Calibration
from partita.compose.compiling.graph import Graph

__all__ = ["calibrated", "least_costly"]

_LEAST_PROBABILITY = 1e-15


def calibrated(graph: Graph, given: str, calibration: Calibration) -> str:
    """(rows, classes) of probabilities, as a calibration makes them of (rows, classes).

    Raises:
        ValueError: it has steps, which the rounding of a graph falls off.
    """
    if calibration.method == "isotonic":
        raise ValueError('isotonic steps are no part of a graph; calibrate by "sigmoid" or "temperature"')
    if calibration.method == "temperature":
        logs = graph.node("Log", graph.node("Max", given, graph.constant(np.array(_LEAST_PROBABILITY))))
        return graph.node("Softmax", graph.node("Mul", logs, graph.constant(np.array(calibration.curves[0]))), axis=1)
    lines = np.array(calibration.curves, dtype=np.float64)
    is_pair = len(lines) == 1
    columns = graph.node("Gather", given, graph.constant(np.array([1])), axis=1) if is_pair else given
    least, one = graph.constant(np.array(_LEAST_PROBABILITY)), graph.constant(np.array(1.0))
    kept = graph.node("Min", graph.node("Max", columns, least), graph.constant(np.array(1.0 - _LEAST_PROBABILITY)))
    odds = graph.node("Sub", graph.node("Log", kept), graph.node("Log", graph.node("Sub", one, kept)))
    scaled = graph.node("Mul", odds, graph.constant(lines[:, 0]))
    bent = graph.node("Sigmoid", graph.node("Add", scaled, graph.constant(lines[:, 1])))
    if is_pair:
        return graph.node("Concat", graph.node("Sub", one, bent), bent, axis=1)
    return graph.node("Div", bent, graph.node("ReduceSum", bent, graph.constant(np.array([1])), keepdims=1))


def least_costly(graph: Graph, given: str, costs: np.ndarray) -> str:
    """(rows,) places of the classes whose expected cost is least.

    Args:
        costs: (classes, classes): of saying the second where the first is true.
    """
    return graph.largest(graph.node("MatMul", given, graph.constant(-np.asarray(costs, dtype=np.float64))))
