"""The relation between declared types, and the check of values."""

# ruff: noqa: UP006, UP007, UP045 - the older spellings are what is tested

from __future__ import annotations

import collections.abc as abc
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NewType, NotRequired, Optional, Protocol, TypedDict, TypeVar, Union

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import CheckError
from partita.flow.flow import flow
from partita.flow.mapped import Mapped
from partita.flow.ref import Ref
from partita.flow.settle import Outcome
from partita.flow.signature import MISSING
from partita.flow.task import task
from partita.flow.types import Verdict, relate, type_name
from partita.flow.values import check_value

OK, UNDECIDED, WRONG = Verdict.OK, Verdict.UNDECIDED, Verdict.WRONG
T = TypeVar("T")
N = TypeVar("N", bound=float)
S = TypeVar("S", int, str)
UserId = NewType("UserId", int)


class Base: ...


class Derived(Base): ...


class Scores(TypedDict):
    accuracy: float
    name: NotRequired[str]


class Precise(TypedDict):
    accuracy: int


class Named(Protocol):
    name: str

    def greet(self) -> str: ...


class Person:
    name = "x"

    def greet(self) -> str:
        return ""


class Box(Generic[T]): ...


class Numbers(list[int]): ...


@dataclass
class Point:
    x: int


CASES = [
    (int, int, OK),
    (bool, int, OK),
    (int, float, OK),
    (float, int, WRONG),
    (int, str, WRONG),
    (int, complex, OK),
    (Derived, Base, OK),
    (Base, Derived, WRONG),
    (int, object, OK),
    (object, int, UNDECIDED),
    (int, Any, OK),
    (Any, int, OK),
    (MISSING, int, UNDECIDED),
    (int, MISSING, OK),
    (None, type(None), OK),
    (None, int, WRONG),
    (Optional[int], int, WRONG),
    (int, Optional[int], OK),
    (None, Optional[int], OK),
    (Union[int, str], str, WRONG),
    (int | str, str | int | None, OK),
    (int, str | None, WRONG),
    (Derived | None, Base | None, OK),
    (list[int], list[float], OK),
    (list[str], list[int], WRONG),
    (list, list[int], UNDECIDED),
    (list[int], list, OK),
    (list[int], abc.Sequence[int], OK),
    (list[int], typing.List[int], OK),
    (abc.Sequence[int], list[int], WRONG),
    (list[int], abc.Iterable[str], WRONG),
    (dict[str, int], abc.Iterable[str], OK),
    (str, abc.Sequence[str], OK),
    (dict[str, int], abc.Mapping[str, float], OK),
    (dict[str, int], dict[int, int], WRONG),
    (Numbers, list[int], OK),
    (Numbers, list[str], WRONG),
    (list[Any], list[int], OK),
    (list[int], set[int], WRONG),
    (tuple[int, str], tuple[int, str], OK),
    (tuple[int, str], tuple[int, int], WRONG),
    (tuple[int], tuple[int, int], WRONG),
    (tuple[int, int], tuple[int, ...], OK),
    (tuple[int, ...], tuple[int, int], UNDECIDED),
    (tuple[int, str], list, WRONG),
    (tuple[int, int], abc.Sequence[int], OK),
    (tuple[int, str], abc.Sequence[int], WRONG),
    (Literal["a"], str, OK),
    (Literal["a"], Literal["a", "b"], OK),
    (Literal["c"], Literal["a", "b"], WRONG),
    (str, Literal["a"], UNDECIDED),
    (int, Literal["a"], WRONG),
    (bool, Literal[True, False], OK),
    (Annotated[int, "x"], int, OK),
    (int, Annotated[int, ["unhashable"]], OK),
    (UserId, int, OK),
    (int, UserId, UNDECIDED),
    (str, UserId, WRONG),
    (Ref[int], int, OK),
    (int, Ref[int], OK),
    (str, Ref[int], WRONG),
    (Mapped[int], list[int], OK),
    (Precise, Scores, OK),
    (Scores, Precise, WRONG),
    (dict, Scores, UNDECIDED),
    (int, Scores, WRONG),
    (dict[str, float], Scores, UNDECIDED),
    (Scores, dict, OK),
    (Precise, dict[str, float], OK),
    (Precise, list, WRONG),
    (Person, Named, OK),
    (Point, Named, WRONG),
    (int, Named, WRONG),
    (Box[int], Box[float], OK),
    (Box[str], Box[int], WRONG),
    (abc.Callable[[int], int], abc.Callable[[int], float], OK),
    (abc.Callable[[], str], abc.Callable[[], int], WRONG),
    (int, abc.Callable[[], int], WRONG),
    (type[Derived], type[Base], OK),
    (type[Base], type[Derived], WRONG),
    (Outcome[int], Outcome[float], OK),
    (Outcome[str], Outcome[int], WRONG),
    (Outcome[int], int, WRONG),
    (numpy.ndarray, numpy.ndarray, OK),
    (numpy.float64, float, OK),
    (typing.NoReturn, int, OK),
]


@pytest.mark.parametrize(("source", "target", "verdict"), CASES, ids=lambda item: type_name(item) or str(item))
def test_the_relation(source: Any, target: Any, verdict: Verdict):
    assert relate(source, target) is verdict


atoms = st.sampled_from([int, str, float, bool, bytes, type(None), Base, Derived, Person, Point, Scores, Literal["a"]])
types = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map(lambda t: list[t]),  # type: ignore[valid-type]
        inner.map(lambda t: Optional[t]),
        st.tuples(inner, inner).map(lambda ts: dict[ts[0], ts[1]]),  # type: ignore[valid-type]
        st.lists(inner, min_size=1, max_size=3).map(lambda ts: tuple[tuple(ts)]),  # type: ignore[misc]
        st.tuples(inner, inner).map(lambda ts: Union[ts]),
    ),
    max_leaves=6,
)


@given(types)
def test_the_relation_is_reflexive(kind: Any):
    assert relate(kind, kind) is OK
    assert relate(kind, Any) is OK
    assert relate(kind, object) is OK


@given(types, types)
def test_a_type_goes_into_every_union_with_it(kind: Any, other: Any):
    assert relate(kind, Union[kind, other]) is OK
    if relate(kind, other) is OK:
        assert relate(list[kind], list[other]) is OK


@given(types, types, types)
def test_the_relation_is_transitive(a: Any, b: Any, c: Any):
    if relate(a, b) is OK and relate(b, c) is OK:
        assert relate(a, c) is OK


VALUES = [
    (1, int, True),
    (True, int, True),
    (1, float, True),
    (1.5, int, False),
    ("a", str, True),
    (None, int, False),
    (None, Optional[int], True),
    ([1, 2], list[int], True),
    ([1, "a"], list[int], False),
    ((1, "a"), tuple[int, str], True),
    ((1,), tuple[int, str], False),
    ({"a": 1}, dict[str, int], True),
    ({"a": "b"}, dict[str, int], False),
    ({"accuracy": 0.5}, Scores, True),
    ({"name": "x"}, Scores, False),
    ({"accuracy": "x"}, Scores, False),
    ("a", Literal["a"], True),
    ("b", Literal["a"], False),
    (Person(), Named, True),
    (3, Named, False),
    (numpy.int64(3), int, True),
    (numpy.float32(3), float, True),
    (3, UserId, True),
    ("x", UserId, False),
    (len, abc.Callable, True),
    (3, N, True),
    ("x", N, False),
    ("x", S, True),
    (1.5, S, False),
    (Derived(), Base, True),
]


@pytest.mark.parametrize(("value", "annotation", "fits"), VALUES)
def test_values_are_checked(value: Any, annotation: Any, fits: bool):
    assert (check_value(value, annotation) is None) is fits


def test_a_wrong_element_is_named():
    assert check_value([1, "a"], list[int]) == "[1] is 'a' (str), not int"
    assert check_value({"a": ["b"]}, dict[str, list[int]]) == "['a'][0] is 'b' (str), not int"


@task
def same(first: T, second: T) -> T:
    return first


@task
def first_of(items: list[T]) -> T:
    return items[0]


@task
def number() -> int:
    return 1


@task
def text() -> str:
    return ""


@task
def numbers() -> list[int]:
    return []


@task
def untyped():  # type: ignore[no-untyped-def]
    return 1


@task
def maybe() -> int | None:
    return 1


@task
def take(value: int) -> int:
    return value


def test_a_type_variable_is_one_type_within_a_call(lay):
    @flow
    def good() -> None:
        take(first_of(numbers()))
        take(same(number(), number()))
        same(text(), "b")

    assert lay(good).problems == []

    @flow
    def wrong() -> None:
        same(number(), text())
        same(number(), "x")
        take(first_of(["a"]))
        take(same(text(), text()))

    with pytest.raises(CheckError) as caught:
        lay(wrong)
    messages = [problem.message for problem in caught.value.problems]
    assert messages[0] == "same's second takes int, and step text gives str" or "step text (called at" in messages[0]
    assert "same's second takes T, and got 'x' (str), not int" in messages
    assert len(messages) >= 3 and messages[-1].endswith("gives str")


def test_a_wrong_edge_names_both_tasks_both_types_and_the_line(lay):
    @flow
    def wrong() -> None:
        words = text()
        take(words)

    with pytest.raises(CheckError) as caught:
        lay(wrong)
    (problem,) = caught.value.problems
    line = wrong.function.__code__.co_firstlineno
    assert problem.place.endswith(f"test_types.py:{line + 3}")
    assert problem.message.startswith("take's value takes int, and step text (called at ")
    assert f"test_types.py:{line + 2}) gives str" in problem.message


def test_what_may_be_none_is_refused_with_a_remedy(lay):
    @flow
    def wrong() -> None:
        take(maybe())

    with pytest.raises(CheckError, match="it may be None: decide in a flow"):
        lay(wrong)


def test_what_cannot_be_decided_is_a_warning_and_is_checked_on_arrival(lay):
    from partita.flow.arrival import check_arrivals

    @flow
    def outer() -> None:
        take(untyped())

    layout = lay(outer)
    (warning,) = layout.warnings
    assert "take's value takes int, and step untyped gives no declared type" in warning.message.replace(
        warning.message[warning.message.find(" (called") : warning.message.find(")") + 1], ""
    )
    from partita.values import unpack

    _, names, named = unpack(layout.rows[1][4])
    keywords = {name: node[1] for name, node in zip(names, named, strict=True)}
    assert check_arrivals(take, [3], dict(keywords)) == {}
    with pytest.raises(TypeError, match="take's value got 'x'"):
        check_arrivals(take, ["x"], dict(keywords))
    with pytest.raises(TypeError, match="take's value got 'x'"):
        check_arrivals(take.function, ["x"], dict(keywords))
