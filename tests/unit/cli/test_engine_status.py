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


@pytest.mark.integration
def test_settings_that_changed_under_the_engine_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "partita.toml").write_text('retention = { runs = "90d" }\n')
    (tmp_path / "flows.py").write_text(
        "from partita import flow, task\n@task\ndef one() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return one()\n"
    )
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["run", "main"]) == 0
        assert "changed" not in capsys.readouterr().err
        (tmp_path / "partita.toml").write_text('retention = { runs = "1s" }\ncpu = 1\n')
        for words in (["run", "main"], ["prune", "--dry-run"]):
            assert main(words) == 0
            assert "The engine began before cpu, retention changed in the settings" in capsys.readouterr().err
        assert main(["run", "main", "--quiet"]) == 0
        assert not capsys.readouterr().err
        assert main(["engine", "status"]) == 0
        assert "cpu, retention changed since it began" in capsys.readouterr().out
        assert main(["doctor"]) == 0
        assert "The engine began before cpu, retention changed" in capsys.readouterr().out
        assert main(["engine", "stop"]) == 0
        assert main(["run", "main"]) == 0
        assert "changed" not in capsys.readouterr().err
    finally:
        main(["engine", "stop"])
