"""What goes into a task and comes out of it is what it was, or a failure says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from partita.values import BLOB, INPUT, PLAIN, TUPLE, unpack


def test_values_of_any_kind_pass_from_step_to_step(bench: Any) -> None:
    bench.write(
        "import datetime, fractions\n"
        "def make():\n    return {'day': datetime.date(2024, 2, 29), 'half': fractions.Fraction(1, 2), 'n': [1, 2]}\n"
        "def show(value):\n    return repr(value)\n"
    )
    node = unpack(bench.call("make")[2])
    shown = unpack(bench.call("show", nodes=[[INPUT, 0]], inputs=[node])[2])
    assert shown == [PLAIN, "{'day': datetime.date(2024, 2, 29), 'half': Fraction(1, 2), 'n': [1, 2]}"]


def test_large_values_become_blobs(bench: Any) -> None:
    bench.write("def make(n):\n    return 'x' * n\ndef length(text):\n    return len(text)\n")
    node = unpack(bench.call("make", 1_000_000)[2])
    assert node[0] == BLOB
    assert unpack(bench.call("length", nodes=[[INPUT, 0]], inputs=[node])[2]) == [PLAIN, 1_000_000]


def test_a_declared_tuple_is_stored_a_leaf_an_artifact(bench: Any) -> None:
    bench.write("def split() -> tuple[int, str]:\n    return 1, 'two'\n")
    assert unpack(bench.call("split")[2])[0] == TUPLE


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("(i for i in range(3))", "generator"),
        ("later()", "coroutine"),
        ("open(__file__)", "file"),
        ("threading.Lock()", "lock"),
    ],
)
def test_what_cannot_be_stored_is_a_failure_that_helps(bench: Any, value: str, part: str) -> None:
    bench.write(f"import threading\nasync def later():\n    pass\ndef make():\n    return {value}\n")
    error = bench.error("make")
    assert error["type"].endswith("ValueStoreError")
    assert part in error["message"].lower()


def test_a_value_is_checked_on_arrival_where_its_type_was_not_known(bench: Any) -> None:
    from partita.values import pack

    bench.write("def twice(number: int) -> int:\n    return 2 * number\n")
    order = bench.start("twice", nodes=[[PLAIN, "text"]])
    bench.end_of(order.ticket)
    checked = bench.order(bench._profiles)._replace(
        arguments=pack([[[PLAIN, "text"]], ["__check__"], [[PLAIN, ["number"]]]])
    )
    bench.executor.submit(bench.number, [checked])
    error = bench.end_of(checked.ticket)[2]
    assert error["type"] == "TypeError"
    assert "number" in error["message"]
