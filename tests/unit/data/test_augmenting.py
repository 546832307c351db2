"""More rows to train on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import pytest

from partita.data import add_noise, oversample_rows, split_rows, vary_pictures, vary_texts
from partita.data.columns import column_of, row_count
from tests.unit.data.tables import LIBRARIES, made

COLUMNS: dict[str, list[Any]] = {
    "x": [float(n) for n in range(20)], "n": list(range(20)), "y": ["a"] * 15 + ["b"] * 5,
    "text": ["one two three four five"] * 20,
}  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
def test_noise_is_added_to_copies_only(library: str) -> None:
    table = made(library, COLUMNS)
    found = add_noise(table, scale=0.1, copies=2)
    x = column_of(found, "x").values.astype(float)
    assert row_count(found) == 60 and x[:20].tolist() == COLUMNS["x"]
    assert 0 < np.abs(x[20:40] - x[:20]).mean() < 1.5 and not np.array_equal(x[20:40], x[40:])
    assert column_of(found, "n").values.tolist() == COLUMNS["n"] * 3
    assert column_of(add_noise(table, copies=2, scale=0.1), "x").values.tolist() == x.tolist()


@pytest.mark.parametrize("library", LIBRARIES)
def test_rare_classes_get_rows_between_their_own(library: str) -> None:
    found = oversample_rows(made(library, COLUMNS), "y", neighbours=2)
    labels, x, n = (column_of(found, name).values for name in ("y", "x", "n"))
    assert list(labels).count("a") == list(labels).count("b") == 15
    made_up = x[20:].astype(float)
    assert made_up.min() >= 15 and made_up.max() <= 19 and not set(made_up) <= set(COLUMNS["x"])
    assert column_of(found, "n").kind == "integer" and (np.abs(n[20:].astype(float) - made_up) <= 0.5).all()


def test_of_parts_only_that_to_train_on_is_changed() -> None:
    parts = split_rows(made("pandas", COLUMNS), {"train": 16, "test": 4}, stratify="y")
    found = oversample_rows(parts, "y")
    assert found["test"] is parts["test"] and len(found["train"]) == 24
    assert add_noise(parts)["test"] is parts["test"]
    with pytest.raises(ValueError, match="there is no part 'fit'; there are train, test"):
        add_noise(parts, part="fit")


def test_repeats_sizes_and_lonely_rows() -> None:
    table = pandas.DataFrame({"x": [1.0, 2.0, 9.0], "y": ["a", "a", "b"]})
    with pytest.raises(ValueError, match="the class b has one row"):
        oversample_rows(table, "y")
    assert oversample_rows(table, "y", neighbours=0)["x"].tolist() == [1.0, 2.0, 9.0, 9.0]
    assert (oversample_rows(table, "y", size=4, neighbours=0)["y"] == "b").sum() == 4


@pytest.mark.parametrize("library", LIBRARIES)
def test_texts_lose_and_swap_words(library: str) -> None:
    table = made(library, COLUMNS)
    found = column_of(vary_texts(table, "text", dropout=0.3, swaps=0.3), "text").values
    assert set(found[:20]) == {"one two three four five"} and len(set(found[20:])) > 5
    assert all(text and set(text.split()) <= {"one", "two", "three", "four", "five"} for text in found[20:])
    kept = column_of(vary_texts(table, "text", dropout=0, swaps=1), "text").values[20]
    assert kept == "two one four three five"
    assert column_of(vary_texts(table, "text", dropout=1, swaps=0), "text").values[20].count(" ") == 0
    with pytest.raises(ValueError, match="'n' has values of type integer, and no texts"):
        vary_texts(table, "n")


@pytest.mark.parametrize("shape", [(6, 16, 16), (6, 16, 16, 3)])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_pictures_keep_shape_type_and_what_is_on_them(shape: tuple[int, ...], kind: str) -> None:
    stack = np.zeros(shape, kind)
    stack[:, 6:10, 3:7] = 200
    found, labels = vary_pictures(stack, np.arange(6), copies=2)
    assert found.shape == (18, *shape[1:]) and found.dtype == kind and labels.tolist() == [*range(6)] * 3
    assert np.array_equal(found[:6], stack) and not np.array_equal(found[6:12], stack)
    bright = (found > 100).reshape(18, -1).sum(axis=1)
    assert (np.abs(bright - bright[0]) <= bright[0] * 0.3).all()
    assert np.array_equal(vary_pictures(stack, copies=2)[0], found)


def test_flips_and_shifts_by_hand() -> None:
    picture = np.arange(4).reshape(1, 1, 4)
    found, labels = vary_pictures(picture, shift=0, rotate=0, copies=8)
    assert labels is None and {tuple(row) for row in found[:, 0]} == {(0, 1, 2, 3), (3, 2, 1, 0)}
    moved, _ = vary_pictures(picture, flip=False, shift=0.25, rotate=0, copies=12)
    assert {tuple(row) for row in moved[:, 0]} == {(0, 1, 2, 3), (0, 0, 1, 2), (1, 2, 3, 3)}


def test_wrong_input_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="have the shape"):
        vary_pictures(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="3 pictures and 2 labels"):
        vary_pictures(np.zeros((3, 2, 2)), [0, 1])
    with pytest.raises(ValueError, match="scale=-1"):
        add_noise([{"x": 1.5}], scale=-1)
    with pytest.raises(ValueError, match="no numbers that are not whole"):
        add_noise([{"x": 1}])
    with pytest.raises(ValueError, match="'t' has values of type text, and no numbers"):
        add_noise([{"t": "a"}], columns=["t"])
