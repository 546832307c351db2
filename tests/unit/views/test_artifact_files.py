"""Artifacts as files that are sent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.errors import DamagedError
from partita.protocol.stored_files import FILE, FOLDER
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, PLAIN, pack
from partita.views.artifact_files import Sent, file_of, safe_name


def found(node: Any, path: str = "train/fit[3]", part: str = "") -> Any:
    return {
        "view": {"path": path, "part": part, "codec": node[1] if node[0] == BLOB else "plain"},
        "node": pack(node),
        "parts": [],
    }


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def blob(blobs: FolderBlobs, data: bytes, codec: str = "npy") -> list[Any]:
    return [BLOB, codec, blobs.put(data), len(data), "shown"]


def entries(sent: Sent) -> dict[str, bytes]:
    assert sent.pieces is not None
    with zipfile.ZipFile(io.BytesIO(b"".join(sent.pieces))) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_one_thing_is_sent_as_its_file(blobs: FolderBlobs) -> None:
    sent = file_of(found(blob(blobs, b"numbers")), blobs)
    assert sent.name == "fit-3.npy" and sent.file is not None and sent.file.read_bytes() == b"numbers"
    assert file_of(found([PLAIN, "text"]), blobs) == Sent("fit-3.txt", data=b"text")
    assert file_of(found([INLINE, "pickle", b"\x80"]), blobs) == Sent("fit-3.pickle", data=b"\x80")


def test_plain_structures_are_json(blobs: FolderBlobs) -> None:
    node = [DICT, ["a", "b"], [[PLAIN, 1], [LIST, [[PLAIN, "x"], [PLAIN, None]]]]]
    sent = file_of(found(node), blobs)
    assert sent.name == "fit-3.json" and sent.data == b'{\n  "a": 1,\n  "b": [\n    "x",\n    null\n  ]\n}\n'


def test_structures_are_an_archive_of_their_parts(blobs: FolderBlobs) -> None:
    file = [OBJECT, FILE, ["name", "content"], [[PLAIN, "a.txt"], blob(blobs, b"A", "file")]]
    other = [OBJECT, FILE, ["name", "content"], [[PLAIN, "A.txt"], blob(blobs, b"B", "file")]]
    node = [DICT, ["x/../y", "f", "g", "deep"], [blob(blobs, b"1"), file, other, [LIST, [blob(blobs, b"2")]]]]
    assert entries(file_of(found(node), blobs)) == {
        "x_.._y.npy": b"1",
        "a.txt": b"A",
        "A-2.txt": b"B",
        "deep/0.npy": b"2",
    }


def test_folders_keep_their_tree_and_nothing_leaves_it(blobs: FolderBlobs) -> None:
    names = ["one.txt", "deep/two.txt", "../../etc/passwd", "/abs.txt", "..", ".hidden"]
    contents = [DICT, names, [blob(blobs, name.encode(), "file") for name in names]]
    node = [OBJECT, FOLDER, ["name", "contents"], [[PLAIN, "all"], contents]]
    sent = file_of(found(node), blobs)
    assert sent.name == "fit-3.zip"
    assert list(entries(sent)) == ["one.txt", "deep/two.txt", "etc/passwd", "abs.txt", "fit-3", "hidden"]


def test_what_is_missing_is_told_before_anything_is_sent(blobs: FolderBlobs) -> None:
    node = [LIST, [blob(blobs, b"1"), [BLOB, "npy", "0" * 64, 3, ""]]]
    with pytest.raises(DamagedError):
        file_of(found(node), blobs)


@pytest.mark.parametrize(
    "name, safe",
    [("../x", "x"), ("a\r\nb", "a_b"), ('"; rm', "rm"), ("", "value"), ("...", "value"), ("模型.bin", "模型.bin"), ("é" * 200, "é" * 75)],
)  # fmt: skip
def test_names_are_safe(name: str, safe: str) -> None:
    assert safe_name(name).lstrip("_") == safe
