"""How artifacts are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita import Folder, flow, task
from partita.testing import MemoryWorkspace


@task
def make(place: Path) -> Folder:
    return Folder(place)


@flow
def making(place: Path) -> Folder:
    return make(place)


def test_files_of_a_folder_are_named_as_people_type_them(
    workspace: MemoryWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "été").mkdir(parents=True)
    (tmp_path / "data" / "été" / "日記.txt").write_text("x")
    run = making.submit(tmp_path / "data").wait()
    found = run.artifact('make["été/日記.txt"]')
    monkeypatch.chdir(tmp_path)
    assert found.save() == [Path("日記.txt")]
