"""Whatever is stored comes back as it was: values of every codec, made by chance, and the ones that once did not."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.extra import pandas as frames
from PIL import Image

from partita import Audio
from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.values import BLOB, INLINE
from tests.unit.artifacts.codecs.sameness import difference

few = settings(max_examples=40, deadline=None)
many = settings(max_examples=100, deadline=None)


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    with tempfile.TemporaryDirectory() as folder:
        yield Encoder(FolderBlobs(Path(folder)), b"k" * 32)


def returned(encoder: Encoder, value: Any, *codecs: str) -> Any:
    """What comes back of it, which is the same; stored by one of these codecs, if any are named."""
    node = encoder.encode(value)
    codec = node[1] if node[0] in (INLINE, BLOB) else ""
    assert not codecs or codec in codecs
    back = encoder.decode(node)
    assert not difference(value, back)
    assert codec == "pickle" or encoder.encode(value)[:3] == node[:3]  # equal values, the same bytes
    return back


# NumPy

dtypes = st.one_of(
    arrays.scalar_dtypes(), arrays.byte_string_dtypes(), arrays.unicode_string_dtypes(), arrays.datetime64_dtypes(),
    arrays.timedelta64_dtypes(), arrays.nested_dtypes(max_itemsize=200),
)  # fmt: skip
layouts = st.sampled_from([
    lambda array: array, numpy.asfortranarray, lambda array: array[::-1], lambda array: array[..., ::-2], lambda array: array.T,
    lambda array: numpy.broadcast_to(array, (2, *array.shape)), lambda array: array[:0], lambda array: array[..., None],
])  # fmt: skip


def bytes_of(dtype: Any, shape: tuple[int, ...], data: bytes) -> Any:
    """An array of any bytes: every NaN, every NaT, every time."""
    count = int(numpy.prod(shape)) * dtype.itemsize
    return numpy.frombuffer((data * (count + 1))[:count], dtype, int(numpy.prod(shape))).reshape(shape).copy()


@many
@given(dtypes, arrays.array_shapes(min_dims=1, min_side=0, max_side=4), st.binary(min_size=1, max_size=30), layouts)
def test_arrays(encoder: Encoder, dtype: Any, shape: tuple[int, ...], data: bytes, layout: Any) -> None:
    takes_any = dtype.itemsize and not any(sign in str(dtype) for sign in ("U", "?", "bool"))
    array = bytes_of(dtype, shape, data) if takes_any else numpy.zeros(shape, dtype)
    returned(encoder, layout(array))


@few
@given(arrays.arrays(arrays.unicode_string_dtypes(), arrays.array_shapes(min_dims=0, min_side=0)))
def test_arrays_of_texts(encoder: Encoder, array: Any) -> None:
    returned(encoder, array, "npy")


@many
@given(
    st.one_of(
        arrays.scalar_dtypes().flatmap(arrays.from_dtype), st.text().map(numpy.str_), st.binary().map(numpy.bytes_)
    )
)
def test_numpy_scalars(encoder: Encoder, value: Any) -> None:
    if value.dtype.char not in "qQ":  # `long long`, of which pickles make `long` too
        returned(encoder, value)


ALIGNED = numpy.dtype([("a", "i1"), ("b", "f8")], align=True)
NOTED = numpy.dtype([("a", numpy.dtype("i4", metadata={"unit": "m"}))])


@pytest.mark.parametrize("value", [
    numpy.zeros(3, ALIGNED), numpy.zeros(3, NOTED), numpy.zeros(3, [("x", ALIGNED, (2,))]), numpy.str_("a\0"), numpy.str_("\0"),
    numpy.bytes_(b"a\0"), numpy.bytes_(b"\0"), numpy.bytes_(b""), numpy.str_("\ud800"),
    numpy.array(7), numpy.empty((0, 3)), numpy.zeros(3, "V0"), numpy.zeros(3, "M8[25s]"), numpy.ma.array([1, 2], mask=[0, 1]),
    numpy.array([1, "a", None], object), numpy.array([0x7FF8000000000123], "u8").view("f8"),
], ids=lambda value: f"{type(value).__name__} {value.dtype}")  # fmt: skip
def test_odd_numpy_values(encoder: Encoder, value: Any) -> None:
    returned(encoder, value)


# pandas

ZONES = [
    UTC, ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Etc/GMT+3"), timezone(timedelta(0), "UTC"),
    timezone(timedelta(minutes=90)),
]  # fmt: skip
columns = st.one_of(
    st.sampled_from(["bool", "int8", "uint64", "float32", "float64", "M8[ns]", "m8[ns]"]).map(
        lambda name: frames.column("x", dtype=name)
    ),
    st.just(frames.column("x", elements=st.one_of(st.none(), st.text("ab\0é", max_size=3)), dtype=object)),
)
converted = st.sampled_from([
    lambda s: s, lambda s: s.astype("category"), lambda s: s[::-1], lambda s: s[:0], lambda s: s.rename("y"), lambda s: s.rename(3),
    lambda s: s.rename(None), lambda s: s.rename(("a", 1)), lambda s: s.set_axis(s), lambda s: s.set_axis(s[::-1].rename("value")),
    lambda s: s.set_axis(pandas.Index(s, name=5)), lambda s: s.to_frame(), lambda s: s.to_frame().set_index(s.name),
    lambda s: pandas.DataFrame({"a": s, "b": s.astype("category")}, index=s.index),
    lambda s: pandas.concat([s, s], axis=1), lambda s: s.to_frame(1), lambda s: s.to_frame().rename_axis(columns="names"),
    lambda s: s.to_frame().T, lambda s: pandas.DataFrame({"a": s}).set_index([s, s]), lambda s: s.convert_dtypes(),
    lambda s: s.to_frame().convert_dtypes(), lambda s: s.convert_dtypes().to_frame().set_index(s.name),
])  # fmt: skip


@many
@given(columns.flatmap(lambda column: frames.data_frames([column], index=frames.range_indexes(max_size=6))), converted)
def test_tables_of_pandas(encoder: Encoder, frame: Any, convert: Any) -> None:
    returned(encoder, convert(frame["x"]))


@few
@given(
    st.lists(st.one_of(st.none(), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))), max_size=5), st.sampled_from(ZONES),
    st.sampled_from(["s", "ms", "us", "ns"]), converted,
)  # fmt: skip
def test_times_of_pandas(encoder: Encoder, times: list[Any], zone: Any, unit: str, convert: Any) -> None:
    column = (
        pandas.Series(times, dtype="datetime64[us]", name="x").dt.tz_localize(UTC).dt.tz_convert(zone).dt.as_unit(unit)
    )
    returned(encoder, convert(column))


def odd_tables() -> Iterator[Any]:
    for name in ("Int8", "UInt64", "Float32", "boolean"):
        column = pandas.Series(pandas.array([1, None], dtype=name))
        yield from (column, pandas.Series([1, 2], index=pandas.Index(column)), column.astype("category"))
    for zone in ZONES:
        times = pandas.date_range("2025-10-25", periods=3, freq="12h", tz=zone)
        yield from (
            pandas.Series(times),
            pandas.Series(range(3), index=times),
            pandas.DataFrame({"t": times}, index=times[::-1]),
        )
    for name in ("B", "MS", "W", "3D", "90min"):
        yield pandas.Series(range(3), index=pandas.date_range("2025-01-01", periods=3, freq=name))
    for categories in (pandas.RangeIndex(2), pandas.Index([0, 1], dtype="int8"), pandas.Index([0.0, 1.0])):
        yield pandas.Series(pandas.Categorical.from_codes([0, -1, 1], categories, ordered=True))
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})
    marked = frame.copy()
    marked.attrs["unit"] = "m"
    yield from (
        marked,
        frame.set_flags(allows_duplicate_labels=False),
        frame["a"].set_flags(allows_duplicate_labels=False),
    )
    yield from (
        frame[[]],
        frame[:0],
        pandas.DataFrame(),
        pandas.DataFrame(index=[1, 2]),
        pandas.DataFrame(columns=["a", "b"]),
    )
    for index in (
        pandas.RangeIndex(5, 1, -2, name="a"), pandas.Index([2, 2], name="a"), pandas.MultiIndex.from_tuples([(1, "x"), (2, None)], names=["a", None]),
        pandas.CategoricalIndex(["a", "b"]), pandas.period_range("2025", periods=2, freq="M"), pandas.interval_range(0, 2),
        pandas.timedelta_range("1h", periods=2, freq="h", name="b"), pandas.Index([True, False]), pandas.Index(["", "a"], name=""),
        pandas.Index([1, 2], name="__index_level_0__"), pandas.Index([1, "x"], dtype=object), pandas.Index([-0.0, numpy.nan]),
    ):  # fmt: skip
        yield from (frame.set_axis(index), frame["b"].set_axis(index), frame.set_axis(index, axis=1))
    yield pandas.Series(numpy.array([-(2**63) + 1, 2**63 - 1]).view("M8[ns]"))
    yield pandas.Series([1.5], index=[numpy.nan], name="value")


def test_odd_tables_of_pandas(encoder: Encoder) -> None:
    for table in odd_tables():
        returned(encoder, table)


# polars and Arrow

plain = st.one_of(
    st.sampled_from(
        [pyarrow.int8(), pyarrow.uint64(), pyarrow.float32(), pyarrow.string(), pyarrow.bool_(), pyarrow.binary()]
    )
).flatmap(
    lambda kind: st.lists(st.one_of(st.none(), _elements(kind)), max_size=6).map(
        lambda items: pyarrow.array(items, kind)
    )
)


def _elements(kind: Any) -> Any:
    if kind == pyarrow.string():
        return st.text("ab\0é", max_size=4)
    if kind == pyarrow.binary():
        return st.binary(max_size=4)
    if kind == pyarrow.bool_():
        return st.booleans()
    if kind == pyarrow.float32():
        return st.floats(width=32)
    return st.integers(0, 127)


def _nested(array: Any) -> list[Any]:
    size = len(array)
    found = [
        array, array[size // 2 :], pyarrow.array([]), pyarrow.ListArray.from_arrays([0, size // 2, size], array),
        pyarrow.StructArray.from_arrays([array, array], ["x", "y"]),
        pyarrow.LargeListArray.from_arrays([0, size], array),
    ]  # fmt: skip
    if not pyarrow.types.is_boolean(array.type):
        encoded = array.dictionary_encode()
        found += [encoded, encoded[:0], pyarrow.ListArray.from_arrays([0, size], encoded)]
    return found


@many
@given(plain, st.integers(0, 8), st.sampled_from(["array", "chunks", "table", "batch", "empty"]))
def test_values_of_arrow(encoder: Encoder, array: Any, number: int, form: str) -> None:
    found = _nested(array)
    array = found[number % len(found)]
    value = {
        "array": lambda: array,
        "chunks": lambda: pyarrow.chunked_array([array, array[:0], array]),
        "table": lambda: pyarrow.table({"": array, "a": array}, metadata={"k": b"\xff"}),
        "batch": lambda: pyarrow.record_batch({"a": array}),
        "empty": lambda: array[:0],
    }[form]()
    returned(encoder, value, "arrow")


class Celsius(pyarrow.ExtensionType):  # type: ignore[misc]
    """A type that another process may not know."""

    def __init__(self) -> None:
        super().__init__(pyarrow.float64(), "partita.test.celsius")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, data: bytes) -> Celsius:
        return cls()


def test_odd_values_of_arrow(encoder: Encoder) -> None:
    union = pyarrow.UnionArray.from_sparse(
        pyarrow.array([0, 1], pyarrow.int8()), [pyarrow.array([1, 2]), pyarrow.array(["a", "b"])]
    )
    tensors = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(numpy.zeros((2, 3)))
    for array in (
        union,
        tensors,
        pyarrow.nulls(2),
        pyarrow.array([Decimal("1.20")]),
        pyarrow.array([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
    ):
        for value in (
            array,
            array[:0],
            pyarrow.table({"a": array}),
            pyarrow.chunked_array([array]),
            pyarrow.chunked_array([], array.type),
        ):
            returned(encoder, value, "arrow")
    own = pyarrow.ExtensionArray.from_storage(Celsius(), pyarrow.array([1.5]))
    for value in (own, pyarrow.table({"a": own}), pyarrow.table({"a": pyarrow.ListArray.from_arrays([0, 1], own)})):
        assert encoder.encode(value)[1] == "pickle"
    fields = [
        pyarrow.field("a", pyarrow.int8(), nullable=False, metadata={"m": "1"}),
        pyarrow.field("a", pyarrow.string()),
    ]
    columns = [pyarrow.array([1], pyarrow.int8()), pyarrow.array(["x"])]
    returned(encoder, pyarrow.table(columns, schema=pyarrow.schema(fields, {"k": b"\xff"})), "arrow")


KINDS = [
    polars.Int8, polars.UInt64, polars.Float32, polars.Boolean, polars.String, polars.Binary, polars.Date, polars.Time,
    polars.Datetime("ms"), polars.Datetime("ns", "Europe/Berlin"), polars.Duration("us"), polars.Decimal(20, 2),
    polars.Categorical, polars.Enum(["b", "a"]), polars.List(polars.Int8), polars.List(polars.Categorical),
    polars.Array(polars.Int8, 2), polars.Struct({"x": polars.Int8, "Object": polars.String}), polars.Null,
]  # fmt: skip
ITEMS: list[Any] = [
    1, 2**40, 1.5, True, "a", b"a", datetime(2025, 1, 2).date(), datetime(2025, 1, 2, 3).time(), datetime(2025, 1, 2),
    datetime(2025, 10, 26, 2, tzinfo=ZoneInfo("Europe/Berlin")), timedelta(1), Decimal("1.20"), "a", "a", [1, None], ["a"],
    [1, 2], {"x": 1, "Object": "o"}, None,
]  # fmt: skip


@many
@given(
    st.lists(
        st.tuples(st.integers(0, len(KINDS) - 1), st.text("ab", max_size=2)), min_size=1, unique_by=lambda pair: pair[1]
    ),
    st.integers(0, 3),
)
def test_tables_of_polars(encoder: Encoder, chosen: list[tuple[int, str]], rows: int) -> None:
    columns = [polars.Series(name, [None, ITEMS[place], ITEMS[place]][:rows], KINDS[place]) for place, name in chosen]
    returned(encoder, polars.DataFrame(columns), "polars")
    returned(encoder, columns[0][::-1], "polars")


# Pictures, sounds and models

infos = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=3), st.binary(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner, max_size=2)),
    max_leaves=5,
)  # fmt: skip


@many
@given(
    st.sampled_from(["1", "L", "LA", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "HSV", "LAB"]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.randoms(use_true_random=False),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers(0, 9)), infos, max_size=3),
)  # fmt: skip
def test_pictures(encoder: Encoder, mode: str, size: tuple[int, int], chance: Any, info: dict[Any, Any]) -> None:
    count = len(Image.new(mode, size).tobytes())
    picture = Image.frombytes(mode, size, bytes(chance.randrange(256) for _ in range(count)))
    picture.info = info
    returned(encoder, picture, "picture" if mode in {"1", "L", "LA", "RGB", "RGBA", "I;16"} else "pickle")


def _file(picture: Any, form: str, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_of_files(encoder: Encoder, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.effect_noise((20, 10), 90).convert("RGB")
    with Image.open(_file(picture, form, dpi=(72, 72), **({} if form == "GIF" else {"exif": exif}))) as opened:
        opened.load()
        back = returned(encoder, opened, "pickle")  # the type of an opened file says its format
        assert back.format == form
        worked = opened.convert("RGB").resize((5, 5))
    with Image.open(_file(picture, "PNG")) as bare:  # which says nothing about itself
        bare.load()
        returned(encoder, bare, "pickle")
    back = returned(encoder, worked, "picture")  # with the tuples that the file brought along
    assert dict(back.getexif()) == dict(worked.getexif())
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([1, 2, 3, 4, 5, 6])
    palette.info["transparency"] = 1
    returned(encoder, palette, "pickle")


@few
@given(st.integers(1, 6), st.text(max_size=5), st.binary(max_size=20))
def test_models(encoder: Encoder, count: int, name: str, data: bytes) -> None:
    onnx = pytest.importorskip("onnx")
    about = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, count])
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.UINT8, [len(data)], data, raw=True)
    nodes = [onnx.helper.make_node("Identity", ["x"], [f"y{number}"], name=name) for number in range(count)]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [about], [about], [weights]))
    onnx.helper.set_model_props(model, {"b": name, "a": "1"})
    returned(encoder, model, "onnx")


@few
@given(
    arrays.arrays(
        st.sampled_from(["float32", "int64", "bool", "float16", "uint8"]), arrays.array_shapes(min_dims=0, min_side=0)
    )
)
def test_tensors(encoder: Encoder, array: Any) -> None:
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.from_numpy(array.copy()),
        torch.from_numpy(array.copy()).permute(tuple(reversed(range(array.ndim)))),
    ):
        back = encoder.decode(encoder.encode(tensor))
        assert (
            back.dtype == tensor.dtype
            and back.shape == tensor.shape
            and back.numpy().tobytes() == tensor.numpy().tobytes()
        )


# Exact values and structures


@dataclass
class Sample:
    name: Any
    parts: Any = ()


zones = st.one_of(
    st.none(), st.sampled_from([UTC, *ZONES]),
    st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))),
    st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)), st.text(max_size=4)),
)  # fmt: skip
exact = st.one_of(
    st.integers(-(10**60), 10**60), st.integers(-(2**64) - 9, -(2**63) + 9), st.floats(), st.complex_numbers(), st.decimals(),
    st.fractions(), st.timedeltas(), st.dates(), st.datetimes(timezones=zones), st.times(), st.uuids(), st.binary(max_size=9),
    st.text(max_size=9), st.text("\ud800a"), st.none(), st.booleans(), st.builds(bytearray, st.binary(max_size=9)),
    st.builds(range, st.integers(), st.integers(), st.integers(1)), st.builds(Path, st.text("ab/.é", max_size=5)),
    st.frozensets(st.one_of(st.integers(), st.text(max_size=3), st.floats(allow_nan=False), st.none())),
    st.tuples(st.datetimes(), st.sampled_from([0, 1])).map(lambda pair: pair[0].replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=pair[1])),
    st.sampled_from([Decimal("-0"), Decimal("sNaN12"), Decimal("-Infinity"), timedelta.max, timedelta.min, datetime.max, -0.0, 10**4000]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(exact)
def test_exact_values(encoder: Encoder, value: Any) -> None:
    returned(encoder, value)


keys = st.one_of(
    st.text(max_size=4), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.binary(max_size=2)
)
leaves = st.one_of(
    exact, exact, arrays.arrays(st.sampled_from(["int8", ">f8", "M8[s]"]), arrays.array_shapes(min_dims=0, min_side=0)),
    st.lists(st.integers(0, 9), max_size=3).map(lambda items: pandas.DataFrame({"a": items})),
    st.lists(st.text(max_size=2), max_size=3).map(lambda items: polars.DataFrame({"a": items}, {"a": polars.String})),
    st.lists(st.integers(0, 9), max_size=3).map(pyarrow.array), st.just(Image.new("L", (2, 2), 7)),
    st.integers(0, 9).map(lambda count: Audio(numpy.zeros(count, "int16"), 8000)),
)  # fmt: skip
structures = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(keys, inner, max_size=4),
        st.builds(Sample, inner, inner),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(structures)
def test_structures(encoder: Encoder, value: Any) -> None:
    node = encoder.encode(value)
    assert not difference(value, encoder.decode(node))


def test_long_and_deep_structures(encoder: Encoder) -> None:
    deep: Any = (1,)
    for _ in range(100):
        deep = [deep]
    for value in (
        deep,
        [(number,) for number in range(5000)],
        {number: {"a": (number,)} for number in range(3000)},
        ["x" * 5000] * 3,
    ):
        assert not difference(value, encoder.decode(encoder.encode(value)))


@pytest.mark.parametrize(
    "value",
    [10**5000, Fraction(1, 10**5000), range(10**5000), {10**5000}, [10**5000], {"a": (10**5000,)}],
    ids=range(6),
)
def test_what_one_process_may_write_every_other_can_read(encoder: Encoder, value: Any) -> None:
    """Python bounds the digits that it reads; a task may have lifted that for itself."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        node = encoder.encode(value)
    finally:
        sys.set_int_max_str_digits(before)
    assert encoder.decode(node) == value
