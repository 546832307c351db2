from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from partita.artifacts.keys import workspace_key
from partita.errors import DamagedError, ValueStoreError


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    key = workspace_key(workspace)
    assert len(key) == 32 and workspace_key(workspace) == key
    assert (workspace / "key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in workspace.iterdir()] == ["key"]
    assert workspace_key(tmp_path / "another") != key


def test_those_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(workspace_key, [tmp_path] * 64))) == 1


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(DamagedError, match="5 bytes"):
        workspace_key(tmp_path)


def test_a_key_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueStoreError, match="cannot be"):
        workspace_key(tmp_path / "file")
