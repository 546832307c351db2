from __future__ import annotations

import os
import time
from pathlib import Path

from partita.core.environment import Declaration
from partita.executors.environments.shelf import Shelf
from partita.settings import Settings
from partita.workspace.environments import environments_folder, list_environments, prune, read_log


def put(folder: Path, name: str, used_days_ago: float | None) -> str:
    """An environment that was used so long ago; None: one that was broken off."""
    shelf = Shelf(folder)
    key = shelf.key(Declaration((name,)))
    shelf.place(key).mkdir(parents=True)
    (shelf.place(key) / "declaration.json").write_text(Declaration((name,)).text)
    (shelf.place(key) / "build.log").write_text(f"making {name}\n")
    if used_days_ago is not None:
        (shelf.place(key) / "complete.json").write_text('{"python": "3.12.1", "packages": []}')
        moment = time.time() - used_days_ago * 86_400
        os.utime(shelf.place(key) / "complete.json", (moment, moment))
    return key


def test_where_environments_lie(tmp_path: Path) -> None:
    state = tmp_path / ".partita"
    assert environments_folder(tmp_path, state, Settings()) == state / "environments"
    assert environments_folder(tmp_path, state, Settings(environments="envs")) == tmp_path / "envs"
    assert environments_folder(tmp_path, state, Settings(environments="/all")) == Path("/all")
    assert environments_folder(tmp_path, state, Settings(environments="~/all")) == Path.home() / "all"


def test_prune_removes_the_old_and_the_broken_off(tmp_path: Path) -> None:
    new, old, broken = put(tmp_path, "new", 1), put(tmp_path, "old", 40), put(tmp_path, "broken", None)
    assert [view["key"] for view in list_environments(tmp_path)] == [new, old, broken]
    assert read_log(tmp_path, old) == "making old\n"
    assert {view["key"] for view in prune(tmp_path, 30 * 86_400)} == {old, broken}
    assert [view["title"] for view in list_environments(tmp_path)] == ["new"]
    assert read_log(tmp_path, old) == ""


def test_nothing_there_is_nothing_to_list(tmp_path: Path) -> None:
    assert list_environments(tmp_path / "none") == [] and prune(tmp_path / "none", 0) == []
    assert not (tmp_path / "none").exists()


def test_what_is_in_use_is_kept(tmp_path: Path) -> None:
    key = put(tmp_path, "old", 40)
    with Shelf(tmp_path).locked(key, wait=True):
        assert prune(tmp_path, 0) == []
    assert len(prune(tmp_path, 0)) == 1
