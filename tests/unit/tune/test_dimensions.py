"""Ranges and choices, in Python and as texts."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import DefinitionError
from partita.tune import Choice, Range
from partita.tune.dimensions import dimension_of


class Kind(Enum):
    ROUND = "round"
    SQUARE = "square"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1..9", Range(1, 9)),
        ("0.0001..1:log", Range(0.0001, 1, log=True)),
        ("1..9:2", Range(1, 9, 2)),
        ("-1e-3 .. 5", Range(-0.001, 5)),
        ("line|forest", Choice("line", "forest")),
        ("1|2|4", Choice(1, 2, 4)),
        ("true|false", Choice(True, False)),
        ("null|0.5", Choice(None, 0.5)),
        ("1..9 when model=forest|tree", Range(1, 9, when={"model": ["forest", "tree"]})),
    ],
)
def test_texts_say_ranges_and_choices(text: str, wanted: Any) -> None:
    found = dimension_of(text)
    assert found.plain() == wanted.plain() and found.is_whole == wanted.is_whole


@pytest.mark.parametrize(
    "wrong", ["1..", "..", "", "1..x", "9..1", "0..1:log", "1..2:0", [], {}, {"low": 1}, {"low": 1, "hihg": 2}, 7]
)
def test_what_is_neither_is_told(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"range|choice|Range|Choice"):
        dimension_of(wrong)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Range(2, 1), "its low end comes first"),
        (lambda: Range(0, 1, log=True), "above 0"),
        (lambda: Range(1, 9, 2, True), "both log and step"),
        (lambda: Range(float("nan"), 1), "not a number"),
        (lambda: Range("1", 2), "not a number"),  # type: ignore[arg-type]
        (lambda: Range(0, 2**60), "past 2\\*\\*53"),
        (lambda: Choice(), "no values"),
        (lambda: Choice("a", "a"), "twice"),
        (lambda: Choice([1], [2]), "has no name in a record"),
    ],
)
def test_a_wrong_one_is_told(make: Any, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        make()


def test_a_type_decides_whether_numbers_are_whole() -> None:
    assert Range(1, 9).of_type(int).labels == list(range(1, 10))
    assert Range(1, 9).of_type(float).count is None
    assert Range(1.0, 9.0).of_type(int).is_whole
    assert Range(0, 1, 0.25).labels == [0.0, 0.25, 0.5, 0.75, 1.0]
    with pytest.raises(ValueError, match="not whole"):
        Range(0.5, 2).of_type(int)
    with pytest.raises(ValueError, match="gives numbers"):
        Range(1, 2).of_type(str)


def test_names_become_members_of_an_enum() -> None:
    made = Choice("ROUND", "square").of_type(Kind)
    assert [made.value(label) for label in made.labels] == [Kind.ROUND, Kind.SQUARE]
    assert Choice(*Kind).labels == ["ROUND", "SQUARE"]
    with pytest.raises(ValueError, match="no value of the parameter"):
        Choice("oval").of_type(Kind)


def test_values_of_any_kind_have_names() -> None:
    made = Choice({"few": [1, 2], "many": list(range(9))})
    assert made.labels == ["few", "many"] and made.value("few") == [1, 2]


def test_truths_and_numbers_are_told_apart() -> None:
    made = Choice(1, True)
    assert made.value(True) is True and made.value(1) == 1 and type(made.value(1)) is int


@given(
    low=st.integers(-50, 50), width=st.integers(0, 40), step=st.one_of(st.none(), st.integers(1, 7)),
)  # fmt: skip
def test_plain_data_give_the_same_again(low: int, width: int, step: int | None) -> None:
    made = Range(low, low + width, step)
    again = dimension_of(made.plain())
    assert again == made and again.labels == list(range(low, low + width + 1, step or 1))
