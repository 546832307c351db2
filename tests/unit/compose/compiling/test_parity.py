"""Comparing a graph's answers with Python's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.compose.compiling import ParityError
from partita.compose.compiling.parity import Answers, compared

TRUE = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])


def answers(given: object, labels: object = None) -> Answers:
    return Answers(None if given is None else np.asarray(given), None if labels is None else np.asarray(labels))


def test_the_same_holds() -> None:
    found = compared(answers(TRUE, ["a", "a", "b"]), answers(TRUE + 1e-7, ["a", "a", "b"]), 1e-5)
    assert found.holds
    assert found.error == pytest.approx(1e-7)
    assert str(found) == "0 of 3 rows are off by up to 1e-07 (tolerance 1e-05)"
    found.need("line")


def test_what_is_off_is_told_with_its_rows() -> None:
    wrong = TRUE.copy()
    wrong[2] = [0.7, 0.3]
    found = compared(answers(TRUE, ["a", "a", "b"]), answers(wrong, ["a", "a", "a"]), 1e-5)
    assert (found.off, found.labels, found.worst) == (1, 1, (2,))
    with pytest.raises(
        ParityError, match=r"the graph of line predicts other than Python: 1 of 3 rows are off by up to 0\.5"
    ):
        found.need("line")


def test_labels_of_ties_may_differ_and_others_may_not() -> None:
    assert compared(answers(TRUE, ["a", "a", "b"]), answers(TRUE, ["a", "b", "b"]), 1e-5).holds
    assert not compared(answers(TRUE, ["a", "a", "b"]), answers(TRUE, ["b", "a", "b"]), 1e-5).holds
    assert not compared(answers(None, ["a", "a"]), answers(None, ["b", "a"]), 1e-5).holds


def test_large_values_err_in_parts_of_themselves() -> None:
    assert compared(answers([1e6, 0.0]), answers([1e6 + 1, 0.0]), 1e-5).holds
    assert not compared(answers([1.0, 0.0]), answers([1.0, 1e-3]), 1e-5).holds


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_off(wrong: float) -> None:
    assert not compared(answers([1.0, 2.0]), answers([1.0, wrong]), 1e-5).holds
    assert not compared(answers([1.0, wrong]), answers([1.0, 2.0]), 1e-5).holds
    assert compared(answers([1.0, wrong]), answers([1.0, wrong]), 1e-5).holds


def test_other_shapes_are_off() -> None:
    assert compared(answers([[1.0]]), answers([1.0]), 1e-5).error == np.inf
    assert compared(answers(TRUE), answers(None), 1e-5).off == 3


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e-2, 1e-2)), min_size=1), st.floats(1e-9, 1.0))
def test_it_holds_exactly_where_every_row_is_near_enough(pairs: list[tuple[float, float]], tolerance: float) -> None:
    values = np.array([value for value, _ in pairs])
    other = values + np.array([error for _, error in pairs])
    near = np.abs(other - values) / np.maximum(1.0, np.abs(values)) <= tolerance
    found = compared(answers(values), answers(other), tolerance)
    assert found.holds == near.all()
    assert found.off == (~near).sum()
    assert all(not near[row] for row in found.worst)
