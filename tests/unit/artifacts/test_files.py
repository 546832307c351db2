from __future__ import annotations

import gc
import os
from collections import OrderedDict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from partita import File, Folder
from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.errors import DamagedError, NotFoundError, ValueStoreError
from partita.values import blobs_of


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(FolderBlobs(tmp_path / "blobs"), b"k" * 32)


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_file_comes_back_with_its_name_and_may_be_changed(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b")
    node = encoder.encode(File(tmp_path / "data.csv"))
    assert len(blobs_of(node)) == 1
    file = encoder.decode(node)
    assert (file.name, file.size_bytes, file.read_text(), file.read_bytes()) == ("data.csv", 3, "a,b", b"a,b")
    assert Path(file).name == "data.csv" and Path(file).suffix == ".csv"
    Path(file).write_text("changed")
    (tmp_path / "data.csv").write_text("changed too")
    assert encoder.decode(node).path.read_text() == "a,b"
    with file.open() as opened:
        assert opened.read() == b"a,b"
    with pytest.raises(ValueStoreError, match="read only"):
        file.open("w")


def test_copies_go_when_nobody_holds_them(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    file = encoder.decode(encoder.encode(File(tmp_path / "data")))
    path = file.path
    assert path.exists()
    del file
    gc.collect()
    assert not path.parent.exists()


def test_a_file_that_is_passed_on_is_not_stored_again(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("x")
    node = encoder.encode([File(tmp_path / "data")])
    monkeypatch.setattr(FolderBlobs, "put_file", None)
    assert encoder.encode(encoder.decode(node)) == node


def test_one_file_in_two_places_is_stored_once(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    file = File(tmp_path / "data")
    node = encoder.encode({"a": file, "b": [file]})
    assert len({digest for digest, _ in blobs_of(node)}) == 1


def test_only_changed_files_of_a_folder_are_stored_and_written(encoder: Encoder, tmp_path: Path) -> None:
    files = {f"part{number}/{number}.txt": f"text {number}" for number in range(50)}
    folder = tree(tmp_path / "set", files)
    encoder.encode(Folder(folder))
    before = {file: file.stat().st_ino for file in (tmp_path / "blobs").glob("*/*") if file.is_file()}
    tree(folder, {"part3/3.txt": "another"})
    back = encoder.decode(encoder.encode(Folder(folder)))
    after = {file: file.stat().st_ino for file in (tmp_path / "blobs").glob("*/*") if file.is_file()}
    assert before.items() <= after.items() and len(after) == len(before) + 1

    target = tree(tmp_path / "target", {**files, "mine.txt": "mine"})
    inodes = {name: (target / name).stat().st_ino for name in files}
    back.save(target)
    changed = [name for name in files if (target / name).stat().st_ino != inodes[name]]
    assert changed == ["part3/3.txt"] and (target / "mine.txt").read_text() == "mine"
    assert (target / "part3/3.txt").read_text() == "another"


def test_a_folder_is_read_file_by_file_or_whole(encoder: Encoder, tmp_path: Path) -> None:
    back = encoder.decode(encoder.encode(Folder(tree(tmp_path / "set", {"a.txt": "1", "b/é.txt": "22", "empty": ""}))))
    assert list(back) == ["a.txt", "b/é.txt", "empty"] and len(back) == 3 and back.size_bytes == 3 and "a.txt" in back
    assert back["b/é.txt"].read_text() == "22"
    assert (Path(back) / "b" / "é.txt").read_text() == "22" and back.path.name == "set"
    (back.path / "a.txt").write_text("9")
    assert back["a.txt"].read_text() == "1"
    with pytest.raises(KeyError, match="no file"):
        back["c"]


def test_a_large_folder_is_a_value(encoder: Encoder, tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", {f"{number:04}.txt": "same" for number in range(2000)})
    back = encoder.decode(encoder.encode(Folder(folder)))
    assert len(back) == 2000 and back["1999.txt"].read_text() == "same"


def test_what_is_no_file_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        File(tmp_path / "none")
    with pytest.raises(NotFoundError, match="no folder"):
        Folder(tmp_path / "none")
    folder = tree(tmp_path / "set", {"a": ""})
    os.symlink(tmp_path, folder / "link")
    with pytest.raises(ValueStoreError, match="link"):
        Folder(folder)
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ValueStoreError, match="no file"):
        Folder(folder)
    with pytest.raises(ValueStoreError, match="File"):
        encoder.encode(OrderedDict(a=File(folder / "a")))


def test_a_damaged_file_is_refused_when_it_is_opened(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    node = encoder.encode(File(tmp_path / "data"))
    blob = encoder.blobs.path(blobs_of(node)[0][0])
    blob.chmod(0o644)
    blob.write_text("")
    with pytest.raises(DamagedError, match="rerun"):
        encoder.decode(node).read_bytes()


def test_a_hostile_manifest_leaves_the_folder_alone(encoder: Encoder, tmp_path: Path) -> None:
    node: Any = encoder.encode(Folder(tree(tmp_path / "set", {"a": "1"})))
    node[3][1][1] = ["../outside"]
    with pytest.raises(ValueStoreError, match="not the path"):
        encoder.decode(node).save(tmp_path / "target")
    assert not (tmp_path / "outside").exists()


def _write(folder: str, start: Any) -> None:
    blobs = FolderBlobs(Path(folder))
    start.wait()
    for number in range(20):
        blobs.put(bytes([number]) * (20 << 20 if number == 0 else 5000))


def test_two_processes_write_the_same_artifacts_at_once(tmp_path: Path) -> None:
    context = get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=_write, args=(str(tmp_path / "blobs"), start)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    blobs = FolderBlobs(tmp_path / "blobs")
    files = [file for file in (tmp_path / "blobs").glob("*/*") if file.is_file()]
    assert len(files) == 20  # and nothing half written
    assert all(blobs.get(file.parent.name + file.name) for file in files)


def test_a_file_that_is_passed_on_counts_as_just_written(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    node = encoder.encode(File(tmp_path / "data"))
    place = encoder.blobs.path(blobs_of(node)[0][0])
    os.utime(place, (1, 1))
    assert encoder.encode([encoder.decode(node)])
    assert place.stat().st_mtime > 1


def test_a_file_of_another_workspace_is_stored_in_this_one(encoder: Encoder, tmp_path: Path) -> None:
    tree(tmp_path / "folder", {"a.txt": "a", "b/c.txt": "c"})
    other = Encoder(FolderBlobs(tmp_path / "others"), b"o" * 32)
    theirs = other.decode(other.encode(Folder(tmp_path / "folder")))
    mine = encoder.decode(encoder.encode(theirs))
    assert {name: mine[name].read_text() for name in mine} == {"a.txt": "a", "b/c.txt": "c"}
