"""How compositions are joined inside a graph: one small function for each, in a table.

To let another composition be compiled, add a row to `JOININGS`: what its parts are and which rows each sees, how a copy with
other parts is made, and the nodes that make its answer out of theirs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from partita.compose.auto import Auto
from partita.compose.calibration import Calibration
from partita.compose.cascade import Cascade
from partita.compose.compiling.calibrated import calibrated, least_costly
from partita.compose.compiling.graph import Graph, Rows
from partita.compose.compiling.steps import Steps, steps_of
from partita.compose.folds import aligned
from partita.compose.severity import Severity
from partita.compose.soup import Soup
from partita.compose.stack import Stack
from partita.compose.vote import Vote
from partita.compose.weighted import Weighted

__all__ = ["JOININGS", "Joining", "NotJoined", "Part", "Told", "joining_of", "refusal_of"]

#: Thresholds are lower by this in a graph, so that a probability which is one exactly is not below it by rounding to float32.
_SLACK = 1e-6


class NotJoined(Exception):
    """A composition cannot be said in a graph; its members can."""


@dataclass(frozen=True)
class Part:
    """A model inside of another one."""

    name: str
    model: Any
    rows: Any  # that it sees, in Python


@dataclass(frozen=True)
class Told:
    """What a model says inside a graph."""

    given: str | None  # doubles: (rows, classes) of probabilities, (rows[, outputs]) of values, (rows, features)
    places: Callable[[], str] | None = (
        None  # of a classifier: makes (rows,) int64, the places of its labels in `classes`
    )
    classes: NDArray[Any] | None = None
    dimensions: int = 2  # of `given`


class Teller(Protocol):
    """Who puts any model into the graph."""

    graph: Graph

    def told(self, model: Any, rows: Rows) -> Told:
        """What the model says of the rows."""


@dataclass(frozen=True)
class Joining:
    """One kind of composition."""

    parts: Callable[[Any, Any], list[Part]]  # of (a fitted composition, rows)
    replaced: Callable[[Any, Sequence[Any]], Any]  # of (it, others in the order of its parts): a copy with those
    join: Callable[[Teller, Any, Rows], Told]


def joining_of(model: Any) -> Joining | None:
    """How a model is joined of its parts; None: it is one piece."""
    if not hasattr(model, "predict") or refusal_of(
        model
    ):  # a pipeline that only transforms, or none that can be joined
        return None
    return next((joining for kind, joining in JOININGS if isinstance(model, kind)), None)


def refusal_of(model: Any) -> str:
    """Why a composition stays in Python with all that is in it; "": it does not."""
    if isinstance(model, Vote) and model._how() == "rank":
        return 'ranks compare the rows that are predicted together, and what is equal but for rounding; vote "soft" or "median"'
    return ""


# What several need


def _with(model: Any, **attributes: Any) -> Any:
    found = copy.copy(model)
    for name, value in attributes.items():
        setattr(found, name, value)
    return found


def _members(model: Any, rows: Any) -> list[Part]:
    return [Part(name, member, rows) for name, member in zip(model.names_, model.members_, strict=True)]


def _replaced_members(model: Any, others: Sequence[Any]) -> Any:
    return _with(model, members_=list(others))


def _aligned(graph: Graph, told: Told, classes: NDArray[Any] | None) -> str:
    """What a member gives, in the order of all classes, 0 for those that it has never seen."""
    if told.given is None:
        raise NotJoined("a member gives no probabilities")
    if classes is None or np.array_equal(told.classes, classes):  # type: ignore[arg-type]
        return told.given
    assert told.classes is not None
    return graph.node("MatMul", told.given, graph.constant(_spread(told.classes, classes)))


def _spread(own: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """(own classes, classes): 1 where they are the same."""
    found = np.zeros((len(own), len(classes)))
    found[np.arange(len(own)), np.searchsorted(classes, own)] = 1.0
    return found


def _mean(graph: Graph, tensors: Sequence[str], weights: Iterable[float]) -> str:
    scaled = [
        graph.node("Mul", tensor, graph.constant(np.array(float(weight))))
        for tensor, weight in zip(tensors, weights, strict=True)
    ]
    found = scaled[0]
    for each in scaled[1:]:  # one after the other, as Python adds
        found = graph.node("Add", found, each)
    return found


def _held(graph: Graph, given: str, calibration: Calibration | None) -> str:
    """What is given, calibrated where it is so in Python."""
    if calibration is None:
        return given
    try:
        return calibrated(graph, given, calibration)
    except ValueError as error:
        raise NotJoined(str(error)) from error


def _most(graph: Graph, given: str, classes: NDArray[Any]) -> Told:
    """A classifier whose label is the most probable class."""
    return Told(given, lambda: graph.largest(given), classes)


# A mean with weights: Blend, Select and whatever else weighs


def _weighted_parts(model: Weighted, rows: Any) -> list[Part]:
    return [_members(model, rows)[at] for at in np.flatnonzero(model.weights_)]


def _replaced_weighted(model: Weighted, others: Sequence[Any]) -> Any:
    members: list[Any] = [None] * len(model.members_)  # those without weight are not asked
    for at, other in zip(np.flatnonzero(model.weights_), others, strict=True):
        members[at] = other
    return _with(model, members_=members)


def _join_weighted(teller: Teller, model: Weighted, rows: Rows) -> Told:
    classes = model.classes_ if model._kind == "classifier" else None
    used = np.flatnonzero(model.weights_)
    told = [teller.told(model.members_[at], rows) for at in used]
    given = [_aligned(teller.graph, each, classes) for each in told]
    if isinstance(model, Severity) and model.calibrations_:
        given = [_held(teller.graph, each, model.calibrations_[at]) for at, each in zip(used, given, strict=True)]
    mixed = _held(teller.graph, _mean(teller.graph, given, model.weights_[used]), model.calibration_)
    if classes is None:
        return Told(mixed, dimensions=told[0].dimensions)
    if isinstance(model, Severity):
        costs = model.factors_[:, None] * model.matrix_
        return Told(mixed, lambda: least_costly(teller.graph, mixed, costs), classes)
    return _most(teller.graph, mixed, classes)


# Votes


def _join_vote(teller: Teller, model: Vote, rows: Rows) -> Told:
    graph, how = teller.graph, model._how()
    classes = model.classes_ if model._kind == "classifier" else None
    told = [teller.told(member, rows) for member in model.members_]
    if how == "hard":
        assert classes is not None
        votes = [_vote(graph, each, classes) for each in told]
        counted = _mean(graph, votes, model.weights_)
        return Told(None, _most(graph, counted, classes).places, classes)
    given = [_aligned(graph, each, classes) for each in told]
    mixed = _median(graph, given) if how == "median" else _mean(graph, given, model.weights_)
    if classes is None:
        return Told(mixed, dimensions=told[0].dimensions)
    total = graph.node("ReduceSum", mixed, graph.constant(np.array([1])), keepdims=1)
    some = graph.node("Greater", total, graph.constant(np.array(0.0)))
    shares = graph.node("Div", mixed, graph.node("Where", some, total, graph.constant(np.array(1.0))))
    whole = graph.node("Where", some, shares, graph.constant(np.array(1.0 / len(classes))))
    return _most(graph, _held(graph, whole, model.calibration_), classes)


def _vote(graph: Graph, told: Told, classes: NDArray[Any]) -> str:
    """(rows, classes): 1 for the label."""
    assert told.classes is not None and told.places is not None
    return graph.node("Gather", graph.constant(_spread(told.classes, classes)), told.places(), axis=0)


def _median(graph: Graph, given: Sequence[str]) -> str:
    beside = [graph.node("Unsqueeze", each, graph.constant(np.array([0]))) for each in given]
    together = graph.node("Concat", *beside, axis=0)
    middle = len(given) // 2 + 1
    largest = graph.node("TopK", together, graph.constant(np.array([middle])), results=2, axis=0)
    last = [middle - 1] if len(given) % 2 else [middle - 2, middle - 1]
    both = graph.node("Gather", largest, graph.constant(np.array(last)), axis=0)
    return graph.node("ReduceMean", both, graph.constant(np.array([0])), keepdims=0)


# Cascades


def _replaced_cascade(model: Cascade, others: Sequence[Any]) -> Any:
    return _with(model, members_=list(others), thresholds_=model.thresholds_ - _SLACK)


def _join_cascade(teller: Teller, model: Cascade, rows: Rows) -> Told:
    given = _answered(teller, model, rows, 0)
    return _most(teller.graph, given, model.classes_)


def _answered(teller: Teller, model: Cascade, rows: Rows, stage: int) -> str:
    """(rows, classes): who is sure answers; the rest is asked of the next member, if there is any, and only that."""
    graph = teller.graph
    given = _aligned(graph, teller.told(model.members_[stage], rows), model.classes_)
    given = _held(graph, given, model.calibrations_[stage] if model.calibrations_ else None)
    if stage == len(model.thresholds_):
        return given
    threshold = graph.constant(np.array(float(model.thresholds_[stage]) - _SLACK))
    sure = graph.node("ReduceMax", given, graph.constant(np.array([1])), keepdims=0)
    unsure = graph.node("Less", sure, threshold)
    some = graph.node("ReduceMax", graph.cast(unsure, "int64"), keepdims=0)

    def ask() -> str:
        asked = _answered(teller, model, rows.some(graph, unsure), stage + 1)
        places = graph.node("Transpose", graph.node("NonZero", unsure))
        return graph.node("ScatterND", given, places, asked)

    return graph.choose(graph.cast(some, "bool"), ask, lambda: given, dimensions=2)


# Stacks


def _stack_parts(model: Stack, rows: Any) -> list[Part]:
    rows = model._looked_at(rows)
    classes = model.classes_ if model._kind == "classifier" else None
    found, inputs = [], rows
    for number, (members, modes) in enumerate(zip(model.layers_, model._mode, strict=True)):
        names = model.names_ if not number else [f"layer {number + 1}, {at + 1}" for at in range(len(members))]
        found += [Part(name, member, inputs) for name, member in zip(names, members, strict=True)]
        inputs = model._beside([aligned(member, inputs, classes) for member in members], modes, rows)
    return [*found, Part("final", model.final_, inputs)]


def _replaced_stack(model: Stack, others: Sequence[Any]) -> Any:
    left, layers = list(others), []
    for layer in model.layers_:
        layers.append(left[: len(layer)])
        left = left[len(layer) :]
    return _with(model, layers_=layers, final_=left[0])


def _join_stack(teller: Teller, model: Stack, rows: Rows) -> Told:
    graph = teller.graph
    classes = model.classes_ if model._kind == "classifier" else None
    if model.passthrough and rows.columns.texts:
        raise NotJoined("texts are passed to the final model")
    inputs = rows
    for members in model.layers_:
        columns = []
        for member in members:
            told = teller.told(member, inputs)
            given = _aligned(graph, told, classes)
            if classes is not None and len(classes) == 2:  # of two classes, one says all
                given = graph.node("Gather", given, graph.constant(np.array([1])), axis=1)
            elif told.dimensions == 1:
                given = graph.node("Unsqueeze", given, graph.constant(np.array([1])))
            columns.append(given)
        if model.passthrough:
            assert rows.numbers is not None
            columns.append(rows.numbers)
        inputs = Rows.made(graph.node("Concat", *columns, axis=1) if len(columns) > 1 else columns[0])
    told = teller.told(model.final_, inputs)
    if model.calibration_ is None:
        return told
    return _most(graph, _held(graph, _aligned(graph, told, classes), model.calibration_), model.classes_)


# Pipelines and searches


def _pipeline_parts(model: Any, rows: Any) -> list[Part]:
    before, (name, last) = steps_of(model)
    if before is None:
        return [Part(name, last, rows)]
    made = before.transform(rows)
    names = "+".join(each for each, step in model.steps[:-1] if step is not None and step != "passthrough")
    return [Part(names, before, rows), Part(name, last, np.asarray(made) if hasattr(made, "iloc") else made)]


def _replaced_pipeline(model: Any, others: Sequence[Any]) -> Any:
    return Steps(others[0] if len(others) == 2 else None, others[-1])


def _join_pipeline(teller: Teller, model: Any, rows: Rows) -> Told:
    before, (_, last) = steps_of(model)
    if before is None:
        return teller.told(last, rows)
    made = teller.told(before, rows)
    assert made.given is not None
    return teller.told(last, Rows.made(made.given))


#: What is joined of parts, and how; the first that fits counts.
JOININGS: tuple[tuple[type, Joining], ...] = (
    (Weighted, Joining(_weighted_parts, _replaced_weighted, _join_weighted)),
    (Vote, Joining(_members, _replaced_members, _join_vote)),
    (Cascade, Joining(_members, _replaced_cascade, _join_cascade)),
    (Stack, Joining(_stack_parts, _replaced_stack, _join_stack)),
    (
        Auto,
        Joining(
            lambda model, rows: [Part(model.chosen_, model.model_, rows)],
            lambda model, others: _with(model, model_=others[0]),
            lambda teller, model, rows: teller.told(model.model_, rows),
        ),
    ),
    (
        Soup,
        Joining(
            lambda model, rows: [Part("soup", model.model_, rows)],
            lambda model, others: _with(model, model_=others[0]),
            lambda teller, model, rows: teller.told(model.model_, rows),
        ),
    ),
    (Pipeline, Joining(_pipeline_parts, _replaced_pipeline, _join_pipeline)),
    (
        BaseSearchCV,
        Joining(
            lambda model, rows: [Part("best", model.best_estimator_, rows)],
            lambda model, others: others[0],
            lambda teller, model, rows: teller.told(model.best_estimator_, rows),
        ),
    ),
)
