"""A promise is no value: whatever would need the value raises, and says what to do."""

from __future__ import annotations

import copy
import inspect
import json
import operator
import os
import pickle
from typing import Any

import numpy
import pytest

from partita.errors import CheckError, RefError
from partita.flow.entry import lay_out
from partita.flow.flow import flow
from partita.flow.layout import Layout
from partita.flow.ref import Ref, StepRef
from partita.flow.task import task
from partita.values import PLAIN


@task
def make(number: int) -> int:
    return number


@task
def table() -> dict[str, list[int]]:
    return {}


@task
def pair() -> tuple[int, str]:
    return 1, ""


def inside(body: Any) -> Layout:
    """Run the body in a layout."""

    @flow
    def outer() -> None:
        body()

    return lay_out(outer, encode=lambda value, declared=None: [PLAIN, value])


async def awaiting(ref: Any) -> Any:
    return await ref


OPERATIONS = {
    "bool": bool,
    "iter": list,
    "eq": lambda r: r == 1,
    "ne": lambda r: r != 1,
    "in": lambda r: 1 in r,
    "in list": lambda r: r in [1],
    "hash": hash,
    "set": lambda r: {r},
    "lt": lambda r: r < 1,
    "sort": lambda r: sorted([r, r]),
    "add": lambda r: r + 1,
    "radd": lambda r: 1 + r,
    "iadd": lambda r: operator.iadd(r, 1),
    "neg": operator.neg,
    "matmul": lambda r: r @ r,
    "pow": lambda r: r**2,
    "sum": lambda r: sum([r]),
    "attribute": lambda r: r.name,
    "hasattr": lambda r: hasattr(r, "name"),
    "setattr": lambda r: setattr(r, "name", 1),
    "delattr": lambda r: delattr(r, "name"),
    "setitem": lambda r: operator.setitem(r, 0, 1),
    "delitem": lambda r: operator.delitem(r, 0),
    "slice": lambda r: r[1:2],
    "len": len,
    "format": lambda r: f"{r}",
    "format with a specification": lambda r: f"{r:.2f}",
    "str": str,
    "percent": lambda r: "%s" % r,  # noqa: UP031
    "print": print,
    "join": lambda r: " ".join(["a", r]),
    "int": int,
    "float": float,
    "round": round,
    "range": range,
    "index": lambda r: [1, 2][r],
    "bytes": bytes,
    "path": os.fspath,
    "call": lambda r: r(),
    "with": lambda r: r.__enter__(),
    "next": next,
    "reversed": reversed,
    "await": lambda r: awaiting(r).send(None),
    "array": numpy.array,
    "asarray": numpy.asarray,
    "ufunc": lambda r: numpy.add(r, 1),
    "array arithmetic": lambda r: numpy.ones(2) + r,
    "copy": copy.copy,
    "deepcopy": lambda r: copy.deepcopy([r]),
    "pickle": pickle.dumps,
    "json": json.dumps,
    "match": lambda r: _matched(r),
}


def _matched(ref: Any) -> Any:
    match ref:
        case 1:
            return True
    return False


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_refused(name: str):
    def body() -> None:
        ref = make(1)
        with pytest.raises((RefError, TypeError)) as caught:
            OPERATIONS[name](ref)
        if name not in ("json", "join"):  # these ask for the type only, and say so
            assert isinstance(caught.value, RefError), caught.value
            message = str(caught.value)
            assert "step make" in message
            assert f"test_ref.py:{body.__code__.co_firstlineno + 1}" in message

    inside(body)


def test_the_message_says_what_to_do():
    def body() -> None:
        with pytest.raises(RefError, match=r"pass it to a task, or to a flow"):
            make(1) + 1
        with pytest.raises(RefError, match=r"ref\['score'\]"):
            _ = make(1).score  # type: ignore[attr-defined]
        with pytest.raises(RefError, match=r"some_task.map\(ref\)"):
            list(table())

    inside(body)


def test_repr_and_items_are_allowed():
    def body() -> None:
        ref = table()
        assert repr(ref).startswith("<Ref of step table, ")
        assert "['a'][0]" in repr(ref["a"][0])

    inside(body)


def test_probes_find_nothing():
    def body() -> None:
        ref: Any = make(1)
        assert not hasattr(ref, "__wrapped__")
        assert not hasattr(ref, "_repr_html_")
        assert not callable(getattr(ref, "__get__", None))
        assert inspect.isclass(ref) is False
        assert isinstance(ref, StepRef)

    inside(body)


def test_a_tuple_unpacks():
    def body() -> None:
        number, _text = pair()
        make(number)
        with pytest.raises(ValueError, match="too many values"):
            (_,) = pair()

    assert inside(body).rows[1][5] == [[0, [0], 0]]


def test_an_item_of_the_wrong_type_is_refused():
    def body() -> None:
        make(pair()[1])
        make(table()["a"])
        pair()[2]
        make(1)["x"]  # type: ignore[index]

    with pytest.raises(CheckError) as caught:
        inside(body)
    messages = [problem.message for problem in caught.value.problems]
    assert "make's number takes int, and step pair" in messages[0] and messages[0].endswith("gives str")
    assert messages[1].endswith("gives list[int]")
    assert messages[2] == "the result of step pair#2 is tuple[int, str], which has no [2]"
    assert messages[3].endswith("is int, which has no ['x']")


def test_a_ref_is_its_value_to_a_type_checker_and_a_class_at_run_time():
    assert Ref is StepRef
    assert Ref[int].__args__ == (int,)
