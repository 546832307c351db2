"""What is read of packed nodes without opening them."""

from __future__ import annotations

from typing import Any

import pytest

from partita.values import BLOB, DICT, INPUT, LIST, PLAIN, pack, size_of

HASH = "ab" * 32


def blob(size: Any) -> list[Any]:
    return [BLOB, "npy", HASH, size, "array"]


def test_the_size_of_a_node_is_its_own_with_what_its_blobs_hold() -> None:
    assert size_of(None) == 0
    assert size_of(pack([PLAIN, "x" * 100])) == len(pack([PLAIN, "x" * 100]))
    node = pack([DICT, ["a", "b"], [blob(5_000), [LIST, [blob(70_000), [PLAIN, 1]]]]])
    assert size_of(node) == len(node) + 75_000


def test_the_size_of_arguments_is_that_of_all_of_them() -> None:
    packed = pack([[[INPUT, 0], blob(5_000)], ["more"], [blob(70_000)]])
    assert size_of(packed, is_arguments=True) == len(packed) + 75_000
    plain = pack([[[PLAIN, 1]], [], []])
    assert size_of(plain, is_arguments=True) == len(plain)


@pytest.mark.parametrize(
    "node", [blob("large"), blob(None), [BLOB, "npy", HASH], [LIST, 3], [HASH], HASH, blob(-5), [LIST, [blob([1])]]]
)
def test_what_means_nothing_counts_for_what_it_is_itself(node: Any) -> None:
    packed = pack(node)
    assert size_of(packed) == len(packed)
    assert size_of(packed[:-1]) == len(packed) - 1


def test_no_size_is_too_large_for_a_row() -> None:
    assert size_of(pack([LIST, [blob(2**63), blob(2**63)]])) < 2**63
