"""Routes inside a graph: each row goes to one member, which runs on its own rows only, and what is out of scope to none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.compiling.graph import SLACK, Rows
from partita.compose.compiling.parts import (
    Joining,
    NextBest,
    NotJoined,
    Part,
    Teller,
    Told,
    copied,
    held,
    in_order,
    most_probable,
    spread,
)
from partita.compose.compiling.steps import Asked
from partita.compose.route import Route
from partita.compose.scope import is_learned

__all__ = ["ROUTE"]


class _Scores:
    """Scores of a detector that was compiled, as a route asks for them."""

    def __init__(self, model: Any, column: int | None) -> None:
        self.model, self.column = model, column

    def predict(self, rows: Any) -> Any:
        """(rows,): the higher, the more in scope."""
        if self.column is None:
            return self.model.transform(rows)
        return self.model.predict_proba(rows)[:, self.column]


def _lowered(threshold: float, slack: float) -> float:
    """A threshold of scores as it is in a graph: what reaches it exactly in Python is not below it by rounding."""
    return threshold - slack * max(1.0, abs(threshold)) if np.isfinite(threshold) else threshold


def _router(model: Route) -> Any:
    """What chooses among members; None: one answers all rows, or a rule of Python chooses."""
    return None if model.router_ is None or model.router_.only_ is not None else model.router_.router


def _is_ruled(model: Route) -> bool:
    return model.router_ is None and model.by is not None and not is_learned(model.by)


def _asked(model: Route) -> list[int]:
    """The numbers of members that answer any row."""
    if _is_ruled(model):
        return list(range(len(model.members_)))
    router = _router(model)
    if router is not None:
        return [int(number) for number in router.classes_]
    return [0 if model.router_ is None else model.router_.only_]


def _detector(model: Route) -> tuple[Any, int | None]:
    """What says how much a row is in scope, and in which column of its probabilities; None, None: how sure members are."""
    if model.out_of_scope is None or model.detector_ is None:
        return None, None
    found = model.detector_
    if isinstance(found, _Scores):
        return found.model, found.column
    if is_learned(found.detector):
        return found.detector, int(np.searchsorted(found.detector.classes_, 1))
    return Asked(found.detector, "score_samples"), None


def _parts(model: Route, rows: Any) -> list[Part]:
    found = [Part(model.names_[at], model.members_[at], rows) for at in _asked(model)]
    router, (detector, _) = _router(model), _detector(model)
    if router is not None:
        found.append(Part("router", router, rows))
    if detector is not None:
        found.append(Part("scope", detector, rows))
    return found


def _replaced(model: Route, others: Sequence[Any]) -> Any:
    left, members = list(others), list(model.members_)
    for at in _asked(model):
        members[at] = left.pop(0)
    made = copied(model, members_=members)
    if _router(model) is not None:
        made.router_ = copied(model.router_, router=left.pop(0))
    if left:
        made.detector_ = _Scores(left[0], _detector(model)[1])
    if model.out_of_scope is not None:
        made.threshold_ = _lowered(model.threshold_, SLACK)
    return made


def _join(teller: Teller, model: Route, rows: Rows) -> Told:
    if _is_ruled(model):
        rule = getattr(model.by, "__name__", type(model.by).__name__)
        raise NotJoined(f"the rule {rule} is a function of Python")
    graph = teller.graph
    answers, dimensions = _answers(teller, model, rows)
    if model._known is not None and model._calibrations:
        answers = held(graph, answers, model._calibrations[0])
    if model.out_of_scope is None:
        return (
            Told(answers, dimensions=dimensions)
            if model._known is None
            else most_probable(graph, answers, model.classes_)
        )
    is_outside = _is_outside(teller, model, rows, answers)
    if dimensions > 1:
        is_outside = graph.node("Unsqueeze", is_outside, graph.constant(np.array([1])))
    if model._known is None:
        nothing = np.nan if model.outside is None else float(model.outside)
        found = graph.node("Where", is_outside, graph.constant(np.array(nothing)), answers)
        return Told(found, dimensions=dimensions)
    placed = graph.node("MatMul", answers, graph.constant(spread(model._known, model.classes_)))
    outside = graph.constant((model.classes_ == model.outside).astype(np.float64)[None, :])
    return most_probable(graph, graph.node("Where", is_outside, outside, placed), model.classes_)


def _answers(teller: Teller, model: Route, rows: Rows) -> tuple[str, int]:
    """Of whoever answers, (rows,) values or (rows, classes or outputs), and how many dimensions that has."""
    graph, router, asked = teller.graph, _router(model), _asked(model)
    if router is None:
        told = teller.told(model.members_[asked[0]], rows)
        return in_order(graph, told, model._known), told.dimensions
    numbers = _numbers(teller, router, rows)
    width = getattr(model, "_outputs", None) if model._known is None else len(model._known)
    count = graph.node("Shape", numbers)
    nothing = np.zeros(1)
    if width is not None:
        count, nothing = graph.node("Concat", count, graph.constant(np.array([width])), axis=0), np.zeros((1, width))
    found = graph.node("Expand", graph.constant(nothing), count)
    for at in asked:
        found = _with_answers(teller, model, rows, at, numbers, found, nothing.ndim)
    return found, nothing.ndim


def _with_answers(
    teller: Teller, model: Route, rows: Rows, member: int, numbers: str, found: str, dimensions: int
) -> str:
    """What was found, and what a member answers for its own rows; it does not run where it has none."""
    graph = teller.graph
    own = graph.node("Equal", numbers, graph.constant(np.array(member)))
    some = graph.cast(graph.node("ReduceMax", graph.cast(own, "int64"), keepdims=0), "bool")

    def ask() -> str:
        told = teller.told(model.members_[member], rows.some(graph, own))
        places = graph.node("Transpose", graph.node("NonZero", own))
        return graph.node("ScatterND", found, places, in_order(graph, told, model._known))

    return graph.choose(some, ask, lambda: found, dimensions)


def _numbers(teller: Teller, router: Any, rows: Rows) -> str:
    """(rows,): of the member that answers each."""
    told = teller.told(router, rows)
    assert told.places is not None and told.classes is not None
    numbers: NDArray[np.int64] = np.asarray(told.classes).astype(np.int64)
    return teller.graph.node("Gather", teller.graph.constant(numbers), told.places())


def _is_outside(teller: Teller, model: Route, rows: Rows, answers: str) -> str:
    """(rows,): whether each is out of scope."""
    graph = teller.graph
    detector, column = _detector(model)
    if detector is None:
        scores = graph.node("ReduceMax", answers, graph.constant(np.array([1])), keepdims=0)
    else:
        told = teller.told(detector, rows)
        if told.given is None:
            raise NotJoined("the detector of what is out of scope gives no probabilities")
        scores = told.given
        if column is not None:
            scores = graph.node("Gather", scores, graph.constant(np.array(column)), axis=1)
    return graph.node("Less", scores, graph.constant(np.array(_lowered(float(model.threshold_), graph.slack))))


def _others(model: Route, within: float) -> list[Any]:
    found = []
    router = _router(model)
    if router is not None and hasattr(router, "predict_proba"):
        found.append(copied(model, router_=copied(model.router_, router=NextBest(router, within))))
    if model.out_of_scope is not None and np.isfinite(model.threshold_):
        wide = within * max(1.0, abs(model.threshold_))
        found += [copied(model, threshold_=model.threshold_ + way) for way in (wide, -wide)]
    return found


ROUTE = Joining(_parts, _replaced, _join, _others)
