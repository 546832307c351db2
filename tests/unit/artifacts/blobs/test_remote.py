from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.hashing import hash_bytes
from partita.artifacts.blobs.placing import claim, open_blobs, place_of, requirements_of
from partita.artifacts.blobs.remote import RemoteBlobs
from partita.errors import DamagedError, MissingExtraError, ValueStoreError
from partita.store.sqlite import SqliteStore
from partita.workspace.verifying import verify_blobs

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
    assert not list((tmp_path / "two").rglob("*.part"))


def _overwrite(path: str) -> None:
    Path(path).chmod(0o644)
    Path(path).write_bytes(b"y")


def test_what_is_not_there_says_so(url: str, tmp_path: Path) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    with pytest.raises(DamagedError, match="no blob"):
        blobs.get("0" * 64)
    with pytest.raises(DamagedError, match="not the hash"):
        blobs.get("../x")


def test_who_finds_one_damaged_or_missing_lets_it_be_made_again(url: str, tmp_path: Path) -> None:
    digest = RemoteBlobs(url, tmp_path / "one").put(b"x")
    files, root = fsspec.url_to_fs(url)
    place = files.find(root)[0]
    other = RemoteBlobs(url, tmp_path / "two")
    assert other.hold(digest)
    files.pipe_file(place, b"y") if url.startswith("memory") else _overwrite(place)
    with pytest.raises(DamagedError, match="rerun the run"):
        other.path(digest)
    assert not other.hold(digest)
    assert other.put(b"x") == digest and other.hold(digest)
    assert RemoteBlobs(url, tmp_path / "three").get(digest) == b"x"
    assert not other.send(digest)
    files.rm(place)
    with pytest.raises(DamagedError, match="cleared"):
        RemoteBlobs(url, tmp_path / "four").get(digest)
    assert other.check(digest) == ("missing", 0) and other.mend(digest) and other.check(digest) == ("", 1)


def test_what_is_used_here_is_not_collected_there(url: str, tmp_path: Path) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    digests = {blobs.put(data) for data in (b"one", b"two", b"three")}
    blobs.put_preview(min(digests), b"record")
    listed = list(blobs.listing())
    assert {file.digest for file in listed} == digests and {file.suffix for file in listed} == {"", ".preview"}
    assert all(file.written_at is not None and abs(file.written_at - time.time()) < 600 for file in listed)
    assert blobs.remove(listed, time.time() - 60) == []
    other = RemoteBlobs(url, tmp_path / "two")  # has used nothing, so that only times there would count
    used = max(digests)
    assert other.hold(used)
    gone = other.remove(listed, time.time() - 60)
    assert {file.digest for file in gone} == digests - {used}
    assert {file.digest for file in other.listing()} == {used}


def test_blobs_from_before_are_read_and_can_be_sent(url: str, tmp_path: Path) -> None:
    older = FolderBlobs(tmp_path / "blobs")
    digest = older.put(b"of old")
    blobs = RemoteBlobs(url, tmp_path / "cache", older)
    assert blobs.get(digest) == b"of old" and blobs.hold(digest) and blobs.exists(digest)
    assert blobs.check(digest) == ("missing", 0)
    assert blobs.mend(digest)
    assert RemoteBlobs(url, tmp_path / "far").get(digest) == b"of old"


def test_the_lock_that_the_engine_needs_is_free_while_the_network_is_asked(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    goes, stays = blobs.put(b"goes"), blobs.put(b"stays")
    other = RemoteBlobs(url, tmp_path / "two")
    ask, held = other._ask, []

    def slow(verb: str, *arguments: Any, **options: Any) -> Any:
        if verb == "rm":
            looking = threading.Thread(target=lambda: held.extend([other.hold(stays), other.hold(goes)]), daemon=True)
            looking.start()
            looking.join(5)
            assert held == [True, False]
        return ask(verb, *arguments, **options)

    monkeypatch.setattr(other, "_ask", slow)
    assert other.remove([file for file in other.listing() if file.digest == goes], time.time() - 60)
    assert held and not other.hold(goes)  # nobody relies on what has just gone
    assert other.put(b"goes") == goes and other.hold(goes) and other.check(goes) == ("", 4)


def test_a_damaged_copy_here_is_fetched_again(url: str, tmp_path: Path) -> None:
    blobs = RemoteBlobs(url, tmp_path / "one")
    digest = blobs.put(b"whole")
    for read in (blobs.get, lambda digest: blobs.path(digest).read_bytes()):
        _overwrite(str(tmp_path / "one" / digest[:2] / digest[2:]))
        assert read(digest) == b"whole"
    assert blobs.hold(digest)


def test_blobs_under_the_older_hash_are_fetched_and_sent(url: str, tmp_path: Path) -> None:
    older = FolderBlobs(tmp_path / "blobs")
    digest = blake2b(b"of old", digest_size=32).hexdigest()
    place = older.place(digest)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"of old")
    assert RemoteBlobs(url, tmp_path / "one", older).send(digest)
    assert RemoteBlobs(url, tmp_path / "two").get(digest) == b"of old"


def test_a_place_is_a_folder_or_a_url(tmp_path: Path) -> None:
    for place, folder in (("", tmp_path / "blobs"), (str(tmp_path / "x"), tmp_path / "x")):
        found = open_blobs(place, tmp_path)
        assert isinstance(found, FolderBlobs) and found.folder == folder
    assert isinstance(open_blobs("memory://x", tmp_path), RemoteBlobs)
    assert place_of(tmp_path, "s3://b/c") == "s3://b/c" and place_of(tmp_path, None) == ""
    assert place_of(tmp_path / "p", "../far") == str(tmp_path / "far")
    assert requirements_of("s3://b") == ("fsspec>=2024.6", "s3fs>=2024.6") and requirements_of("/folder") == ()


@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_a_place_belongs_to_one_workspace(kind: str, tmp_path: Path) -> None:
    place = f"memory://{tmp_path.name}/blobs" if kind == "memory" else str(tmp_path / "far")
    for name in ("one", "one", "two"):
        state = tmp_path / name
        state.mkdir(exist_ok=True)
        blobs = open_blobs(place, state)
        if name == "one":
            claim(blobs, state)
        else:
            with pytest.raises(ValueStoreError, match="belong to another workspace"):
                claim(blobs, state)


def test_an_unknown_url_and_a_missing_library_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueStoreError, match="nothing://x"):
        open_blobs("nothing://x", tmp_path)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'partita\[remote\]'"):
        open_blobs("s3://bucket", tmp_path)


def test_what_cannot_be_reached_now_is_not_given_up(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = RemoteBlobs(url, tmp_path / "one").put(b"x")
    other = RemoteBlobs(url, tmp_path / "two")
    SqliteStore(tmp_path / "store.db").close()

    def broken(*arguments: Any) -> None:
        raise ConnectionError("down")

    with monkeypatch.context() as patched:
        patched.setattr(other._files, "get_file", broken)
        faults = verify_blobs(other, tmp_path, [digest], lambda digest: [], is_repairing=True)[2]
    assert [(fault["fault"], fault["is_repaired"]) for fault in faults] == [("unreadable (down)", False)]
    assert other.hold(digest) and other.get(digest) == b"x"
