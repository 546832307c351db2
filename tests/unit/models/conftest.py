from __future__ import annotations

import os
from pathlib import Path

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    """The codecs of a workspace."""
    return Encoder(FolderBlobs(tmp_path / "blobs"), os.urandom(32))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is not the folder of Partita itself, all of which would be the code of the tasks."""
    monkeypatch.chdir(tmp_path)
