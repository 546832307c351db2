"""Calibrated classifiers of scikit-learn in a graph. Their converter writes them down wrongly where pipelines are in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from partita.compose.compiling.calibrated import interpolated, shares_of
from partita.compose.compiling.graph import Graph, Rows
from partita.compose.compiling.parts import (
    Joining,
    NotJoined,
    Part,
    Teller,
    Told,
    beside,
    in_order,
    most_probable,
    spread,
)
from partita.compose.compiling.steps import Asked

__all__ = ["CALIBRATED"]

#: What is added to probabilities before their logarithms, as scikit-learn does.
_LEAST = 1e-12


def _asked(one: Any) -> Any:
    """A classifier as its calibrator hears it: by its decision function, if it has one."""
    model = one.estimator
    while isinstance(model, FrozenEstimator):
        model = model.estimator
    return Asked(model, "decision_function") if hasattr(model, "decision_function") else model


def _parts(model: CalibratedClassifierCV, rows: Any) -> list[Part]:
    return [Part(f"fold {at + 1}", _asked(one), rows) for at, one in enumerate(model.calibrated_classifiers_)]


def _join(teller: Teller, model: CalibratedClassifierCV, rows: Rows) -> Told:
    graph = teller.graph
    told = [_calibrated(teller, one, rows) for one in model.calibrated_classifiers_]
    total = graph.node("Sum", *told) if len(told) > 1 else told[0]
    return most_probable(graph, graph.node("Div", total, graph.constant(np.array(float(len(told))))), model.classes_)


def _calibrated(teller: Teller, one: Any, rows: Rows) -> str:
    """(rows, classes) by one classifier and its calibrators."""
    graph, asked, count = teller.graph, _asked(one), len(one.classes)
    own = np.asarray(one.estimator.classes_)
    if len(own) < count and len(own) < 3:
        raise NotJoined("a classifier in it has seen two classes of several")
    told = teller.told(asked, rows)
    heard = beside(graph, told) if isinstance(asked, Asked) else in_order(graph, told, own)
    if one.method == "temperature":
        return _by_temperature(graph, heard, one.calibrators[0].beta_, count, isinstance(asked, Asked))
    if count == 2 and not isinstance(asked, Asked):
        heard = graph.node("Gather", heard, graph.constant(np.array([1])), axis=1)
    if one.method == "isotonic":
        curves = [(each.X_thresholds_.astype(np.float64), each.y_thresholds_) for each in one.calibrators]
        bent = interpolated(graph, heard, curves)
    else:
        slopes, offsets = (
            np.array([getattr(each, name) for each in one.calibrators], dtype=np.float64) for name in ("a_", "b_")
        )
        line = graph.node("Add", graph.node("Mul", heard, graph.constant(-slopes)), graph.constant(-offsets))
        bent = graph.node("Sigmoid", line)
    if count > 2 and len(own) < count:
        bent = graph.node("MatMul", bent, graph.constant(spread(own, one.classes)))
    return shares_of(graph, bent, 1 if count == 2 else count)


def _by_temperature(graph: Graph, heard: str, steep: float, count: int, is_decision: bool) -> str:
    if not is_decision:
        heard = graph.node("Log", graph.node("Add", heard, graph.constant(np.array(_LEAST))))
    elif count == 2:
        heard = graph.node("Concat", graph.node("Neg", heard), heard, axis=1)
    return graph.node("Softmax", graph.node("Mul", heard, graph.constant(np.array(float(steep)))), axis=1)


#: It asks scikit-learn for what its classifiers are, which graphs are not: so it is a graph with all that is in it, or none.
CALIBRATED = Joining(_parts, lambda model, others: model, _join, is_whole=True)
