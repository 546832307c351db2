"""What is searched of a flow's signature."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from partita.errors import CheckError
from partita.flow.signature import Signature
from partita.tune import Choice, Range
from partita.tune.spaces import Space, space_of


class Kind(Enum):
    ROUND = 1
    SQUARE = 2


def train(
    rate: Annotated[float, Range(1e-4, 1, log=True)],
    depth: Annotated[int, Range(1, 9, step=2)] = 3,
    fast: bool = False,
    kind: Kind = Kind.ROUND,
    way: Literal["up", "down"] = "up",
    name: str = "",
) -> float:
    return rate


SIGNATURE = Signature(train)


def test_annotated_parameters_are_searched() -> None:
    space = space_of(SIGNATURE)
    assert space.plain() == {
        "rate": {"low": 0.0001, "high": 1.0, "log": True},
        "depth": {"low": 1, "high": 9, "step": 2},
    }


def test_what_is_given_is_not_searched() -> None:
    assert list(space_of(SIGNATURE, None, ["depth"]).dimensions) == ["rate"]


def test_types_are_spaces_where_they_are_named() -> None:
    space = space_of(SIGNATURE, ["fast", "kind", "way"], ["rate", "depth"])
    assert space.plain() == {
        "fast": {"choices": [False, True]}, "kind": {"choices": ["ROUND", "SQUARE"]}, "way": {"choices": ["up", "down"]},
    }  # fmt: skip
    assert space.values({"fast": True, "kind": "SQUARE", "way": "up"}) == {
        "fast": True,
        "kind": Kind.SQUARE,
        "way": "up",
    }
    assert space.size == 8 == len(list(space.combinations()))


def test_a_space_beside_the_signature_goes_before() -> None:
    space = space_of(SIGNATURE, {"rate": "0.1..0.2", "name": ["a", "b"]})
    assert space.plain()["rate"] == {"low": 0.1, "high": 0.2} and space.plain()["name"] == {"choices": ["a", "b"]}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(CheckError) as caught:
        space_of(
            SIGNATURE, {"rat": "1..2", "name": True, "fast": "1..3", "depth": Range(1, 2)}, ["depth"], "flows.py:3"
        )
    told = str(caught.value)
    assert "did you mean 'rate'" in told and "a str is no space by itself" in told
    assert "gives numbers, and the parameter is a bool" in told and "depth is given and searched" in told
    assert told.count("flows.py:3") == 4


def test_a_flow_of_which_nothing_is_searched_is_told() -> None:
    def plain(x: float) -> float:
        return x

    with pytest.raises(CheckError, match="nothing of plain is searched"):
        space_of(Signature(plain))


def test_conditions_come_in_an_order_that_can_be_drawn() -> None:
    space = Space({
        "leaf": Range(1, 2, when={"depth": [2, 3]}),
        "depth": Range(1, 3, when={"model": "tree"}),
        "model": Choice("tree", "line"),
    })  # fmt: skip
    assert list(space.dimensions) == ["model", "depth", "leaf"]
    assert not space.counts("depth", {"model": "line"}) and space.counts("depth", {"model": "tree"})
    assert space.size == 1 + 1 + 2 * 2
    assert {"model": "line"} in list(space.combinations())


@pytest.mark.parametrize(
    ("dimensions", "told"),
    [
        ({"a": Range(1, 2, when={"b": 1})}, "depends on 'b', which is neither given nor searched"),
        ({"a": Range(1, 2, when={"b": "z"}), "b": Choice("x", "y")}, "when b is 'z', which it cannot be"),
        ({"a": Range(1, 2, when={"b": 1}), "b": Range(1, 2, when={"a": 1})}, "depend on each other"),
    ],
)
def test_wrong_conditions_are_told(dimensions: Any, told: str) -> None:
    with pytest.raises(CheckError, match=told):
        Space(dimensions)


def test_what_is_not_always_searched_needs_a_default() -> None:
    with pytest.raises(CheckError, match="rate is not always searched, and has no default"):
        space_of(SIGNATURE, {"rate": Range(0, 1, when={"fast": True}), "fast": True})


def forked(
    model: Literal["forest", "boosted"],
    share: Annotated[float, Range(0.1, 1, when={"model": "forest", "kind": Kind.ROUND})] = 0.5,
    rate: Annotated[float, Range(0.01, 1, when={"fast": [True, None]})] = 0.1,
    fast: bool = False,
    kind: Kind = Kind.ROUND,
) -> float:
    return rate


FORKED = Signature(forked)


def test_conditions_hold_of_what_is_given_or_the_default() -> None:
    plain = {"low": 0.1, "high": 1}
    assert space_of(FORKED, None, {"model": "forest"}).plain() == {"share": plain}
    assert space_of(FORKED, None, {"model": "forest", "fast": "true"}).plain() == {
        "share": plain, "rate": {"low": 0.01, "high": 1},
    }  # fmt: skip
    assert space_of(FORKED, None, {"model": "boosted", "fast": True}).plain().keys() == {"rate"}
    assert space_of(FORKED, None, {"model": "forest", "kind": "SQUARE", "fast": "null"}).plain().keys() == {"rate"}
    assert space_of(FORKED, None, {"model": "forest", "kind": Kind.ROUND}).plain() == {"share": plain}
    for text in ("yes", "True", "on", "1"):  # as the flow will read it
        assert "rate" in space_of(FORKED, None, {"model": "boosted", "fast": text}).plain()
    # What is searched as well is a condition still.
    found = space_of(FORKED, ["model"], {"kind": Kind.ROUND}).plain()
    assert found["share"] == {**plain, "when": {"model": ["forest"]}} and list(found) == ["model", "share"]


def chained(
    model: Literal["forest", "boosted"],
    rate: Annotated[float, Range(0, 1)] = 0.1,
    grown: Annotated[str, Choice("deep", "wide", when={"model": "forest"})] = "wide",
    depth: Annotated[int, Range(1, 9, when={"grown": "deep"})] = 3,
) -> float:
    return rate


def test_what_depends_on_what_is_never_searched_is_never_searched() -> None:
    assert list(space_of(Signature(chained), None, {"model": "boosted"}).dimensions) == ["rate"]
    assert list(space_of(Signature(chained), None, {"model": "forest"}).dimensions) == ["rate", "grown", "depth"]


def test_a_condition_that_does_not_hold_is_told_of_what_was_asked_for() -> None:
    with pytest.raises(CheckError, match="share is searched when model is 'forest', and it is 'boosted'"):
        space_of(FORKED, ["share"], {"model": "boosted"})
    with pytest.raises(CheckError, match="nothing of forked is searched"):
        space_of(FORKED, None, {"model": "boosted"})
    with pytest.raises(CheckError, match="share depends on 'model', which is neither given nor searched") as caught:
        space_of(FORKED)
    assert "search model, too" in str(caught.value)
