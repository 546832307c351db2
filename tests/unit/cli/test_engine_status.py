"""`partita engine status --check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.cli import main


def test_a_probe_is_told_that_no_engine_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "partita.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["engine", "status"]) == 0
    assert main(["engine", "status", "--check"]) == 4
