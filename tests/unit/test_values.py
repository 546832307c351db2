"""Which bytes are a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.values import BLOB, DICT, INLINE, INPUT, LIST, OBJECT, OUTCOME, PLAIN, REF, SELECT, TUPLE, is_value, pack

LEAF = [PLAIN, {"a": [1, None, b"x", 2.5]}]
BLOB_NODE = [BLOB, "arrow", "0" * 64, 10_000, "a table"]
VALUES: list[Any] = [
    LEAF,
    [PLAIN, [REF, 1, []]],  # what a plain leaf holds only looks like a node
    [INLINE, "numpy", b"\x93NUMPY", "an array"],
    BLOB_NODE,
    [LIST, []],
    [TUPLE, [LEAF, BLOB_NODE]],
    [DICT, ["a", 2], [LEAF, [LIST, [LEAF]]]],
    [OBJECT, "shop:Price", ["amount"], [LEAF]],
    [OUTCOME, True, LEAF, None],
    [OUTCOME, False, None, {"type": "ValueError"}],
    [SELECT, BLOB_NODE, ["a", 1]],
]


@pytest.mark.parametrize("node", VALUES)
def test_every_kind_of_node_is_one(node: Any) -> None:
    assert is_value(pack(node)) and is_value(pack([LIST, [node, node]]))


@pytest.mark.parametrize(
    "node",
    [
        None, 7, "text", {}, [], [True, 1], ["0", 1], [99, 1], [-1, 1], [PLAIN], [PLAIN, 1, 2], [LIST], [LIST, None], [LIST, [7]],
        [LIST, {"a": 1}], [TUPLE, "ab"], [DICT, ["a"], []], [DICT, "a", [LEAF]], [OBJECT, 7, ["a"], [LEAF]],
        [OBJECT, "m:C", ["a"], [[PLAIN]]], [INLINE, "numpy", "text", ""], [INLINE, None, b"", ""], [INLINE, "numpy", b"", None],
        [BLOB, "arrow", "short", 1, ""], [BLOB, "arrow", "0" * 64, -1, ""], [BLOB, "arrow", "0" * 64, "1", ""], [OUTCOME, True, 7, None],
        [OUTCOME, False, None, "error"], [SELECT, 7, []], [SELECT, LEAF, "path"], [REF, 1, []], [INPUT, 0], [LIST, [[REF, 1, []]]],
    ],
)  # fmt: skip
def test_what_is_not_in_form_is_none(node: Any) -> None:
    assert not is_value(pack(node)) and not is_value(pack([TUPLE, [LEAF, node]]))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", pack(LEAF) + b"\x00", pack(LEAF)[:-1], b"\x92\x00\xa1\xff", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\x92\x00\x81\x90\x01"],
)  # fmt: skip
def test_bytes_that_mean_nothing_are_none(data: bytes) -> None:
    assert not is_value(data)


@given(st.binary(max_size=64))
def test_any_bytes_are_looked_at_without_harm(data: bytes) -> None:
    assert is_value(data) in (True, False)
