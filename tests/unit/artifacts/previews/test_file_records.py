"""Files show what they hold, by a bounded beginning; whatever is in them, they are stored all the same."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita import File, Folder
from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.previews.file_records import ShownFile, file_record
from partita.values import blobs_of

# The folder of a test is shared by its examples: each writes the file anew.
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., Any]:
    """What is kept of a file of this name that holds this."""

    def show(name: str, data: bytes | str, mask: Callable[[str], str] = str) -> Any:
        blobs = FolderBlobs(tmp_path / "blobs")
        file = tmp_path / name
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        node = Encoder(blobs, b"k" * 32).encode(File(file), mask=mask)
        ((digest, _),) = blobs_of(node)
        assert blobs.get(digest) == file.read_bytes()
        return blobs.preview(digest)

    return show


def test_a_text_shows_its_beginning(shown: Callable[..., Any]) -> None:
    assert shown("a.md", "# é\n") == {"kind": "text", "text": "# é\n", "length": 4}
    assert shown("A.JSON", "\ufeff{}")["text"] == "{}"
    record = shown("a.log", "é" * 10**6)
    assert record["text"] == "é" * 4000 and record["length"] == 2 * 10**6  # bytes: it was not read to its end


def test_a_table_shows_its_head(shown: Callable[..., Any]) -> None:
    record = shown("a.csv", 'city,price\n"Lisbon, old",1.5\nOslo\n"two\nlines",3\n')
    assert record["columns"] == [["city", "text"], ["price", "number"]] and record["rows"] == 3
    assert record["head"] == [["Lisbon, old", "1.5"], ["Oslo", ""], ["two\nlines", "3"]]
    assert shown("b.csv", "a;b\n1;2,5\n")["head"] == [["1", "2,5"]]
    assert shown("c.tsv", "a,b,c\td\n1\t2\r\n")["columns"] == [["a,b,c", "number"], ["d", "number"]]
    record = shown("d.csv", "a,b\n" + "1,é\n" * 10**6)
    assert record["rows"] is None and len(record["head"]) == 20
    assert len(shown("e.csv", ",".join(map(str, range(1000))) + "\n1\n")["columns"]) == 40


def test_html_shows_itself(shown: Callable[..., Any]) -> None:
    assert shown("a.html", "<p>") == {"kind": "html", "html": "<p>", "is_cut": False}
    assert shown("b.htm", "<p>" * 10**5)["is_cut"]


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "gif", "webp"])
def test_a_picture_shows_itself_small(shown: Callable[..., Any], ending: str) -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.new("RGB", (2000, 1000), "red").save(file, "jpeg" if ending == "jpg" else ending)
    record = shown(f"a.{ending}", file.getvalue())
    assert (record["kind"], record["width"], record["height"]) == ("image", 2000, 1000)
    with image.open(io.BytesIO(record["png"])) as small:
        assert small.size == (256, 128)


def test_a_picture_that_would_unpack_to_much_is_not_shown(shown: Callable[..., Any]) -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.new("1", (6000, 6000)).save(file, "png")
    assert len(file.getvalue()) < 10_000 and shown("a.png", file.getvalue()) is None


def test_a_sound_shows_its_waveform(shown: Callable[..., Any]) -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, 8000, 0, "NONE", ""))
        written.writeframes(b"\0\x40" * 8000)
    record = shown("a.wav", file.getvalue())
    assert record["duration_s"] == 1 and record["envelope"][0] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"\0\1binary"), ("a.csv", b"\xff\xfe"), ("a.csv", b'a,"b'), ("a.csv", b""), ("a.png", b"no picture"),
        ("a.wav", b"RIFF"), ("a.bin", b"text"), ("a", b"text"), (".csv", b"a\n"), ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99),
        ("a.csv", b"x" * 10**6), ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 99),
    ],
)  # fmt: skip
def test_what_is_not_what_its_name_says_shows_nothing(shown: Callable[..., Any], name: str, data: bytes) -> None:
    assert shown(name, data) is None


@relaxed
@given(
    st.sampled_from([".csv", ".tsv", ".html", ".txt", ".png", ".jpg", ".gif", ".webp", ".wav"]), st.binary(max_size=300)
)
def test_whatever_is_in_it_it_is_stored(shown: Callable[..., Any], ending: str, data: bytes) -> None:
    heads = {".png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ".gif": b"GIF89a", ".wav": b"RIFF\0\0\0\0WAVEfmt "}
    shown("a" + ending, heads.get(ending, b"") + data)
    shown("b" + ending, data)


@relaxed
@given(st.integers(0, 200), st.integers(20, 300))
def test_no_part_of_a_secret_is_kept(shown: Callable[..., Any], place: int, length: int) -> None:
    secret = "".join(chr(ord("A") + number % 26) for number in range(length))

    def mask(text: str) -> str:
        return text.replace(secret, "***")

    for name, start in (("a.txt", 3900), ("a.html", 32_700), ("a.log", 128 * 1024 - 100), ("a.csv", 0)):
        record = shown(name, "-" * (start + place) + secret + "-" * (place * 1000), mask)
        assert "ABCDEFGHIJ" not in str(record)


def test_only_a_bounded_part_of_a_large_file_is_read(tmp_path: Path) -> None:
    from partita.artifacts.previews.file_records import ShownFile, file_record

    for ending in ("csv", "txt", "html", "wav", "png"):
        file = tmp_path / f"a.{ending}"
        with open(file, "wb") as written:
            head = io.BytesIO()
            with wave.open(head, "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
            data = head.getvalue()[:40] + b"\xff\xff\xff\x7f" if ending == "wav" else b"a,b\n" * 10**5
            written.write(data)
            written.truncate(2**40 if ending != "csv" else 2**31)  # takes no room on the disk
        try:
            record = file_record(ShownFile(file.name, file), str)
        except Exception as error:
            record = {"kind": str(error)}
        assert ending == "png" or record is not None
        os.unlink(file)


def test_a_small_folder_shows_its_files_and_a_large_one_none(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    encoder = Encoder(blobs, b"k" * 32)
    for count in (3, 100):
        folder = tmp_path / f"folder{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.txt").write_text(f"{count} {number}")
        kept = [blobs.preview(digest) for digest, _ in blobs_of(encoder.encode(Folder(folder)))]
        assert [record is not None for record in kept] == [count == 3] * count


def test_a_secret_that_holds_a_separator_is_no_row_of_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,password\nada,pass,word\n")
    record = file_record(ShownFile("a.csv", tmp_path / "a.csv"), lambda text: text.replace("pass,word", "***"))
    assert record is not None and record["head"] == [["ada", "***"]]
