"""Tokens that are kept for servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.client.credentials import credentials_file, forget_token, keep_token, kept_servers, kept_token
from partita.errors import SettingsError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_each_server_has_its_token() -> None:
    assert kept_token("https://one") == ""
    keep_token("https://one:443/", "1")
    keep_token("https://two", "2")
    assert (kept_token("https://ONE"), kept_token("two"), kept_token("http://two")) == ("1", "2", "")
    assert kept_servers() == ["https://one", "https://two"]
    assert forget_token("https://one")
    assert not forget_token("https://one")
    assert kept_servers() == ["https://two"]


def test_nobody_else_reads_them() -> None:
    file = keep_token("https://one", "1")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by others"):
        kept_token("https://one")


@pytest.mark.parametrize("text", ["", "[]", '{"https://one": 1}', "\x00"])
def test_a_damaged_file_is_told(text: str) -> None:
    keep_token("https://one", "1")
    credentials_file().write_text(text)
    with pytest.raises(SettingsError, match="sign in again"):
        kept_token("https://one")
