"""Values written to files for other programs; files and folders as they were, and never outside of the target."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest

from partita import Audio, File, Folder
from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.errors import ValueStoreError
from partita.values import Node
from partita.workspace.writing import write_artifact


@dataclass
class Report:
    page: File
    data: Folder
    score: float


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Encoder(FolderBlobs(tmp_path / "blobs"), b"k" * 32)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with files."""
    folder = tmp_path / "made"
    for name in ("a.txt", "deep/b.txt", "deep/er/c.txt", "other/a.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def written(encoder: Encoder, value: Any, target: Path | None = None, *, is_raw: bool = False) -> list[str]:
    """Writes a value; the files, below the working directory."""
    files = write_artifact(encoder.blobs, encoder.encode(value), "step", target, is_raw=is_raw)
    here = sorted(path for path in Path().rglob("*") if path.is_file())
    assert sorted(files) == here
    return [str(path) for path in here]


def test_a_file_is_written_under_its_own_name(encoder: Encoder, made: Path) -> None:
    assert written(encoder, File(made / "a.txt")) == ["a.txt"]
    assert Path("a.txt").read_text() == "a.txt"
    assert written(encoder, File(made / "a.txt")) == ["a.txt"]  # again
    Path("a.txt").write_text("mine")
    with pytest.raises(ValueStoreError, match="holds something else"):
        written(encoder, File(made / "a.txt"))
    assert Path("a.txt").read_text() == "mine"


def test_a_file_is_written_where_it_shall_go(encoder: Encoder, made: Path) -> None:
    Path("out").mkdir()
    node = encoder.encode(File(made / "a.txt"))
    assert write_artifact(encoder.blobs, node, "step", Path("out")) == [Path("out/a.txt")]
    assert write_artifact(encoder.blobs, node, "step", Path("out/b.md")) == [Path("out/b.md")]
    Path("out/b.md").write_text("may be written to")
    assert write_artifact(encoder.blobs, node, "step", Path("out/b.md")) and Path("out/b.md").read_text() == "a.txt"


def test_a_folder_is_written_as_its_tree(encoder: Encoder, made: Path) -> None:
    tree = ["a.txt", "deep/b.txt", "deep/er/c.txt", "other/a.txt"]
    assert written(encoder, Folder(made)) == [f"made/{name}" for name in tree]
    assert Path("made/deep/er/c.txt").read_text() == "deep/er/c.txt"


def test_of_a_structure_files_keep_their_names_as_long_as_they_differ(encoder: Encoder, made: Path) -> None:
    value = {
        "page": File(made / "a.txt"), "same": File(made / "other" / "a.txt"), "all": (Folder(made / "deep"), 5),
        "nested": [{"b": File(made / "deep" / "b.txt")}], "sound": Audio(numpy.zeros(3, "int16"), 8000), "a": "text",
    }  # fmt: skip
    assert written(encoder, value, Path("out")) == [
        "out/a-2.txt", "out/a.txt", "out/all/0/b.txt", "out/all/0/er/c.txt", "out/all/1.json", "out/nested/0/b.txt",
        "out/same/a.txt", "out/sound.wav",
    ]  # fmt: skip
    assert Path("out/same/a.txt").read_text() == "other/a.txt" and Path("out/a-2.txt").read_text() == "text"


def test_a_dataclass_of_files(encoder: Encoder, made: Path) -> None:
    value = Report(File(made / "a.txt"), Folder(made / "deep"), 0.5)
    assert written(encoder, value) == ["step/a.txt", "step/data/b.txt", "step/data/er/c.txt", "step/score.json"]


def test_keys_that_make_the_same_name_overwrite_nothing(encoder: Encoder) -> None:
    value = {
        "a/b": numpy.arange(2),
        "a_b": numpy.arange(3),
        "a.b": {"x": numpy.arange(4)},
        "a:b": {"x": numpy.arange(5)},
    }
    files = written(encoder, value, Path("out"))
    assert sorted(len(numpy.load(file)) for file in files) == [2, 3, 4, 5]


def test_empty_folders(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert written(encoder, Folder(tmp_path / "empty")) == [] and Path("empty").is_dir()
    assert written(encoder, {"e": Folder(tmp_path / "empty"), "n": 1}, Path("out")) == ["out/n.json"]


def test_raw_are_the_parts(encoder: Encoder, made: Path) -> None:
    assert written(encoder, File(made / "a.txt"), Path("out"), is_raw=True) == ["out/content.file", "out/name.txt"]


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", ".", "", "a/../../x", "a\0b", "a//b", "./a", "a/"])
def test_no_name_leads_out_of_the_target(encoder: Encoder, made: Path, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    file, folder = File(made / "a.txt"), Folder(made)
    file.name = name
    folder.contents["z"] = folder.contents["a.txt"]
    folder.contents[name] = folder.contents["a.txt"]
    nodes: list[Node] = [encoder.encode(file), encoder.encode(folder)]
    folder.name, folder.contents = name, {"a": folder.contents["a.txt"]}
    before = sorted(tmp_path.rglob("*"))
    Path("out").mkdir()
    for node in [*nodes, encoder.encode({"k": file}), encoder.encode(({"k": folder}, file))]:
        for target in (Path("out"), Path("out/new")) if node is nodes[1] else (Path("out"), None):
            with pytest.raises(ValueStoreError, match="not the path of a file in a folder"):
                write_artifact(encoder.blobs, node, "step", target)
    left = {
        path
        for path in sorted(tmp_path.rglob("*"))
        if path not in before and path.is_file() and "blobs" not in path.parts
    }
    assert {path.relative_to(tmp_path).parts[:2] for path in left} <= {("here", "out"), ("here", "step")}
    for opened in (encoder.decode(nodes[0]), encoder.decode(nodes[1])):
        with pytest.raises(ValueStoreError, match="not the path of a file in a folder"):
            opened.save(Path("out"))
    with pytest.raises(ValueStoreError, match="not the path of a file in a folder"):
        _ = encoder.decode(nodes[0]).path


def test_a_structure_of_plain_values_is_json(encoder: Encoder) -> None:
    assert written(encoder, {"a": [1, 2]}) == ["step.json"]
    assert json.loads(Path("step.json").read_text()) == {"a": [1, 2]}


def test_a_key_that_is_the_name_of_a_file_before_it(encoder: Encoder, made: Path) -> None:
    value = {"first": File(made / "a.txt"), "a.txt": File(made / "other" / "a.txt")}
    assert written(encoder, value, Path("out")) == ["out/a-2.txt/a.txt", "out/a.txt"]
