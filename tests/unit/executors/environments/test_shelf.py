from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path

import pytest

from partita.core.environment import Declaration
from partita.executors.environments.shelf import Shelf

SIX = Declaration(("six",))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "environments")


def put(shelf: Shelf, declaration: Declaration = SIX, *, is_complete: bool = True) -> str:
    """Lay an environment on the shelf as making one does."""
    key = shelf.key(declaration)
    interpreter = shelf.python(key)
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)
    (shelf.place(key) / "declaration.json").write_text(declaration.text)
    if is_complete:
        made = {"python": "3.12.1", "packages": ["six==1.16.0"], "made_at": 5.0, "took_s": 1.5}
        (shelf.place(key) / "complete.json").write_text(json.dumps(made))
    return key


def test_the_key_tells_what_is_installed_and_nothing_else(shelf: Shelf) -> None:
    assert shelf.key(SIX) == shelf.key(Declaration(("six",), origin="needs.txt"))
    others = [Declaration(("toml",)), Declaration(("six",), python="3.13"), Declaration(("six",), ("six<2",))]
    others += [Declaration(lock=".", lock_digest="1"), Declaration(lock=".", lock_digest="1", groups=("dev",))]
    assert len({shelf.key(SIX), *map(shelf.key, others)}) == 6
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert shelf.key(Declaration(("six",), python=ours)) == shelf.key(SIX)


def test_what_was_broken_off_is_not_there(shelf: Shelf) -> None:
    key = put(shelf, is_complete=False)
    assert not shelf.is_ready(key)
    assert shelf.use(key) is None
    [kept] = shelf.kept()
    assert (kept.is_complete, kept.is_in_use, kept.title) == (False, False, "six")


def test_an_environment_whose_python_has_gone_is_not_there(shelf: Shelf) -> None:
    key = put(shelf)
    assert shelf.is_ready(key)
    shelf.python(key).unlink()
    shelf.python(key).symlink_to("/nowhere/python")
    assert not shelf.is_ready(key)


def test_what_is_in_use_is_not_removed(shelf: Shelf) -> None:
    key = put(shelf)
    lock = shelf.use(key)
    assert lock is not None
    second = Shelf(shelf.folder).use(key)
    assert second is not None, "several may use it"
    assert shelf.kept()[0].is_in_use
    assert not shelf.remove(key)
    os.close(lock)
    os.close(second)
    assert shelf.remove(key)
    assert shelf.kept() == [] and shelf.use(key) is None


def test_only_one_makes_an_environment(shelf: Shelf) -> None:
    with shelf.locked("key", wait=True) as lock:
        assert lock is not None
        with Shelf(shelf.folder).locked("key", wait=False) as other:
            assert other is None
    with shelf.locked("key", wait=False) as lock:
        assert lock is not None


def test_the_lock_is_held_as_long_as_a_child_has_it(shelf: Shelf) -> None:
    """uv goes on with it when the process that started it is killed."""
    with shelf.locked("key", wait=True) as lock:
        assert lock is not None
        childs = os.dup(lock)
    with shelf.locked("key", wait=False) as other:
        assert other is None
    os.close(childs)
    with shelf.locked("key", wait=False) as other:
        assert other is not None


def test_use_is_noted(shelf: Shelf) -> None:
    key = put(shelf)
    other = put(shelf, Declaration(("toml",)))
    os.utime(shelf.place(key) / "complete.json", (5, 5))
    lock = shelf.use(other)
    assert lock is not None
    os.close(lock)
    assert [kept.key for kept in shelf.kept()] == [other, key]
    assert shelf.kept()[1].used_at == 5


def test_files_that_others_share_take_no_room(shelf: Shelf, tmp_path: Path) -> None:
    key = put(shelf)
    before = shelf.size_bytes(key)
    (tmp_path / "shared").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "shared", shelf.place(key) / "shared")
    assert shelf.size_bytes(key) == before
    (shelf.place(key) / "own").write_bytes(b"x" * 100_000)
    assert shelf.size_bytes(key) >= before + 100_000


def test_workers_find_partita_and_nothing_beside_it(shelf: Shelf) -> None:
    home = shelf.home_of_partita()
    assert shelf.home_of_partita() == home
    assert os.listdir(home) == ["partita"]
    assert (home / "partita" / "worker" / "__main__.py").is_file()


def test_a_lock_file_that_others_hold_does_not_stop_listing(shelf: Shelf) -> None:
    key = put(shelf)
    file = os.open(shelf.folder / f"{key}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    assert shelf.kept()[0].is_in_use
    os.close(file)
