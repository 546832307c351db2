"""Inputs from outside, as Python values and as command-line texts."""

# ruff: noqa: UP045 - the older spellings are what is tested

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import CheckError
from partita.flow.inputs import convert_inputs, convert_text
from partita.flow.signature import Signature


class Color(Enum):
    RED = "r"
    BLUE = "b"


@dataclass
class Range:
    low: int
    high: float = 1.0


TEXTS = [
    ("7", int, 7),
    ("-7", int, -7),
    ("12345678901234567890123", int, 12345678901234567890123),
    ("1.5", float, 1.5),
    ("2", float, 2.0),
    ("1e-3", float, 0.001),
    ("true", bool, True),
    ("no", bool, False),
    ("a b", str, "a b"),
    ("7", str, "7"),
    ("[1, 2]", list[int], [1, 2]),
    ('["a"]', list[str], ["a"]),
    ('{"a": 1}', dict[str, int], {"a": 1}),
    ('[1, "a"]', tuple[int, str], (1, "a")),
    ("2024-02-29", date, date(2024, 2, 29)),
    ("2024-02-29T10:00:00", datetime, datetime(2024, 2, 29, 10)),
    ("P1D", timedelta, timedelta(days=1)),
    ("1h30m", timedelta, timedelta(minutes=90)),
    ("90", timedelta, timedelta(seconds=90)),
    ("5m", timedelta | None, timedelta(minutes=5)),
    ("0.10", Decimal, Decimal("0.10")),
    ("RED", Color, Color.RED),
    ("b", Color, Color.BLUE),
    ('{"low": 1}', Range, Range(1, 1.0)),
    ('[{"low": 1, "high": 2.5}]', list[Range], [Range(1, 2.5)]),
    ("a/b", Path, Path("a/b")),
    ("null", Optional[int], None),
    ("7", Optional[int], 7),
    ("none", str | None, None),
    ("x", str | None, "x"),
    ("7", int | str, 7),
    ("x", int | str, "x"),
    ("1.5", int | float, 1.5),
    ("3", int | float, 3),
    ("a", Literal["a", "b"], "a"),
    ("2", Literal[1, 2], 2),
    ('{"a": [1]}', dict, {"a": [1]}),
    ("[1]", Any, [1]),
    ("word", Any, "word"),
    ('["2024-01-01"]', list[date], [date(2024, 1, 1)]),
    ('["RED"]', list[str], ["RED"]),
    ('["r"]', list[Color], [Color.RED]),
    ("[1]", list[int] | None, [1]),
]


@pytest.mark.parametrize(("text", "annotation", "value"), TEXTS)
def test_texts_become_values(text: str, annotation: Any, value: Any):
    converted = convert_text(text, annotation)
    assert converted == value and type(converted) is type(value)


WRONG = [
    ("1e15", timedelta, "longer than a timedelta can be"),
    ("x", int, "'x' is not a whole number"),
    ("1.5", int, "not a whole number"),
    ("x", float, "not a number"),
    ("nan", float, "not a finite number"),
    ("Infinity", float, "not a finite number"),
    ("maybe", bool, "neither true nor false"),
    ("[1, NaN]", list[float], "NaN is not JSON"),
    ('{"a": -Infinity}', dict[str, float], "-Infinity is not JSON"),
    ("[1e999]", list[float], "too large"),
    ("[1", list[int], "is not JSON"),
    ('["1"]', list[int], "[0]: Input should be a valid integer"),
    ("[1.5]", list[int], "[0]"),
    ("yesterday", date, "date"),
    ("2023-02-29", date, "date"),
    ("green", Color, "'green' is none of RED, BLUE"),
    ('{"lo": 1}', Range, "low"),
    ("c", Literal["a", "b"], "'c' is none of a, b"),
    ("x", Optional[int], "not a whole number"),
    ("NaN", Any, "NaN is not JSON"),
]


@pytest.mark.parametrize(("text", "annotation", "reason"), WRONG)
def test_texts_that_stand_for_nothing_are_refused(text: str, annotation: Any, reason: str):
    with pytest.raises(ValueError) as caught:
        convert_text(text, annotation)
    assert reason in str(caught.value)


def study(
    start: date, sizes: list[int], rate: float = 0.1, *, color: Color = Color.RED, where: Range | None = None
) -> None: ...


def test_values_and_texts_come_together():
    args, keywords = convert_inputs(
        Signature(study), (date(2024, 1, 1),), {"where": {"low": 3}}, {"sizes": "[1]", "color": "BLUE"}
    )
    assert args == (date(2024, 1, 1),)
    assert keywords == {"sizes": [1], "color": Color.BLUE, "where": Range(3)}


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(CheckError) as caught:
        convert_inputs(Signature(study), (), {"sizes": ["a"]}, {"rate": "fast", "colour": "RED"}, "flows.py:3")
    problems = caught.value.problems
    assert [problem.message for problem in problems] == [
        "study has no parameter 'colour'; did you mean 'color'?",
        "study is missing its argument 'start' (date)",
        "study's input sizes: [0]: Input should be a valid integer, got 'a'",
        "study's input rate: 'fast' is not a number",
    ]
    assert all(problem.place == "flows.py:3" for problem in problems)
    assert problems[2].remedy == "give a value of type list[int]"


def test_too_many_arguments_are_refused():
    with pytest.raises(CheckError, match="takes at most 3 positional arguments, 4 were given"):
        convert_inputs(Signature(study), (date(2024, 1, 1), [], 0.1, 5), {})


def test_python_values_are_not_guessed():
    with pytest.raises(CheckError, match=r"study's input start: '2024-01-01' \(str\), not date"):
        convert_inputs(Signature(study), ("2024-01-01", []), {})


def test_objects_of_the_right_type_stay_themselves():
    where = Range(1)
    _, keywords = convert_inputs(Signature(study), (date(2024, 1, 1), [1]), {"where": where})
    assert keywords["where"] is where


@given(st.integers())
def test_whole_numbers_are_exact(number: int):
    assert convert_text(str(number), int) == number
    assert convert_text(f"[{number}]", list[int]) == [number]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_exact(number: float):
    assert math.copysign(1, convert_text(repr(number), float)) == math.copysign(1, number)
    assert convert_text(repr(number), float) == number
    assert convert_text(f"[{number!r}]", list[float]) == [number]
