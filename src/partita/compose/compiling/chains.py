"""Chains inside a graph: what one link gives is what the next one sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.compose.chain import Chain
from partita.compose.compiling.graph import Rows
from partita.compose.compiling.parts import (
    Joining,
    NextBest,
    NotJoined,
    Part,
    Teller,
    Told,
    beside,
    copied,
    held,
    in_order,
    most_probable,
)
from partita.compose.compiling.steps import Asked

__all__ = ["CHAIN"]

#: What a model is asked for as a composition's part; other ways to give need a model of their own.
_USUAL = ("predict_proba", "predict")


def _asked(model: Chain, number: int) -> Any:
    """A link as it is asked for what it gives."""
    link = model.links_[number]
    way = model.gives_[number].removeprefix("held_out_") if number < len(model.gives_) else "predict"
    is_usual = way in _USUAL or (way == "transform" and not hasattr(link, "predict"))
    return link if is_usual else Asked(link, way)


def _parts(model: Chain, rows: Any) -> list[Part]:
    seen = model.inputs_of_links(rows)
    return [
        Part(name, _asked(model, at), inputs) for at, (name, inputs) in enumerate(zip(model.names_, seen, strict=True))
    ]


def _replaced(model: Chain, others: Sequence[Any]) -> Any:
    asked = [isinstance(_asked(model, number), Asked) for number in range(len(others))]
    gives = ["transform" if is_asked else way for is_asked, way in zip(asked, model.gives_, strict=False)]
    return copied(model, links_=list(others), gives_=gives)


def _join(teller: Teller, model: Chain, rows: Rows) -> Told:
    graph, inputs = teller.graph, rows
    for number, name in enumerate(model.names_[:-1]):
        given = _given(teller, model, number, inputs)
        if model._appended(name) and inputs.texts is not None and not inputs.columns.names:
            raise NotJoined(f"what {name} gives stands beside texts that have no names")
        inputs = inputs.beside(graph, given) if model._appended(name) else Rows.made(given)
    told = teller.told(_asked(model, len(model.links_) - 1), inputs)
    if told.classes is None:
        return told
    if model.calibration_ is not None:
        given = held(graph, in_order(graph, told, model.classes_), model.calibration_)
        return most_probable(graph, given, model.classes_)
    if np.array_equal(told.classes, model.classes_):
        return told
    places, own = told.places, np.searchsorted(model.classes_, told.classes)
    assert places is not None
    return Told(
        None if told.given is None else in_order(graph, told, model.classes_),
        lambda: graph.node("Gather", graph.constant(own.astype(np.int64)), places()),
        model.classes_,
    )


def _given(teller: Teller, model: Chain, number: int, inputs: Rows) -> str:
    """(rows, columns): what a link gives on."""
    graph, way = teller.graph, model.gives_[number]
    told = teller.told(_asked(model, number), inputs)
    if told.classes is None or way not in _USUAL:
        return beside(graph, told)
    if way == "predict":
        return graph.node("Unsqueeze", _labels(teller, told), graph.constant(np.array([1])))
    classes: NDArray[Any] = model.classes_ if model._kind == "classifier" else told.classes
    given = in_order(graph, told, classes)
    # Of two classes, one says all.
    return graph.node("Gather", given, graph.constant(np.array([1])), axis=1) if len(classes) == 2 else given


def _labels(teller: Teller, told: Told) -> str:
    """(rows,): labels that are numbers."""
    assert told.classes is not None and told.places is not None
    return teller.graph.node("Gather", teller.graph.constant(told.classes.astype(np.float64)), told.places())


def _others(model: Chain, within: float) -> list[Any]:
    """Labels that are given on."""
    return [
        copied(model, links_=[*model.links_[:at], NextBest(model.links_[at], within), *model.links_[at + 1 :]])
        for at, way in enumerate(model.gives_)
        if way == "predict" and hasattr(model.links_[at], "predict_proba")
    ]


CHAIN = Joining(_parts, _replaced, _join, _others)
