"""What has a codec of its own comes back as it was, and no pickle is made of it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.codecs.shown import Html
from partita.errors import DamagedError
from partita.values import BLOB, INLINE

relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
ZONES = [
    None,
    UTC,
    timezone(timedelta(hours=-3, minutes=7)),
    timezone(timedelta(hours=1), "here"),
    ZoneInfo("Europe/Berlin"),
]


class Colour(Enum):
    RED = "red"
    GREEN = ("g", 1)


class Right(Flag):
    READ = 1
    WRITE = 2


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(FolderBlobs(tmp_path / "blobs"), b"k" * 32)


def returned(encoder: Encoder, value: Any, codec: str) -> Any:
    node = encoder.encode(value)
    assert node[0] in (INLINE, BLOB) and node[1] == codec
    assert encoder.encode(value)[:3] == node[:3]  # the same bytes again
    return encoder.decode(node)


moments = st.datetimes(timezones=st.sampled_from(ZONES), allow_imaginary=False)
scalars = st.one_of(
    moments, st.times(timezones=st.sampled_from([None, UTC])), st.dates(), st.timedeltas(), st.uuids(), st.fractions(),
    st.complex_numbers(allow_nan=False), st.decimals(allow_nan=False), st.integers(2**64, 2**300),
    st.frozensets(st.one_of(st.none(), st.booleans(), st.integers(), st.text("abé"), st.binary())),
    st.builds(bytearray, st.binary()),
)  # fmt: skip


@relaxed
@given(scalars)
def test_scalars_come_back(encoder: Encoder, value: Any) -> None:
    back = returned(encoder, value, "scalar")
    assert back == value and type(back) is type(value)
    assert isinstance(value, frozenset) or repr(back) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2025, 10, 26, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), time(1, 2, 3, 4, tzinfo=ZONES[3]),
        date.min, timedelta.max, Decimal("1E+400"), Decimal("-0"), Fraction(1, 3), UUID(int=0x1234), UUID(int=0), -0j,
        complex(math.inf, -0.0), {1, "a", b"a", 2.5, None, (2**70)}, set(), bytearray(b"x" * 9000), range(3, 10**20, 7),
    ],
    ids=str,
)  # fmt: skip
def test_edges_come_back(encoder: Encoder, value: Any) -> None:
    back = returned(encoder, value, "scalar")
    assert back == value and type(back) is type(value)
    if not isinstance(value, (set, frozenset)):
        assert repr(back) == repr(value)


def test_decimals_that_are_no_number_come_back(encoder: Encoder) -> None:
    assert str(returned(encoder, Decimal("-sNaN123"), "scalar")) == "-sNaN123"


def test_members_of_enumerations_come_back_as_themselves(encoder: Encoder) -> None:
    assert returned(encoder, Colour.GREEN, "enum") is Colour.GREEN
    assert encoder.decode(encoder.encode(Right.READ | Right.WRITE)) == Right.READ | Right.WRITE


@pytest.mark.parametrize(
    "value",
    [
        numpy.float32(1.5),
        numpy.float64("nan"),
        numpy.datetime64("NaT", "us"),
        numpy.bool_(True),
        numpy.str_("é"),
        numpy.str_(""),
    ],
    ids=repr,
)
def test_numpy_scalars_come_back(encoder: Encoder, value: Any) -> None:
    back = returned(encoder, value, "numpy-scalar")
    assert type(back) is type(value) and back.dtype == value.dtype and repr(back) == repr(value)


def frames() -> list[Any]:
    import pandas

    times = pandas.date_range("2025-10-25", periods=5, freq="D", tz="Europe/Berlin")
    full = pandas.DataFrame(
        {
            "f": [1.5, math.nan, math.inf, -0.0, 1e300], "i": numpy.arange(5, dtype="int8"), "s": ["a", None, "", "é", "x"],
            "c": pandas.Categorical(["b", None, "a", "b", "b"], categories=["b", "a", "z"], ordered=True),
            "t": [pandas.NaT, *times[1:]], "d": pandas.to_timedelta([1, 2, None, 4, 5], unit="s"), "b": [True] * 5,
            "n": pandas.array([1, None, 3, 4, 5], dtype="Int64"),
        }
    )  # fmt: skip
    return [
        full, full.iloc[:0], full.iloc[::2], full[[]], full.set_index(times), full.set_index("s"), full.set_index(times).iloc[1:3],
        full["c"], full["t"], full["s"].rename(None), full["f"].rename(7), pandas.DataFrame({"x": numpy.arange(10**5) * 0.5}),
        pandas.DataFrame(), pandas.Series([], dtype="float64"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(14))
def test_pandas_tables_come_back(encoder: Encoder, number: int) -> None:
    import pandas

    value = frames()[number]
    node = encoder.encode(value)
    has_category = "category" in ([str(value.dtype)] if value.ndim == 1 else list(map(str, value.dtypes)))
    is_left_out = not value.shape[-1] or (has_category and not len(value))  # by Arrow
    assert node[1] == ("pickle" if value.ndim == 2 and not value.shape[1] else "pandas") or is_left_out
    back = encoder.decode(node)
    if isinstance(value, pandas.Series):
        pandas.testing.assert_series_equal(back, value, check_exact=True, check_freq=True)
    else:
        pandas.testing.assert_frame_equal(back, value, check_exact=True, check_freq=True)
        if len(back) and "f" in back:
            back.loc[back.index[0], "f"] = 9.0  # it may be written to


def test_pandas_tables_that_arrow_does_not_keep_are_pickled(encoder: Encoder) -> None:
    import pandas

    for value in (
        pandas.DataFrame({"o": pandas.Series([1, "a", None], dtype=object)}),
        pandas.DataFrame({1: [1]}),
        pandas.DataFrame({"a": [1]}, index=pandas.MultiIndex.from_tuples([(1, 2)])),
        pandas.DataFrame([[1, 2]], columns=["a", "a"]),
    ):
        node = encoder.encode(value)
        assert node[1] == "pickle"
        pandas.testing.assert_frame_equal(encoder.decode(node), value)


def test_arrow_and_polars_tables_come_back(encoder: Encoder) -> None:
    import polars
    import pyarrow

    table = pyarrow.table({"a": pyarrow.chunked_array([[1], [None, 3]]), "s": ["x", None, ""]}, metadata={"k": "v"})
    back = returned(encoder, table, "arrow")
    assert back.equals(table, check_metadata=True) and back.column("a").num_chunks == 2
    assert returned(encoder, table.to_batches()[0], "arrow").equals(table.to_batches()[0])
    assert returned(encoder, pyarrow.array([1.5, None]), "arrow").equals(pyarrow.array([1.5, None]))
    assert returned(encoder, pyarrow.array([], "string"), "arrow").equals(pyarrow.array([], "string"))
    chunks = pyarrow.chunked_array([[1], [2]])
    assert returned(encoder, chunks, "arrow").equals(chunks)
    large = pyarrow.table({"x": numpy.arange(10**6)})
    assert returned(encoder, large, "arrow").equals(large)

    moments = [datetime(2025, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), None]
    frame = polars.DataFrame(
        {
            "a": [math.nan, None],
            "t": moments,
            "l": [[1], None],
            "c": polars.Series(["x", "y"], dtype=polars.Categorical),
        }
    )
    for value in (frame, frame.clear()):
        back = returned(encoder, value, "polars")
        assert back.equals(value) and back.schema == value.schema
    assert returned(encoder, frame["t"], "polars").equals(frame["t"])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_pictures_come_back(encoder: Encoder, mode: str) -> None:
    from PIL import Image

    value = Image.new("RGBA", (7, 5), (10, 20, 30, 40)).convert("RGB" if mode == "I;16" else mode)
    if mode == "I;16":
        value = Image.frombytes("I;16", (7, 5), bytes(range(70)))
    value.info["dpi"] = [72, 72]
    back = returned(encoder, value, "picture")
    assert back.tobytes() == value.tobytes() and back.mode == mode and back.size == (7, 5) and back.info == value.info


def test_models_come_back(encoder: Encoder) -> None:
    import onnx

    float_info = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [float_info], [float_info])
    model = onnx.helper.make_model(graph)
    assert returned(encoder, model, "onnx") == model


def test_tensors_come_back_in_the_format_of_safetensors(encoder: Encoder, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for value in (
        torch.tensor([1.5, math.nan]), torch.arange(12).reshape(3, 4).T, torch.tensor(3, dtype=torch.int8), torch.empty(0, 3),
        torch.ones(5, dtype=torch.bfloat16), torch.tensor([True]), torch.arange(10**6, dtype=torch.float64),
    ):  # fmt: skip
        back = returned(encoder, value, "safetensors")
        assert (
            back.dtype == value.dtype
            and torch.equal(back.nan_to_num(7), value.nan_to_num(7))
            and back.shape == value.shape
        )
    state = OrderedDict(a=torch.ones(2, 3), b=torch.zeros(3000, dtype=torch.float16))
    node = encoder.encode(state)
    assert node[:2] == [BLOB, "tensors"]
    back = encoder.decode(node)
    assert list(back) == ["a", "b"] and all(torch.equal(back[name], state[name]) for name in state)
    back["a"] += 1  # it may be written to, and the blob stays
    assert torch.equal(encoder.decode(node)["a"], state["a"])
    library = pytest.importorskip("safetensors.torch")
    assert torch.equal(library.load_file(encoder.blobs.path(node[2]))["b"], state["b"])


def test_the_state_of_a_module_comes_back_without_a_pickle(encoder: Encoder) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(
        torch.nn.Linear(3000, 5, dtype=torch.float64), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 7)
    )
    state = module.half().state_dict() | {"2.bias": torch.ones(7)}
    state._metadata = module.state_dict()._metadata
    for value in (module.state_dict(), state):
        node = encoder.encode(value)
        assert node[:2] == [BLOB, "tensors"]
        back = encoder.decode(node)
        assert type(back) is OrderedDict and list(back) == list(value) and back._metadata == value._metadata
        assert all(torch.equal(back[name], value[name]) and back[name].dtype == value[name].dtype for name in value)
        assert all(tensor.data_ptr() % tensor.element_size() == 0 for tensor in back.values())
        module.load_state_dict(back)
    tied = OrderedDict(a=state["0.weight"], b=state["0.weight"])
    assert encoder.encode(tied)[1] == "pickle"


def test_html_comes_back(encoder: Encoder) -> None:
    assert returned(encoder, Html("<p>é"), "html") == Html("<p>é")


def damaged(kind: str) -> Callable[[bytes], bytes]:
    return {"corrupted": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "truncated": lambda data: data[:-1], "empty": lambda data: b""}[kind]  # fmt: skip


@pytest.mark.parametrize("kind", ["corrupted", "truncated", "empty"])
@pytest.mark.parametrize("size", [20_000, 2_000_000])
def test_a_damaged_blob_is_refused(tmp_path: Path, kind: str, size: int) -> None:
    import pyarrow

    for value in (numpy.arange(size), pyarrow.table({"x": numpy.arange(size)}), "é" * size, bytes(size)):
        encoder = Encoder(FolderBlobs(tmp_path / "blobs"), b"k" * 32)
        node = encoder.encode(value)
        assert node[0] == BLOB
        file = encoder.blobs.path(node[2])
        data = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(damaged(kind)(data))
        with pytest.raises(DamagedError, match="rerun"):
            encoder.decode(node)
        assert not file.exists()


@pytest.mark.parametrize(
    "codec",
    ["arrow", "audio", "html", "npy", "numpy-scalar", "onnx", "pandas", "picture", "polars", "scalar", "tensors"],
)
@relaxed
@given(data=st.binary(max_size=200))
def test_bytes_that_no_codec_made_are_refused_or_a_value(encoder: Encoder, codec: str, data: bytes) -> None:
    if codec == "tensors":
        pytest.importorskip("torch")
    with suppress(DamagedError):
        encoder.decode([INLINE, codec, data, ""])


def test_a_picture_that_is_larger_than_pillow_opens_from_strangers(encoder: Encoder) -> None:
    from PIL import Image

    assert Image.MAX_IMAGE_PIXELS is not None
    value = Image.new("1", (20_000, 2 * Image.MAX_IMAGE_PIXELS // 20_000 + 1), 1)
    assert encoder.decode(encoder.encode(value)).size == value.size


@pytest.mark.parametrize(
    "index",
    [
        pandas.bdate_range("2024-01-01", periods=5, freq="C", holidays=["2024-01-02"]),
        pandas.date_range("2024-01-01", periods=3, freq=pandas.DateOffset(months=1, days=2)),
        pandas.date_range("2024-01-01", periods=3, freq=pandas.offsets.BusinessHour(start="10:00", end="12:00")),
        pandas.date_range("2024-01-01", periods=3, freq="QS-FEB"),
    ],
)
def test_a_table_by_days_that_no_name_tells(encoder: Encoder, index: Any) -> None:
    back = encoder.decode(encoder.encode(pandas.DataFrame({"a": range(len(index))}, index=index)))
    assert back.index.equals(index) and back.index.freq == index.freq


def test_what_is_noted_at_a_dict_of_tensors_comes_back(encoder: Encoder) -> None:
    torch = pytest.importorskip("torch")
    value = OrderedDict(weight=torch.zeros(2000))
    value.note = "of the third epoch"  # type: ignore[attr-defined]
    assert encoder.decode(encoder.encode(value)).note == "of the third epoch"


def test_a_picture_that_says_more_about_itself_than_pillow_reads(encoder: Encoder) -> None:
    from PIL import Image

    value = Image.new("L", (2, 2))
    value.info["notes"] = bytes(50 << 20)
    assert encoder.decode(encoder.encode(value)).info == value.info
