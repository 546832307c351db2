"""What goes into a task and comes out of it is what it was, or a failure says what to do."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita.artifacts.codecs.plain import is_veiled
from partita.engine.reading import node_parts, node_text
from partita.values import BLOB, INPUT, LIST, PLAIN, TUPLE, pack, unpack
from partita.views.values import told_value
from partita.worker.masking import Masker
from partita.worker.values import WorkerValues


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


TOKEN = "s3cr3tTOKEN-0123456789abcdef"


@dataclass
class Login:
    name: str
    token: str


@pytest.mark.parametrize(
    "value",
    [
        f"tok {TOKEN}", TOKEN.encode(), [f"tok {TOKEN}", 1, "x"], {"k": TOKEN, "n": 2}, {TOKEN: 1}, {"a": [{"b": TOKEN}]}, ("x", TOKEN),
        base64.b64encode(TOKEN.encode()).decode(), Login("ann", TOKEN), np.array([TOKEN, "x"]), f"{'x' * 5000}{TOKEN}",
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_people_see_no_secret_of_a_value_and_who_works_with_it_gets_it_whole(tmp_path: Path, value: Any) -> None:
    values, mask = WorkerValues(str(tmp_path), str(tmp_path)), Masker([TOKEN])
    packed = values.encode(value, None, mask)
    again = values.decode(unpack(packed), None)
    assert np.array_equal(again, value) if isinstance(value, np.ndarray) else again == value
    node = unpack(packed)
    seen = [
        node_text(node),
        *(node_text(part) for _, part in node_parts(node)),
        repr(told_value(packed, values.encoder.blobs)),
    ]
    if node[0] in (LIST, TUPLE):
        seen += map(node_text, node[1])
    for text in seen:
        assert TOKEN not in text and base64.b64encode(TOKEN.encode()).decode().rstrip("=") not in text
    assert is_veiled(node) or node[0] == BLOB


@pytest.mark.parametrize("value", ["plain", 5, None, [1, "a"], {"a": 1}, {"stars": "***"}])
def test_what_tells_no_secret_is_stored_as_ever(tmp_path: Path, value: Any) -> None:
    values = WorkerValues(str(tmp_path), str(tmp_path))
    assert values.encode(value, None, Masker([TOKEN])) == values.encode(value, None, str) == pack([PLAIN, value])
