from __future__ import annotations

import base64
import html
import io
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy
import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.codecs.shown import Html
from partita.artifacts.previews.display import PREVIEW_BYTES, display
from partita.testing import MemoryBlobs
from partita.values import unpack
from partita.worker.masking import Masker


def shown(value: Any) -> Any:
    record = display(value)
    assert record is not None and len(record) <= PREVIEW_BYTES
    return unpack(record)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_table_shows_its_head_types_and_numbers(library: str) -> None:
    module = pytest.importorskip(library)
    columns = {"x": [float(number) for number in range(100)], "s": ["<b>" + "y" * 200] * 100}
    record = shown(module.table(columns) if library == "pyarrow" else module.DataFrame(columns))
    assert record["kind"] == "table" and record["rows"] == 100 and [name for name, _ in record["columns"]] == ["x", "s"]
    assert len(record["head"]) == 20 and record["head"][3][0] == "3.0" and len(record["head"][0][1]) == 80
    numbers = record["numbers"]["x"]
    assert (numbers["min"], numbers["max"], numbers["mean"]) == (0, 99, 49.5) and sum(numbers["bins"]) == 100


def test_an_array_shows_a_histogram_of_its_finite_numbers() -> None:
    record = shown(numpy.array([[1.0, math.nan], [math.inf, 3.0]]))
    assert record["type"] == "float64" and record["shape"] == [2, 2]
    assert record["numbers"]["missing"] == 1 and record["numbers"]["max"] == 3 and sum(record["numbers"]["bins"]) == 2
    assert shown(numpy.arange(10**6))["numbers"]["is_sample"]
    assert shown(numpy.array(["a"]))["numbers"] is None and shown(numpy.empty((0, 3)))["numbers"] is None


def test_a_picture_shows_itself_small() -> None:
    image = pytest.importorskip("PIL.Image")
    record = shown(image.effect_noise((3000, 100), 90))
    assert record["kind"] == "image" and (record["width"], record["height"]) == (3000, 100)
    with image.open(io.BytesIO(record["png"])) as small:
        assert small.size[0] <= 256


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_a_large_picture_of_any_mode_shows_itself(mode: str) -> None:
    image = pytest.importorskip("PIL.Image")
    record = shown(image.new(mode, (2000, 3)))
    assert (record["kind"], record["width"], record["mode"]) == ("image", 2000, mode)


def test_texts_show_their_beginning() -> None:
    assert shown("é" * 10**6) == {"kind": "text", "text": "é" * 4000, "length": 10**6}
    assert shown(Html("<p>"))["html"] == "<p>"
    assert display(object()) is None and display("\ud800") is not None


def test_it_lies_beside_the_blob_and_holds_no_secret(tmp_path: Path) -> None:
    for blobs in (FolderBlobs(tmp_path / "blobs"), MemoryBlobs(tmp_path / "memory")):
        encoder = Encoder(blobs, b"k" * 32)
        node = encoder.encode(
            {"a": "open sesame " * 1000, "b": bytes(5000)}, mask=lambda text: text.replace("sesame", "***")
        )
        text, data = node[2]
        assert blobs.preview(text[2])["text"].startswith("open *** open")  # type: ignore[index]
        assert blobs.preview(data[2]) is None
        assert "sesame" in encoder.decode(node)["a"]


def test_a_value_that_cannot_be_shown_is_stored_all_the_same(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    digest = blobs.put(b"x" * 10**4)
    (tmp_path / "blobs" / digest[:2] / f"{digest[2:]}.preview").mkdir()  # in the way
    node = Encoder(blobs, b"k" * 32).encode("x" * 10**4)
    assert node[2] == digest and blobs.get(digest) == b"x" * 10**4 and blobs.preview(digest) is None


def test_a_record_that_is_damaged_is_none(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    digest = blobs.put(b"x" * 10**4)
    for data in (b"", b"\xc1", b"\x93\x01"):
        (tmp_path / "blobs" / digest[:2] / f"{digest[2:]}.preview").write_bytes(data)
        assert blobs.preview(digest) is None


@pytest.mark.parametrize("length", [40, 90, 3000])
def test_no_beginning_of_a_secret_is_kept_where_a_text_is_cut(length: int) -> None:
    """A secret of which the end was cut off was not known as one any more."""
    pandas = pytest.importorskip("pandas")
    secret = "".join(chr(ord("A") + number % 26) for number in range(length))
    text = "-" * 3980 + secret
    for value in (text, Html("-" * 32_750 + secret), pandas.DataFrame({"a": ["-" * 60 + secret], secret: [1]})):
        record = display(value, lambda told: told.replace(secret, "***"))
        assert record is not None and b"ABCDEFGH" not in record
    assert unpack(display("x" * 3980 + "y" * 1000) or b"")["text"] == "x" * 3980 + "y" * 20


@pytest.mark.parametrize("length", [20, 500, 16 << 10])
def test_no_beginning_of_what_a_secret_is_encoded_to_is_kept_where_a_text_is_cut(length: int) -> None:
    """The longest that may be stored, and the longest that it is encoded to."""
    secret = "".join("&<é +"[number % 5] + chr(ord("A") + number % 26) for number in range(length // 2 - length // 11))
    masker = Masker([secret])
    for form in (quote(secret), secret.encode().hex(), base64.b64encode(secret.encode()).decode(), html.escape(secret)):
        for value, size in (("-" * 3990 + form, 4000), (Html("-" * 32_760 + form), 32_768)):
            record = unpack(display(value, masker) or b"")
            told = record["text" if record["kind"] == "text" else "html"]
            assert set(told.removesuffix("***")) == {"-"} and size - 100 < len(told) <= size


def test_many_secrets_in_a_row_are_all_taken_out() -> None:
    secret = "".join(chr(ord("A") + number % 26) for number in range(100))
    record = display(secret * 5000, lambda told: told.replace(secret, "***"))
    assert record is not None and b"ABCDEFGH" not in record
