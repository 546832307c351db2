"""How compositions are joined inside a graph: one small function for each, in a table.

To let another composition be compiled, add a row to `JOININGS`: what its parts are and which rows each sees, how a copy with
other parts is made, and the nodes that make its answer out of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from partita.compose.auto import Auto
from partita.compose.bag import Bag
from partita.compose.cascade import Cascade
from partita.compose.chain import Chain
from partita.compose.compiling.calibrated import least_costly
from partita.compose.compiling.calibrators import CALIBRATED
from partita.compose.compiling.chains import CHAIN
from partita.compose.compiling.graph import SLACK, Graph, Rows
from partita.compose.compiling.parts import (
    Joining,
    NextBest,
    NotJoined,
    Part,
    Teller,
    Told,
    beside,
    calibrations_of,
    copied,
    held,
    in_order,
    most_probable,
    parts_of_members,
    spread,
    with_members,
)
from partita.compose.compiling.routes import ROUTE
from partita.compose.compiling.steps import Asked, AskedSteps, Steps, steps_of
from partita.compose.distil import Distil
from partita.compose.folds import aligned
from partita.compose.route import Route
from partita.compose.severity import Severity
from partita.compose.soup import Soup
from partita.compose.stack import Stack
from partita.compose.vote import Vote
from partita.compose.weighted import Weighted

__all__ = ["JOININGS", "has_steps", "joining_of", "refusal_of"]


def joining_of(model: Any) -> Joining | None:
    """How a model is joined of its parts; None: it is one piece."""
    if isinstance(model, Asked):
        return _ASKED if isinstance(model.model, (Pipeline, BaseSearchCV)) else None
    if not hasattr(model, "predict") or refusal_of(
        model
    ):  # a pipeline that only transforms, or none that can be joined
        return None
    return next((joining for kind, joining in JOININGS if isinstance(model, kind)), None)


def has_steps(model: Any) -> bool:
    """Whether isotonic calibration is in it: its steps, where they are steep, make much of what float32 leaves out."""
    if isinstance(model, CalibratedClassifierCV):
        return any(one.method == "isotonic" for one in model.calibrated_classifiers_)
    return any(each.method == "isotonic" for several in calibrations_of(model).values() for each in several)


def refusal_of(model: Any) -> str:
    """Why a composition stays in Python with all that is in it; "": it does not."""
    if isinstance(model, Vote) and model._how() == "rank":
        return 'ranks compare the rows that are predicted together, and what is equal but for rounding; vote "soft" or "median"'
    return ""


def _mean(graph: Graph, tensors: Sequence[str], weights: Iterable[float]) -> str:
    scaled = [
        graph.node("Mul", tensor, graph.constant(np.array(float(weight))))
        for tensor, weight in zip(tensors, weights, strict=True)
    ]
    found = scaled[0]
    for each in scaled[1:]:  # one after the other, as Python adds
        found = graph.node("Add", found, each)
    return found


# A mean with weights: Blend, Select and whatever else weighs


def _weighted_parts(model: Weighted, rows: Any) -> list[Part]:
    return [parts_of_members(model, rows)[at] for at in np.flatnonzero(model.weights_)]


def _replaced_weighted(model: Weighted, others: Sequence[Any]) -> Any:
    members: list[Any] = [None] * len(model.members_)  # those without weight are not asked
    for at, other in zip(np.flatnonzero(model.weights_), others, strict=True):
        members[at] = other
    return copied(model, members_=members)


def _join_weighted(teller: Teller, model: Weighted, rows: Rows) -> Told:
    classes = model.classes_ if model._kind == "classifier" else None
    used = np.flatnonzero(model.weights_)
    told = [teller.told(model.members_[at], rows) for at in used]
    given = [in_order(teller.graph, each, classes) for each in told]
    if isinstance(model, Severity) and model.calibrations_:
        given = [held(teller.graph, each, model.calibrations_[at]) for at, each in zip(used, given, strict=True)]
    mixed = held(teller.graph, _mean(teller.graph, given, model.weights_[used]), model.calibration_)
    if classes is None:
        return Told(mixed, dimensions=told[0].dimensions)
    if isinstance(model, Severity):
        costs = model.factors_[:, None] * model.matrix_
        return Told(mixed, lambda: least_costly(teller.graph, mixed, costs), classes)
    return most_probable(teller.graph, mixed, classes)


def _other_costs(model: Any, within: float) -> list[Any]:
    """A decision by costs near its border; other means say what is most probable, of which the gate knows how near it is."""
    if not isinstance(model, Severity):
        return []
    dearest = float(np.abs(model.factors_[:, None] * model.matrix_).sum(axis=0).max())
    return [NextBest(model, within * max(1.0, dearest), lambda rows: -model.expected_costs(rows))]


# Votes


def _join_vote(teller: Teller, model: Vote, rows: Rows) -> Told:
    graph, how = teller.graph, model._how()
    classes = model.classes_ if model._kind == "classifier" else None
    told = [teller.told(member, rows) for member in model.members_]
    if how == "hard":
        assert classes is not None
        votes = [_vote(graph, each, classes) for each in told]
        counted = _mean(graph, votes, model.weights_)
        return Told(None, most_probable(graph, counted, classes).places, classes)
    given = [in_order(graph, each, classes) for each in told]
    mixed = _median(graph, given) if how == "median" else _mean(graph, given, model.weights_)
    if classes is None:
        return Told(mixed, dimensions=told[0].dimensions)
    total = graph.node("ReduceSum", mixed, graph.constant(np.array([1])), keepdims=1)
    some = graph.node("Greater", total, graph.constant(np.array(0.0)))
    shares = graph.node("Div", mixed, graph.node("Where", some, total, graph.constant(np.array(1.0))))
    whole = graph.node("Where", some, shares, graph.constant(np.array(1.0 / len(classes))))
    return most_probable(graph, held(graph, whole, model.calibration_), classes)


def _other_votes(model: Vote, within: float) -> list[Any]:
    if model._how() != "hard":
        return []
    return [
        copied(model, members_=[*model.members_[:at], NextBest(each, within), *model.members_[at + 1 :]])
        for at, each in enumerate(model.members_)
        if hasattr(each, "predict_proba")
    ]


def _vote(graph: Graph, told: Told, classes: NDArray[Any]) -> str:
    """(rows, classes): 1 for the label."""
    assert told.classes is not None and told.places is not None
    return graph.node("Gather", graph.constant(spread(told.classes, classes)), told.places(), axis=0)


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
    return copied(model, members_=list(others), thresholds_=model.thresholds_ - SLACK)


def _join_cascade(teller: Teller, model: Cascade, rows: Rows) -> Told:
    given = _answered(teller, model, rows, 0)
    return most_probable(teller.graph, given, model.classes_)


def _answered(teller: Teller, model: Cascade, rows: Rows, stage: int) -> str:
    """(rows, classes): who is sure answers; the rest is asked of the next member, if there is any, and only that."""
    graph = teller.graph
    given = in_order(graph, teller.told(model.members_[stage], rows), model.classes_)
    given = held(graph, given, model.calibrations_[stage] if model.calibrations_ else None)
    if stage == len(model.thresholds_):
        return given
    threshold = graph.constant(np.array(float(model.thresholds_[stage]) - graph.slack))
    sure = graph.node("ReduceMax", given, graph.constant(np.array([1])), keepdims=0)
    unsure = graph.node("Less", sure, threshold)
    some = graph.node("ReduceMax", graph.cast(unsure, "int64"), keepdims=0)

    def ask() -> str:
        asked = _answered(teller, model, rows.some(graph, unsure), stage + 1)
        places = graph.node("Transpose", graph.node("NonZero", unsure))
        return graph.node("ScatterND", given, places, asked)

    return graph.choose(graph.cast(some, "bool"), ask, lambda: given, dimensions=2)


def _other_thresholds(model: Cascade, within: float) -> list[Any]:
    ways = [
        sign * within * np.eye(len(model.thresholds_))[at] for at in range(len(model.thresholds_)) for sign in (1, -1)
    ]
    return [copied(model, thresholds_=model.thresholds_ + way) for way in ways]


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
    return copied(model, layers_=layers, final_=left[0])


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
            given = in_order(graph, told, classes)
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
    return most_probable(graph, held(graph, in_order(graph, told, classes), model.calibration_), model.classes_)


# Bags


def _bag_parts(model: Bag, rows: Any) -> list[Part]:
    rows = model._looked_at(rows)
    count = len(model.names_)
    return [
        Part(f"{model.names_[at % count]} {at // count + 1}", drawn.member_, drawn._columns(rows))
        for at, drawn in enumerate(model.members_)
    ]


def _replaced_bag(model: Bag, others: Sequence[Any]) -> Any:
    drawn = [copied(each, member_=other) for each, other in zip(model.members_, others, strict=True)]
    return copied(model, members_=drawn)


def _join_bag(teller: Teller, model: Bag, rows: Rows) -> Told:
    graph = teller.graph
    classes = model.classes_ if model._kind == "classifier" else None
    told = [
        teller.told(each.member_, rows if each.features is None else rows.taken(graph, each.features.tolist()))
        for each in model.members_
    ]
    total = graph.node("Sum", *(in_order(graph, each, classes) for each in told))
    mixed = held(graph, graph.node("Div", total, graph.constant(np.array(float(len(told))))), model.calibration_)
    return Told(mixed, dimensions=told[0].dimensions) if classes is None else most_probable(graph, mixed, classes)


# What was distilled: the student alone


def _distil_parts(model: Distil, rows: Any) -> list[Part]:
    return [Part("student", model._pupil.student, rows)]


def _replaced_distil(model: Distil, others: Sequence[Any]) -> Any:
    return copied(model, student_=others[0], _pupil=copied(model._pupil, student=others[0]))


def _join_distil(teller: Teller, model: Distil, rows: Rows) -> Told:
    graph, pupil = teller.graph, model._pupil
    told = teller.told(pupil.student, rows)
    if pupil.shown == "values":
        return told
    if pupil.shown == "classes":  # by their numbers
        return most_probable(graph, in_order(graph, told, np.arange(pupil.count_)), model.classes_)
    odds = beside(graph, told)
    if told.dimensions == 1:
        halves = graph.node("Mul", odds, graph.constant(np.array(0.5)))
        odds = graph.node("Concat", graph.node("Neg", halves), halves, axis=1)
    return most_probable(graph, graph.node("Softmax", odds, axis=1), model.classes_)


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


# Pipelines and searches that are asked for something else than predictions


def _asked_parts(model: Asked, rows: Any) -> list[Part]:
    inner = joining_of(model.model)
    assert inner is not None
    *before, last = inner.parts(model.model, rows)
    return [*before, Part(last.name, Asked(last.model, model.way), last.rows)]


def _join_asked(teller: Teller, model: Asked, rows: Rows) -> Told:
    if isinstance(model.model, BaseSearchCV):
        return teller.told(Asked(model.model.best_estimator_, model.way), rows)
    before, (_, last) = steps_of(model.model)
    if before is not None:
        rows = Rows.made(beside(teller.graph, teller.told(before, rows)))
    return teller.told(Asked(last, model.way), rows)


_ASKED = Joining(
    _asked_parts,
    lambda model, others: AskedSteps(others[0] if len(others) == 2 else None, others[-1]),
    _join_asked,
)

#: What is joined of parts, and how; the first that fits counts.
JOININGS: tuple[tuple[type, Joining], ...] = (
    (Weighted, Joining(_weighted_parts, _replaced_weighted, _join_weighted, _other_costs)),
    (Vote, Joining(parts_of_members, with_members, _join_vote, _other_votes)),
    (Cascade, Joining(parts_of_members, _replaced_cascade, _join_cascade, _other_thresholds)),
    (Stack, Joining(_stack_parts, _replaced_stack, _join_stack)),
    (Bag, Joining(_bag_parts, _replaced_bag, _join_bag)),
    (Route, ROUTE),
    (Chain, CHAIN),
    (Distil, Joining(_distil_parts, _replaced_distil, _join_distil)),
    (
        Auto,
        Joining(
            lambda model, rows: [Part(model.chosen_, model.model_, rows)],
            lambda model, others: copied(model, model_=others[0]),
            lambda teller, model, rows: teller.told(model.model_, rows),
        ),
    ),
    (
        Soup,
        Joining(
            lambda model, rows: [Part("soup", model.model_, rows)],
            lambda model, others: copied(model, model_=others[0]),
            lambda teller, model, rows: teller.told(model.model_, rows),
        ),
    ),
    (CalibratedClassifierCV, CALIBRATED),
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
