"""Bundles as archives in a place that several machines reach."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from partita.artifacts.code.archive import archives, fetch_archive, put_archive, remove_archive
from partita.artifacts.code.bundles import Bundle, make_bundle
from partita.errors import DamagedError, NotFoundError, ValueStoreError
from partita.values import NOTEBOOK_FILE

PLACES = ["folder", "file", "memory"]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "shared")
    pytest.importorskip("fsspec")
    return f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{tmp_path}/shared"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Bundle]:
    project = tmp_path / "project"
    (project / "package").mkdir(parents=True)
    (project / "flows.py").write_text("x = 1\n")
    (project / "package" / "__init__.py").write_text("")
    (project / "package" / "prüfung.py").write_text("y = 'ü'\n")

    def made(notebook: bytes = b"") -> Bundle:
        return make_bundle(project, project / ".partita", notebook=notebook)

    return made


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("notebook", [b"", b"definitions"])
def test_what_was_put_is_fetched_elsewhere(
    place: str, make: Callable[..., Bundle], tmp_path: Path, notebook: bytes
) -> None:
    bundle = make(notebook)
    (bundle.folder / "package" / "__pycache__").mkdir()
    (bundle.folder / "package" / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    assert put_archive(place, bundle.hash, bundle.folder)
    there = tmp_path / "elsewhere" / "bundles" / bundle.hash
    fetch_archive(place, bundle.hash, there)
    assert content(there) == content(bundle.folder)
    assert (NOTEBOOK_FILE in content(there)) == bool(notebook)
    assert [path.name for path in there.parent.iterdir()] == [bundle.hash]
    # What was fetched makes the same archive again.
    other = tmp_path / "other"
    put_archive(str(other), bundle.hash, there)
    put_archive(str(tmp_path / "first"), bundle.hash, bundle.folder)
    name = f"bundles/{bundle.hash}.tar"
    assert (other / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_an_archive_that_is_there_is_not_sent_again(place: str, make: Callable[..., Bundle]) -> None:
    bundle = make()
    assert put_archive(place, bundle.hash, bundle.folder)
    assert not put_archive(place, bundle.hash, bundle.folder)
    (found,) = archives(place)
    assert found.hash == bundle.hash and found.size_bytes > 0
    assert found.written_at is not None and abs(found.written_at - time.time()) < 30


def test_one_that_is_relied_on_again_is_not_removed_as_old(place: str, make: Callable[..., Bundle]) -> None:
    bundle = make()
    put_archive(place, bundle.hash, bundle.folder)
    assert not remove_archive(place, bundle.hash, time.time() - 60)
    if not place.startswith("memory:"):
        file = Path(place.removeprefix("file://")) / "bundles" / f"{bundle.hash}.tar"
        os.utime(file, (time.time() - 7200,) * 2)
        put_archive(place, bundle.hash, bundle.folder)
        assert not remove_archive(place, bundle.hash, time.time() - 3600)
    assert remove_archive(place, bundle.hash, time.time() + 60) and archives(place) == []
    assert not remove_archive(place, bundle.hash, time.time() + 60)


def test_what_is_not_there_is_told(place: str, tmp_path: Path) -> None:
    assert archives(place) == []
    with pytest.raises(NotFoundError, match="copy its folder"):
        fetch_archive(place, "a" * 64, tmp_path / "there")
    with pytest.raises(NotFoundError, match="not the hash"):
        fetch_archive(place, "../secret", tmp_path / "there")


@pytest.mark.parametrize("kind", ["other code", "cut", "upwards", "link", "no archive"])
def test_what_is_not_the_bundle_is_refused_and_leaves_nothing(
    make: Callable[..., Bundle], tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "shared"
    bundle = make()
    put_archive(str(place), bundle.hash, bundle.folder)
    file = place / "bundles" / f"{bundle.hash}.tar"
    if kind == "other code":
        (bundle.folder / "flows.py").write_text("x = 2\n")
        file.unlink()
        put_archive(str(place), bundle.hash, bundle.folder)
    elif kind == "cut":
        file.write_bytes(file.read_bytes()[:700])
    elif kind == "no archive":
        file.write_bytes(b"nothing")
    else:
        member = tarfile.TarInfo("../../outside.py" if kind == "upwards" else "link.py")
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            archive.addfile(member, io.BytesIO())
        file.write_bytes(target.getvalue())
    there = tmp_path / "elsewhere" / bundle.hash
    with pytest.raises(DamagedError, match="remove it"):
        fetch_archive(str(place), bundle.hash, there)
    assert not there.parent.exists() and not (tmp_path / "outside.py").exists()


def test_a_place_that_cannot_be_written_is_told(make: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = make()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ValueStoreError, match="rights and room"):
        put_archive(str(tmp_path / "file"), bundle.hash, bundle.folder)
