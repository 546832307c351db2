"""Numbers in what a run gives."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import DefinitionError
from partita.tune.objectives import objectives_of
from partita.values import DICT, INLINE, LIST, OBJECT, PLAIN, SELECT, TUPLE

RECORD = [OBJECT, "flows:Metrics", ["accuracy", "model"], [[PLAIN, 0.9], [INLINE, "pickle", b"", "a model"]]]
NODE = [DICT, ["metrics", "pair"], [RECORD, [TUPLE, [[PLAIN, 1], [PLAIN, {"deep": 2.5}]]]]]


def refuse(node: Any) -> Any:
    raise ValueError("workers only")


@pytest.mark.parametrize(
    ("name", "node", "value"),
    [
        ("metrics.accuracy", NODE, 0.9),
        ("pair.0", NODE, 1.0),
        ("pair.1.deep", NODE, 2.5),
        ("accuracy", [SELECT, NODE, ["metrics"]], 0.9),
        ("result", [PLAIN, {"result": 3, "other": 4}], 3.0),
        (None, [PLAIN, 0.25], 0.25),
        (None, [PLAIN, {"score": 0.5, "name": "x"}], 0.5),
        (None, RECORD, 0.9),
    ],
)
def test_a_place_in_a_value_is_found_without_opening_the_rest(name: str | None, node: Any, value: float) -> None:
    assert objectives_of(name).read(node, refuse) == [value]


@pytest.mark.parametrize(
    ("name", "node", "told"),
    [
        ("metrics.accurcy", NODE, "no 'metrics.accurcy'; its numbers are metrics.accuracy, pair.0, pair.1.deep"),
        ("metrics.model", NODE, "workers only"),
        (None, [PLAIN, {"a": 1, "b": 2}], "no single number; its numbers are a, b"),
        ("score", [PLAIN, 0.5], "no 'score'; it is a number itself: name no objective"),
        (None, [PLAIN, "text"], "returns a number"),
        (None, [PLAIN, None], "returns a number"),
        (None, [LIST, []], "no single number"),
        ("a", [PLAIN, {"a": "high"}], "no number"),
        ("a", [PLAIN, {"a": float("nan")}], "says nothing"),
        ("a", [PLAIN, {"a": True}], None),
    ],
)
def test_what_is_not_there_is_told_with_what_is(name: str | None, node: Any, told: str | None) -> None:
    if told is None:
        assert objectives_of(name).read(node, refuse) == [1.0]
        return
    with pytest.raises(ValueError, match=told):
        objectives_of(name).read(node, refuse)


def test_several_are_read_in_order() -> None:
    both = objectives_of({"pair.0": "minimize", "metrics.accuracy": "maximize"})
    assert both.read(NODE, refuse) == [1.0, 0.9] and list(both.directions.values()) == ["minimize", "maximize"]


def test_a_function_sees_the_whole_value() -> None:
    def halved(value: float) -> float:
        return value / 2

    made = objectives_of(halved, "minimize")
    assert made.directions == {"halved": "minimize"} and made.read([PLAIN, 3.0], lambda node: node[1]) == [1.5]
    several = objectives_of(lambda value: (value, -value), ["maximize", "minimize"])
    assert several.read([PLAIN, 3.0], lambda node: node[1]) == [3.0, -3.0]
    with pytest.raises(ValueError, match="gave 1 numbers, and 2"):
        objectives_of(lambda value: value, ["maximize", "minimize"]).read([PLAIN, 3.0], lambda node: node[1])


@pytest.mark.parametrize(
    ("objective", "direction"),
    [("a", "up"), ({"a": "more"}, "maximize"), ({}, "maximize"), (7, "maximize"), ("a", ["maximize"])],
)
def test_what_says_no_direction_is_refused(objective: Any, direction: Any) -> None:
    with pytest.raises(DefinitionError):
        objectives_of(objective, direction)
