"""Checkpoint folders that go from one machine to another."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from partita.artifacts.objects import open_objects
from partita.protocol.objects import Objects
from partita.worker.agent.checkpoints import Checkpoints


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(os.fspath(tmp_path / "objects"))


def test_what_an_attempt_leaves_is_found_by_the_next_one_elsewhere(objects: Objects, tmp_path: Path) -> None:
    first, second = (Checkpoints(objects, tmp_path / name) for name in ("first", "second"))
    folder = tmp_path / "first" / "run" / "3"
    first.begin("run", 3, 1)
    (folder / "epochs").mkdir(parents=True)
    (folder / "epochs" / "last.bin").write_bytes(b"weights")
    first.end("run", 3, has_value=False)
    assert not folder.exists()
    second.begin("run", 3, 2)
    assert (tmp_path / "second" / "run" / "3" / "epochs" / "last.bin").read_bytes() == b"weights"
    second.end("run", 3, has_value=True)
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
    before = set(tmp_path.iterdir())
    Checkpoints(objects, tmp_path / "agent").begin("run", 3, 2)
    folder = tmp_path / "agent" / "run" / "3"
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == ["link/inside"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "agent"}


def test_what_cannot_be_opened_leaves_the_attempt_without_a_checkpoint(objects: Objects, tmp_path: Path) -> None:
    objects.put("checkpoints/run/3.tar", b"no archive")
    Checkpoints(objects, tmp_path / "agent").begin("run", 3, 2)
    assert not (tmp_path / "agent" / "run" / "3").exists()
