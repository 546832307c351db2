"""Checkpoint folders that go from one machine to another."""

from __future__ import annotations

import io
import os
import tarfile
from concurrent.futures import Future
from pathlib import Path

import pytest

from partita.artifacts.objects import open_objects
from partita.errors import ValueStoreError
from partita.protocol.objects import Objects
from partita.worker.agent.checkpoints import Checkpoints


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return open_objects(f"memory://checkpoints-{os.urandom(4).hex()}")
    return open_objects(os.fspath(tmp_path / "objects"))


def done(future: Future[None] | None) -> None:
    if future is not None:
        future.result(60)


def test_what_an_attempt_leaves_is_found_by_the_next_one_elsewhere(objects: Objects, tmp_path: Path) -> None:
    first, second = (Checkpoints(objects, tmp_path / name) for name in ("first", "second"))
    folder = tmp_path / "first" / "run" / "3"
    first.begin("run", 3, 1)
    (folder / "epochs").mkdir(parents=True)
    (folder / "epochs" / "last.bin").write_bytes(b"weights")
    done(first.end("run", 3, has_value=False))
    assert not folder.exists()
    done(second.begin("run", 3, 2))
    assert (tmp_path / "second" / "run" / "3" / "epochs" / "last.bin").read_bytes() == b"weights"
    done(second.end("run", 3, has_value=True))
    assert objects.get("checkpoints/run/3.tar") is None


def test_nothing_leaves_the_folder(objects: Objects, tmp_path: Path) -> None:
    """Whatever lies in the archive, which somebody else may have written."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind in (
            ("../outside", tarfile.REGTYPE),
            ("/tmp/outside", tarfile.REGTYPE),
            ("link", tarfile.SYMTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, os.fspath(tmp_path)
            archive.addfile(member)
        member = tarfile.TarInfo("link/inside")
        archive.addfile(member)
    objects.put("checkpoints/run/3.tar", target.getvalue())
    before = {*tmp_path.iterdir(), tmp_path / "objects"}
    done(Checkpoints(objects, tmp_path / "agent").begin("run", 3, 2))
    folder = tmp_path / "agent" / "run" / "3"
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == ["link/inside"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "agent"}


def test_what_cannot_be_opened_leaves_the_attempt_without_a_checkpoint(objects: Objects, tmp_path: Path) -> None:
    objects.put("checkpoints/run/3.tar", b"no archive")
    done(Checkpoints(objects, tmp_path / "agent").begin("run", 3, 2))
    assert not (tmp_path / "agent" / "run" / "3").exists()


def test_nothing_is_waited_for_where_an_attempt_leaves_nothing(objects: Objects, tmp_path: Path) -> None:
    checkpoints = Checkpoints(objects, tmp_path)
    assert checkpoints.begin("run", 3, 1) is None
    assert checkpoints.end("run", 3, has_value=False) is None and checkpoints.end("run", 4, has_value=True) is None


def test_a_checkpoint_that_cannot_be_kept_is_no_end_of_the_agent(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def put_file(name: str, file: Path) -> None:
        raise ValueStoreError("no room")

    monkeypatch.setattr(objects, "put_file", put_file)
    checkpoints = Checkpoints(objects, tmp_path)
    folder = tmp_path / "run" / "3"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"1")
    done(checkpoints.end("run", 3, has_value=False))
    assert "cannot be kept for another machine: no room" in capsys.readouterr().err
    assert list((tmp_path / "run").iterdir()) == []
