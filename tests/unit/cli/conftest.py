from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from partita.cli import main
from tests.unit.cli.fake import FakeWorkspace


class Told(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str


Partita = Callable[..., Told]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, which is the current one."""
    (tmp_path / "flows.py").write_text("def news(): ...\ndef weather(): ...\n")
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PARTITA_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def workspace(project: Path) -> FakeWorkspace:
    return FakeWorkspace(project)


@pytest.fixture
def partita(workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]) -> Partita:
    """Runs the command line on the fake workspace, as in a pipe."""

    def call(*words: str, opener: Callable[[Any], Any] | None = None) -> Told:
        capsys.readouterr()
        status = main(words, open_workspace=opener or (lambda arguments: workspace))
        captured = capsys.readouterr()
        return Told(status, captured.out, captured.err)

    return call
