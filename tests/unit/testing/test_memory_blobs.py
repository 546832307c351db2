"""Blobs in memory keep the laws of blobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.port import BlobStore
from partita.errors import DamagedError, ValueStoreError
from partita.testing import MemoryBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return MemoryBlobs(tmp_path / "blobs")


def test_what_is_put_is_given(blobs: BlobStore) -> None:
    digest = blobs.put(b"one ", bytearray(b"two "), memoryview(b"three"))
    assert blobs.get(digest) == b"one two three"
    assert blobs.exists(digest)
    assert digest == blobs.put(b"one two three")


def test_hashes_are_those_of_folders(blobs: BlobStore, tmp_path: Path) -> None:
    assert blobs.put(b"same") == FolderBlobs(tmp_path / "folder").put(b"same")


def test_files(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    digest = blobs.put_file(source)
    source.write_bytes(b"changed")
    assert blobs.path(digest).read_bytes() == b"content"
    assert blobs.path(digest) == blobs.path(digest)
    with pytest.raises(ValueStoreError, match="cannot be read"):
        blobs.put_file(tmp_path / "missing")


def test_what_is_not_there(blobs: BlobStore) -> None:
    assert not blobs.exists("0" * 64)
    with pytest.raises(DamagedError, match="there is no blob 000000000000"):
        blobs.get("0" * 64)
    with pytest.raises(DamagedError, match="is not the hash of a blob"):
        blobs.path("../secret")
