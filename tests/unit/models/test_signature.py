"""What models take and give, and what is said to whoever gives them something else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import SignatureError
from partita.models import Field, Signature, infer_signature

FRAME = pd.DataFrame({"age": [1.5, 2.0], "count": [1, 2], "town": ["a", "b"], "is_new": [True, False]})


def test_a_data_frame_is_columns_by_name() -> None:
    found = infer_signature(FRAME, np.array(["x", "y"]), np.ones((2, 2)), ["x", "y"])
    assert found.kind == "table" and found.names == ("age", "count", "town", "is_new")
    assert [field.type for field in found.inputs] == ["float64", "int64", "str", "bool"]
    assert found.outputs == (Field("", "str", (None,)),) and found.classes == ("x", "y") and found.has_probabilities
    assert str(found) == "(age: float64, count: int64, town: str, is_new: bool) -> one of x, y"


def test_arrays_texts_and_dicts_are_what_they_are() -> None:
    assert infer_signature(np.zeros((7, 3, 2), "float32")).inputs == (Field("", "float32", (None, 3, 2)),)
    assert infer_signature(["a", "b"]).kind == "texts"
    tensors = infer_signature({"ids": np.zeros((4, 8), "int64"), "mask": np.zeros((4, 8), "int64")})
    assert tensors.kind == "tensors" and tensors.names == ("ids", "mask")
    with pytest.raises(SignatureError, match="no row"):
        infer_signature(3.0)


def test_columns_come_in_the_models_order_whatever_theirs_is() -> None:
    signature = infer_signature(FRAME)
    shuffled = FRAME[["town", "is_new", "age", "count"]]
    pd.testing.assert_frame_equal(signature.check(shuffled), FRAME)
    assert signature.check(FRAME) is FRAME
    rows = [{"town": "c", "is_new": True, "count": 3, "age": 1}]
    assert list(signature.check(rows).columns) == ["age", "count", "town", "is_new"]


def test_everything_that_is_wrong_with_a_table_is_told_at_once() -> None:
    wrong = FRAME.drop(columns="age").assign(colour="red", count="many")
    with pytest.raises(SignatureError) as caught:
        infer_signature(FRAME).check(wrong)
    told = str(caught.value)
    assert "the column age (float64) is missing" in told
    assert "there is a column colour that it does not know" in told
    assert "the column count is str, and is to be int64" in told


def test_an_array_stands_for_a_table_of_as_many_columns() -> None:
    signature = infer_signature(FRAME[["age", "count"]].astype("float64"))
    assert list(signature.check(np.ones((3, 2))).columns) == ["age", "count"]
    with pytest.raises(SignatureError, match=r"of the shape \(3, 4\)"):
        signature.check(np.ones((3, 4)))


def test_numbers_may_be_narrower_and_not_of_another_kind() -> None:
    signature = infer_signature(np.zeros((2, 3)))
    for given_ in (np.zeros((5, 3), "float32"), np.zeros((5, 3), "int64"), [[1, 2, 3]], np.zeros((1, 3), bool)):
        signature.check(given_)
    with pytest.raises(SignatureError, match="str, and to be float64"):
        signature.check([["a", "b", "c"]])
    whole = infer_signature(np.zeros((2, 3), "int64"))
    with pytest.raises(SignatureError, match="float64, and to be int64"):
        whole.check(np.zeros((2, 3)))
    with pytest.raises(SignatureError, match=r"to be of \(rows, 3\)"):
        signature.check(np.zeros((5, 4)))
    with pytest.raises(SignatureError, match="make no array"):
        signature.check([[1, 2, 3], [1]])


def test_texts_are_a_list_of_texts() -> None:
    signature = infer_signature(["a", "b"])
    assert signature.check(["c"]) == ["c"]
    with pytest.raises(SignatureError, match="row 1 is 3"):
        signature.check(["c", 3])
    with pytest.raises(SignatureError, match="list of texts"):
        signature.check("one text")


def test_tensors_are_given_by_name() -> None:
    signature = infer_signature({"ids": np.zeros((4, 8), "int64"), "mask": np.zeros((4, 8), "int64")})
    with pytest.raises(SignatureError, match=r"the input mask.* is missing; there is an input masks"):
        signature.check({"ids": np.zeros((2, 8), "int64"), "masks": np.zeros((2, 8), "int64")})
    with pytest.raises(SignatureError, match="by these names"):
        signature.check(np.zeros((2, 8)))


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(SignatureError, match="same name"):
        infer_signature(pd.DataFrame([[1, 2]], columns=["a", "a"]))


_FIELDS = st.builds(
    Field,
    st.text(max_size=5),
    st.sampled_from(["float64", "int64", "str", "bool", "category", "datetime64[ns]", "object"]),
    st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=3).map(lambda sizes: (None, *sizes)),
)


@given(
    st.sampled_from(["table", "tensor", "tensors", "texts"]), st.lists(_FIELDS, max_size=4).map(tuple),
    st.one_of(st.none(), st.lists(st.one_of(st.integers(), st.text(max_size=3))).map(tuple)), st.booleans(),
)  # fmt: skip
def test_a_signature_comes_back_from_plain_data(
    kind: str, fields: tuple[Field, ...], classes: object, probable: bool
) -> None:
    signature = Signature(kind, fields, fields[:1], classes, probable)  # type: ignore[arg-type]
    assert Signature.of(signature.plain()) == signature


@given(st.integers(0, 6), st.lists(st.integers(1, 4), max_size=3))
def test_any_number_of_rows_fits_what_was_inferred(rows: int, shape: list[int]) -> None:
    signature = infer_signature(np.zeros((3, *shape)))
    assert signature.check(np.zeros((rows, *shape))).shape == (rows, *shape)
