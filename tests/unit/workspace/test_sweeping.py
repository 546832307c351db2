"""What a garbage collection removes, and what it must not."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.blobs.placing import claim, open_blobs
from partita.artifacts.blobs.remote import RemoteBlobs
from partita.artifacts.objects import open_objects
from partita.core.states import State
from partita.errors import DamagedError, ValueStoreError
from partita.store.port import AttemptEnd, AttemptRow, CacheRow, StepUpdate, Turn
from partita.store.sqlite import SqliteStore
from partita.testing.store_rows import a_run, a_step
from partita.values import BLOB, LIST, pack
from partita.workspace import sweeping
from partita.workspace.sweeping import Sweep, remove_run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("blobs", "bundles", "logs", "checkpoints"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def store(state: Path) -> Any:
    store = SqliteStore(state / "store.db")
    store.acquire("test")
    yield store
    store.close()


@pytest.fixture
def blobs(state: Path) -> FolderBlobs:
    return FolderBlobs(state / "blobs")


def node(digest: str, codec: str = "npy") -> bytes:
    return pack([BLOB, codec, digest, 5000, "preview"])


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def old_blob(blobs: FolderBlobs, data: bytes, seconds: float = 7200) -> str:
    digest = blobs.put(data)
    age(blobs.path(digest), seconds)
    return digest


def test_what_rows_name_is_kept_and_what_nothing_names_is_removed(
    state: Path, store: SqliteStore, blobs: FolderBlobs
) -> None:
    names = ("value", "argument", "input", "cached", "gone")
    digests = {name: old_blob(blobs, name.encode() * 1000) for name in names}
    run = a_run(state=State.SUCCEEDED, inputs=pack([[LIST, [[BLOB, "npy", digests["input"], 1, ""]]], [], []]))
    steps = [a_step(0, value=node(digests["value"])), a_step(1, arguments=node(digests["argument"]))]
    cached = CacheRow(b"key", "f", "f", "no-run", 0, node(digests["cached"]), b"", 0.0, None, 0, None)
    store.commit(Turn(runs=[run], steps=steps, cached=[cached]))
    dry = Sweep(state, is_dry=True).collect()
    assert dry["removed"] == [digests["gone"]] and blobs.exists(digests["gone"])
    found = Sweep(state).collect()
    assert (found["blobs"], found["kept"], found["freed_bytes"]) == (1, 4, 4000)
    assert [name for name in names if blobs.exists(digests[name])] == ["value", "argument", "input", "cached"]


def test_what_a_needed_blob_names_is_needed_too(state: Path, store: SqliteStore, blobs: FolderBlobs) -> None:
    inner = old_blob(blobs, b"file" * 2000)
    folder = old_blob(blobs, b'{"a.txt": "' + inner.encode() + b'"}')
    other = old_blob(blobs, b"other" * 2000)
    flat = old_blob(blobs, b"a text that holds " + other.encode())
    steps = [a_step(0, value=node(folder, "folder")), a_step(1, value=node(flat, "text"))]
    store.commit(Turn(runs=[a_run(state=State.SUCCEEDED)], steps=steps))
    assert Sweep(state).collect()["removed"] == [other]


def test_what_people_see_of_a_blob_goes_with_it(state: Path, store: SqliteStore, blobs: FolderBlobs) -> None:
    gone, kept = old_blob(blobs, b"gone" * 2000), old_blob(blobs, b"kept" * 2000)
    store.commit(Turn(runs=[a_run(state=State.SUCCEEDED)], steps=[a_step(0, value=node(kept))]))
    previews = [state / "blobs" / digest[:2] / f"{digest[2:]}.preview" for digest in (gone, kept)]
    for path in previews:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"record")
        age(path, 7200)
    Sweep(state).collect()
    assert [path.exists() for path in previews] == [False, True]


def test_young_blobs_are_kept(state: Path, store: SqliteStore, blobs: FolderBlobs) -> None:
    young, old = old_blob(blobs, b"young" * 1000, 60), old_blob(blobs, b"old" * 1000, 400)
    assert Sweep(state).collect()["young"] == 2
    assert Sweep(state, grace_s=300).collect()["removed"] == [old]
    assert blobs.exists(young)


def test_blobs_of_attempts_that_have_not_ended_are_kept_however_old(
    state: Path, store: SqliteStore, blobs: FolderBlobs
) -> None:
    before, written = old_blob(blobs, b"before" * 1000, 9000), old_blob(blobs, b"written" * 1000, 7000)
    attempt = AttemptRow(1, 0, 1, "process", time.time() - 8000)
    store.commit(Turn(runs=[a_run(state=State.RUNNING)], steps=[a_step(0)], attempts=[attempt]))
    assert Sweep(state).collect()["removed"] == [before]
    assert blobs.exists(written)
    end = AttemptEnd("failed", attempt.started_at, time.time(), 0.0, 0, None, "", 1, 0, 1)
    store.commit(Turn(attempt_ends=[end]))
    assert Sweep(state).collect()["removed"] == [written]


@pytest.mark.parametrize("use", ["put", "hold"])
def test_an_old_blob_that_is_relied_on_again_counts_as_new(
    state: Path, store: SqliteStore, blobs: FolderBlobs, use: str
) -> None:
    digest = old_blob(blobs, b"again" * 1000)
    assert blobs.put(b"again" * 1000) == digest if use == "put" else blobs.hold(digest)
    assert Sweep(state).collect()["removed"] == []
    assert blobs.exists(digest)
    assert not blobs.hold("0" * 64)


def test_what_killed_writers_and_deleted_runs_left_goes_with_the_bundles(state: Path, store: SqliteStore) -> None:
    part = state / "blobs" / "ab" / "cdef0123.17.beef.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    run = a_run(state=State.SUCCEEDED, bundle="a" * 64)
    store.commit(Turn(runs=[run]))
    for folder in ("bundles/" + "a" * 64, "bundles/" + "b" * 64, f"logs/{run.id}", "logs/gone", "checkpoints/gone"):
        (state / folder).mkdir()
        (state / folder / "file").write_bytes(b"12345")
        age(state / folder, 7200)
    age(part, 7200)
    found = Sweep(state).collect()
    assert (found["bundles"], found["runs"], found["freed_bytes"]) == (1, 1, 4 + 3 * 5)
    assert {path.name for path in (state / "bundles").iterdir() if path.is_dir()} == {"a" * 64}
    assert [path.name for path in (state / "logs").iterdir()] == [run.id] and not part.exists()


def test_archives_of_bundles_that_no_run_needs_go_from_a_shared_place(
    state: Path, store: SqliteStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("shared")
    store.commit(Turn(runs=[a_run(bundle="a" * 64)]))
    (place / "bundles").mkdir()
    for name, seconds in (("a", 7200), ("b", 7200), ("c", 60)):
        (place / "bundles" / f"{name * 64}.tar").write_bytes(b"12345")
        age(place / "bundles" / f"{name * 64}.tar", seconds)
    (place / "bundles" / "mine.txt").write_text("no archive")
    age(place / "bundles" / "mine.txt", 7200)
    dry = Sweep(state, store=open_blobs(str(place), state), is_dry=True).collect()
    found = Sweep(state, store=open_blobs(str(place), state)).collect()
    assert dry["archives"] == found["archives"] == 1 and found["freed_bytes"] == 5
    assert {path.name for path in (place / "bundles").iterdir()} == {"a" * 64 + ".tar", "c" * 64 + ".tar", "mine.txt"}


@pytest.mark.parametrize("where", ["state", "folder", "memory"])
def test_checkpoints_that_workers_elsewhere_kept_go_with_their_run(
    state: Path, store: SqliteStore, tmp_path_factory: pytest.TempPathFactory, where: str
) -> None:
    """Wherever values are kept; those of runs that are still known stay, for a resume."""
    run, other = a_run(state=State.FAILED), a_run(2, state=State.FAILED)
    store.commit(Turn(runs=[run, other]))
    place = os.fspath(tmp_path_factory.mktemp("shared")) if where == "folder" else os.fspath(state)
    if where == "memory":
        pytest.importorskip("fsspec")
        place = f"memory://{os.urandom(4).hex()}"
    objects = open_objects(f"{place}/executors/cluster/0123")
    for name in (run.id, other.id, "gone"):
        objects.put(f"checkpoints/{name}/3.tar", b"12345")
    objects.put("said/abc-0", b"a message")
    store.delete_run(run.number)

    def collect() -> dict[str, Any]:
        blobs = None if where == "state" else open_blobs(place, state)
        return Sweep(state, grace_s=0.0, slack_s=-60.0, store=blobs).collect()

    assert collect()["runs"] == 2
    assert [objects.get(f"checkpoints/{name}/3.tar") for name in (run.id, other.id, "gone")] == [None, b"12345", None]
    assert objects.get("said/abc-0") == b"a message"
    if where == "state":
        assert remove_run(state, other.id) == 5 and objects.get(f"checkpoints/{other.id}/3.tar") is None


def test_collecting_all_the_time_never_takes_what_is_about_to_be_named(
    state: Path, store: SqliteStore, blobs: FolderBlobs
) -> None:
    """The same few values are made, stored, deleted with their run, and made again, while another thread collects."""
    is_over, removed, failures = threading.Event(), [0], []

    def collect() -> None:
        try:
            while not is_over.is_set():
                removed[0] += Sweep(state, grace_s=0.0, slack_s=0.03).collect()["blobs"]
        except BaseException as error:
            failures.append(error)

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for number in range(1, 101):
            started = time.time()
            run, step = a_run(number, state=State.RUNNING), a_step(0, run=number)
            store.commit(Turn(runs=[run], steps=[step], attempts=[AttemptRow(number, 0, 1, "process", started)]))
            digest = blobs.put(b"%d" % (number % 3) * 5000)
            time.sleep(0.01)  # between writing the blob and storing its name
            end = AttemptEnd("succeeded", started, time.time(), 0.0, 0, None, "", number, 0, 1)
            update = StepUpdate(State.SUCCEEDED, node(digest), None, 1, 0, 0, None, 1, 0, number, 0)
            store.commit(Turn(step_updates=[update], attempt_ends=[end]))
            assert blobs.exists(digest), f"round {number}"
            if number % 4 == 0:
                for gone in range(number - 3, number + 1):
                    store.delete_run(gone)  # what they named is garbage now, and soon old enough
            if number % 20 == 0:  # however fast this machine is: now and then the garbage is seen to go
                until, before = time.monotonic() + 20.0, removed[0]
                while removed[0] == before and not failures and time.monotonic() < until:
                    time.sleep(0.005)
                assert failures or removed[0] > before, f"nothing was removed after round {number}"
            if failures:
                break
    finally:
        is_over.set()
        collector.join()
    assert not failures


def test_nothing_is_removed_from_the_place_of_another_workspace(
    state: Path, store: SqliteStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other, far = tmp_path_factory.mktemp("other"), str(tmp_path_factory.mktemp("far"))
    theirs = open_blobs(far, other)
    assert isinstance(theirs, FolderBlobs)
    claim(theirs, other)
    digest = old_blob(theirs, b"theirs")
    with pytest.raises(ValueStoreError, match="belong to another workspace"):
        Sweep(state, store=open_blobs(far, state)).collect()
    assert theirs.exists(digest)


def test_what_a_killed_process_left_of_what_it_fetched_is_removed(state: Path, store: SqliteStore) -> None:
    pytest.importorskip("fsspec")
    far = RemoteBlobs(f"file://{state}/far", state / "fetched" / "far")
    assert Sweep(state, store=far, is_local=True).collect()["blobs"] == 0  # nothing was fetched yet
    part = far._part("ab" * 32)
    part.write_bytes(b"half")
    age(part, 7200)
    assert Sweep(state, store=far).collect()["freed_bytes"] == 4 and not part.exists()


def test_copies_that_are_set_aside_meanwhile_do_not_end_the_collection(
    state: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    far = RemoteBlobs(f"file://{state}/far", state / "fetched" / "far")
    digest = far.put(b"copy")
    gone = state / "fetched" / "far" / "ab" / ("c" * 62)
    monkeypatch.setattr(sweeping, "_files", lambda folder: [("ab" + "c" * 62, gone), (None, gone.with_suffix(".part"))])
    assert Sweep(state, store=far, is_local=True).collect()["copies"] == 0
    assert far.exists(digest)


def test_nothing_is_removed_while_what_names_it_cannot_be_read(
    state: Path, store: SqliteStore, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = old_blob(blobs, b"file" * 2000)
    folder = old_blob(blobs, b'{"a.txt": "' + inner.encode() + b'"}')
    store.commit(Turn(runs=[a_run(state=State.SUCCEEDED)], steps=[a_step(0, value=node(folder, "folder"))]))
    with monkeypatch.context() as patched:

        def failing(path: Path, digest: str) -> tuple[bool, int]:
            raise OSError(5, "Input/output error")

        patched.setattr("partita.artifacts.blobs.folder.holds", failing)
        with pytest.raises(DamagedError, match="Input/output error"):
            Sweep(state).collect()
    assert blobs.exists(inner) and Sweep(state).collect()["removed"] == []


def test_what_somebody_else_removes_meanwhile_is_no_fault(
    state: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`runs prune` and a collection may come to the logs of one run at once."""
    folder = state / "logs" / "gone"
    folder.mkdir()
    (folder / "1.log").write_text("said")
    age(folder, 7200)
    is_dir = Path.is_dir

    def vanishing(path: Path) -> bool:
        found = is_dir(path)
        if path == folder and found:
            shutil.rmtree(path)
        return found

    monkeypatch.setattr(Path, "is_dir", vanishing)
    assert remove_run(state, "gone") == 0
    folder.mkdir()
    age(folder, 7200)
    assert Sweep(state).collect()["runs"] == 0
    assert not folder.exists()
