from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs import FolderBlobs
from partita.artifacts.hashing import hash_bytes
from partita.artifacts.remote import RemoteBlobs, open_blobs
from partita.errors import DamagedError, MissingExtraError, ValueStoreError

fsspec: Any = pytest.importorskip("fsspec")


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield "memory://bucket/blobs" if request.param == "memory" else f"file://{tmp_path}/far"
    fsspec.filesystem("memory").store.clear()


def test_a_blob_written_by_one_machine_is_read_by_another(url: str, tmp_path: Path) -> None:
    digest = RemoteBlobs(url, tmp_path / "one").put(b"some", b"thing")
    other = RemoteBlobs(url, tmp_path / "two")
    assert digest == hash_bytes([b"something"])
    assert other.exists(digest) and not other.exists("0" * 64)
    assert other.get(digest) == b"something" and other.path(digest).read_bytes() == b"something"
    assert other.path(digest).is_relative_to(tmp_path / "two")


def test_a_file_is_kept_there(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    digest = RemoteBlobs(url, tmp_path / "one").put_file(tmp_path / "file")
    assert RemoteBlobs(url, tmp_path / "two").get(digest) == b"content"


def test_only_whole_blobs_stand_there(url: str, tmp_path: Path) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    digest = blobs.put(b"x")
    assert blobs.put(b"x") == digest
    files, root = fsspec.url_to_fs(url)
    assert [name.rpartition("/")[2] for name in files.find(root)] == [digest[2:]]


def test_what_was_damaged_there_is_not_read(url: str, tmp_path: Path) -> None:
    digest = RemoteBlobs(url, tmp_path / "one").put(b"x")
    files, root = fsspec.url_to_fs(url)
    files.pipe_file(files.find(root)[0], b"y") if url.startswith("memory") else _overwrite(files.find(root)[0])
    with pytest.raises(DamagedError, match="not what was written"):
        RemoteBlobs(url, tmp_path / "two").get(digest)
    assert not list((tmp_path / "two").glob("*.part"))


def _overwrite(path: str) -> None:
    Path(path).chmod(0o644)
    Path(path).write_bytes(b"y")


def test_what_is_not_there_says_so(url: str, tmp_path: Path) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    with pytest.raises(DamagedError, match="no blob"):
        blobs.get("0" * 64)
    with pytest.raises(DamagedError, match="not the hash"):
        blobs.get("../x")


def test_a_place_is_a_folder_or_a_url(tmp_path: Path) -> None:
    assert isinstance(open_blobs(tmp_path, tmp_path), FolderBlobs)
    assert isinstance(open_blobs("memory://x", tmp_path), RemoteBlobs)


def test_an_unknown_url_and_a_missing_library_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueStoreError, match="nothing://x"):
        open_blobs("nothing://x", tmp_path)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'partita\[remote\]'"):
        open_blobs("s3://bucket", tmp_path)
