from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.errors import DamagedError
from partita.values import BLOB, INLINE, pack, unpack

KEY = b"k" * 32


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder(FolderBlobs(tmp_path_factory.mktemp("blobs")), KEY)


def round_trip(encoder: Encoder, value: Any) -> tuple[list[Any], Any]:
    node = unpack(pack(encoder.encode(value)))
    return node, Encoder(encoder.blobs, KEY).decode(node)


def assert_same(left: Any, right: Any) -> None:
    assert type(right) is np.ndarray and left.dtype == right.dtype and left.shape == right.shape
    assert left.tobytes() == right.tobytes()
    if left.flags.f_contiguous:
        assert right.flags.f_contiguous


dtypes = (
    nst.scalar_dtypes() | nst.array_dtypes(nst.scalar_dtypes(), max_size=3) | nst.byte_string_dtypes() | nst.unicode_string_dtypes()
)  # fmt: skip


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_arrays_of_every_type_and_shape_come_back(encoder: Encoder, data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hypothesis, while it makes the array
        array = data.draw(nst.arrays(dtypes, nst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
    index: Any = data.draw(st.sampled_from([..., (slice(None, None, -1),), (slice(None, None, 2),)]))
    array = array if array.ndim == 0 else array[index]
    array = data.draw(st.sampled_from([array, array.T, np.asfortranarray(array)]))
    node, back = round_trip(encoder, array)
    assert node[1] == "npy" or array.dtype.names
    assert_same(array, back)


def test_structured_and_padded_arrays_come_back(encoder: Encoder) -> None:
    padded = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    named = np.zeros(2, np.dtype([("é中", "i4"), ("b", "S3")]))
    nested = np.zeros((2, 2), np.dtype([("p", [("x", "f4"), ("y", "f4")]), ("m", "i2", (2, 3))]))
    for array in (padded, named, nested):
        assert_same(array, round_trip(encoder, array)[1])


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, "a", None, [2]], object), np.ma.masked_array([1, 2], [True, False]), np.array([(1, "x")], [("a", int), ("b", object)]),
        np.rec.array([(1, 2.0)], [("a", int), ("b", float)]), np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    ],
    ids=["object", "masked", "structured object", "record", "metadata"],
)  # fmt: skip
def test_arrays_that_the_format_does_not_keep_come_back_through_pickle(encoder: Encoder, array: Any) -> None:
    node, back = round_trip(encoder, array)
    assert node[1] == "pickle"
    assert type(back) is type(array) and back.dtype == array.dtype
    assert back.tolist() == array.tolist() and repr(back) == repr(array)


def test_numbers_of_numpy_keep_their_type(encoder: Encoder) -> None:
    for value in (np.float64(1.5), np.int8(-1), np.bool_(True), np.datetime64("2020-01-01"), np.str_("x")):
        back = round_trip(encoder, {"score": value})[1]["score"]
        assert type(back) is type(value) and back == value


def test_the_same_number_in_two_places_leaves_the_parts_apart(encoder: Encoder) -> None:
    score = np.float64(1.5)
    assert len(encoder.encode({"a": score, "b": score})[2]) == 2


def test_a_small_array_can_be_written_to(encoder: Encoder) -> None:
    back = round_trip(encoder, np.zeros(3))[1]
    back[0] = 1
    assert back.tolist() == [1, 0, 0]


def test_a_large_array_is_mapped_and_writing_to_it_changes_no_blob(encoder: Encoder) -> None:
    array = np.arange(300_000, dtype=np.float64).reshape(3, -1)
    _, back = round_trip(encoder, {"a": array})
    assert isinstance(back["a"].base, np.memmap)
    assert_same(array, back["a"])
    back["a"][:] = 7
    assert_same(array, round_trip(encoder, {"a": array})[1]["a"])


def test_a_large_array_in_fortran_order_comes_back(encoder: Encoder) -> None:
    array = np.asfortranarray(np.random.default_rng(0).random((500, 600)))
    assert_same(array, round_trip(encoder, array)[1])
    assert_same(array[::2, ::3], round_trip(encoder, array[::2, ::3])[1])


def test_an_array_that_was_damaged_is_not_opened(tmp_path: Path) -> None:
    encoder = Encoder(FolderBlobs(tmp_path), KEY)
    for size in (2000, 300_000):
        node = encoder.encode(np.arange(float(size)))
        assert node[0] == BLOB
        file = encoder.blobs.path(node[2])
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.chmod(0o644)
        file.write_bytes(data)
        with pytest.raises(DamagedError, match="not what was written"):
            Encoder(FolderBlobs(tmp_path), KEY).decode(node)


def test_a_short_array_is_refused(encoder: Encoder) -> None:
    node = encoder.encode(np.arange(5.0))
    assert node[0] == INLINE
    node[2] = node[2][:-1]
    with pytest.raises(DamagedError, match="39 bytes for 5"):
        encoder.decode(node)
