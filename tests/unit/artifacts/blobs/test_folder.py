from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.hashing import hash_bytes
from partita.artifacts.blobs.port import BlobStore
from partita.errors import DamagedError, ValueStoreError


@pytest.fixture(params=[False, True], ids=["process", "full"])
def blobs(tmp_path: Path, request: pytest.FixtureRequest) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs", is_durable=request.param)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_comes_back_under_its_hash(blobs: BlobStore, tmp_path: Path) -> None:
    digest = blobs.put(b"one", bytearray(b" and "), memoryview(b"two"))
    assert digest == hash_bytes([b"one and two"]) and len(digest) == 64
    assert blobs.get(digest) == b"one and two"
    assert blobs.path(digest).read_bytes() == b"one and two"
    assert blobs.exists(digest) and not blobs.exists("0" * 64)
    assert blobs.get(blobs.put()) == b"" == blobs.get(blobs.put(b""))


def test_a_file_is_copied(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    digest = blobs.put_file(source)
    assert blobs.get(digest) == source.read_bytes()
    source.write_bytes(b"changed")
    assert len(blobs.get(digest)) == 3_000_000
    with pytest.raises(ValueStoreError, match="cannot be read"):
        blobs.put_file(tmp_path / "nothing")


def test_the_same_bytes_are_kept_once(blobs: FolderBlobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"same")
    assert blobs.put(b"same") == blobs.put(b"sa", b"me") == blobs.put_file(source)
    assert len(files(blobs.folder)) == 1


@pytest.mark.parametrize("damage", [b"", b"other", b"SAME"])
def test_a_damaged_blob_is_not_read(blobs: FolderBlobs, damage: bytes) -> None:
    for read in (blobs.get, blobs.path):
        digest = blobs.put(b"same")
        file = blobs.path(digest)
        file.chmod(0o644)
        file.write_bytes(damage)
        with pytest.raises(DamagedError, match=r"not what was written.*rerun"):
            read(digest)
        assert not blobs.exists(digest) and not blobs.hold(digest)  # whoever needs it makes it again
        assert (blobs.folder.parent / "damaged" / digest).read_bytes() == damage


def test_a_torn_blob_is_mended_when_it_is_stored_again(blobs: FolderBlobs) -> None:
    digest = blobs.put(b"whole")
    file = blobs.path(digest)
    file.chmod(0o644)
    file.write_bytes(b"wh")
    blobs.put(b"whole")
    assert blobs.get(digest) == b"whole"


def test_a_missing_blob_says_what_to_do(blobs: BlobStore) -> None:
    for read in (blobs.get, blobs.path):
        with pytest.raises(DamagedError, match="Rerun"):
            read("0" * 64)


def test_a_blob_that_an_older_partita_wrote_is_read(blobs: FolderBlobs) -> None:
    digest = blake2b(b"of old", digest_size=32).hexdigest()
    file = blobs.folder / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"of old")
    assert blobs.get(digest) == b"of old" and blobs.path(digest) == file
    file.write_bytes(b"of gold")
    with pytest.raises(DamagedError):
        blobs.get(digest)


def test_a_large_blob_is_written_in_pieces_and_is_whole(blobs: FolderBlobs, tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 17 + b"end"
    digest = blobs.put(data[:5], memoryview(data)[5:])
    (tmp_path / "file").write_bytes(data)
    assert digest == hash_bytes([data]) == blobs.put_file(tmp_path / "file")
    assert blobs.get(digest) == data and len(files(blobs.folder)) == 1


@pytest.mark.parametrize("digest", ["", "../../../etc/passwd", "a" * 63, "A" * 64, "/" * 64, 5])
def test_what_is_no_hash_is_no_path(blobs: BlobStore, digest: str) -> None:
    with pytest.raises(DamagedError, match="not the hash"):
        blobs.get(digest)


def test_a_blob_cannot_be_changed_by_mistake(blobs: BlobStore) -> None:
    assert blobs.path(blobs.put(b"x")).stat().st_mode & 0o222 == 0


def test_many_writers_of_the_same_blobs(blobs: FolderBlobs) -> None:
    parts = [b"%d" % n * 1000 for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(blobs.put, parts * 10))
    assert digests[:20] * 10 == digests and len(files(blobs.folder)) == 20


def test_a_full_disk_leaves_nothing_behind(blobs: FolderBlobs, small_disk: Path) -> None:
    full = FolderBlobs(small_disk / "blobs")
    kept = full.put(b"small")
    with pytest.raises(ValueStoreError, match="no room left"):
        full.put(os.urandom(4_000_000))
    assert len(files(full.folder)) == 1 and full.get(kept) == b"small"
    full.put(os.urandom(1000))


def test_a_writer_that_dies_leaves_no_blob(blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    digest = hash_bytes([b"never"])
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        blobs.put(b"never")
    assert not blobs.exists(digest)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueStoreError, match="cannot be written"):
        FolderBlobs(tmp_path / "file" / "blobs").put(b"x")


def test_what_was_read_damaged_is_not_given_out_where_it_is_whole_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    digest = blobs.put(b"whole")
    place = blobs.place(digest)
    place.chmod(0o644)
    place.write_bytes(b"wrong")
    read = Path.read_bytes

    def made_again_after(path: Path) -> bytes:
        data = read(path)
        path.write_bytes(b"whole")
        return data

    monkeypatch.setattr(Path, "read_bytes", made_again_after)
    with pytest.raises(DamagedError):
        blobs.get(digest)
