"""What SQLite does beyond the contract: crashes, full disks, closed folders, damaged files."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import partita
from partita.errors import FencedError, StoreError
from partita.store.port import AttemptRow, Turn
from partita.store.sqlite import SqliteStore
from partita.testing.store_contract import a_run, a_step

_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(partita.__path__[0]).parent)}

# Commits turns of different sizes, and tells after each that it has returned.
_WRITER = """
import sys
from pathlib import Path
from partita.store.port import AttemptRow, Turn
from partita.store.sqlite import SqliteStore
from partita.testing.store_contract import a_run, a_step
store = SqliteStore(Path(sys.argv[1]), sys.argv[2])
store.acquire("writer")
number = store.next_run_number()
while True:
    size = 1 + number * 7919 % 300
    steps = [a_step(i, run=number, value=b"v" * (i * 37 % 5000)) for i in range(size)]
    attempts = [AttemptRow(number, i, 1, "local", 1.0) for i in range(size)]
    store.commit(Turn(runs=[a_run(number)], steps=steps, attempts=attempts))
    print(number, flush=True)
    number = store.next_run_number()
"""


@pytest.mark.parametrize("durability", ["process", "full"])
def test_a_killed_writer_leaves_each_turn_whole_or_absent(tmp_path: Path, durability: str) -> None:
    path, chance = tmp_path / "store.db", random.Random(7)
    told: list[int] = []
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), durability], stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
        )
        assert writer.stdout is not None
        told.append(int(writer.stdout.readline()))
        time.sleep(chance.random() * 0.1)
        writer.send_signal(signal.SIGKILL)
        told += map(int, writer.stdout.read().split())
        writer.wait()
        writer.stdout.close()
        _assert_whole(path, told)


def _assert_whole(path: Path, told: list[int]) -> None:
    store = SqliteStore(path)
    try:
        rows = store.runs(limit=100_000)
        assert set(told) <= {row.number for row in rows}
        for row in rows:
            size = 1 + row.number * 7919 % 300
            expected = [a_step(i, run=row.number, value=b"v" * (i * 37 % 5000)) for i in range(size)]
            assert list(store.all_steps(row.number)) == expected
            assert len(store.open_attempts(row.number)) == size
    finally:
        store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "partita-test", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=False, capture_output=True)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_the_turn_can_be_tried_again(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "store.db")
    store.acquire("test")
    store.commit(Turn(runs=[a_run()]))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3 << 20))
    turn = Turn(
        steps=[a_step(n, value=os.urandom(4000)) for n in range(300)], attempts=[AttemptRow(1, 0, 1, "local", 1.0)]
    )
    for _ in range(3):
        with pytest.raises(StoreError, match=r"disk is full; make room.*nothing that was committed is lost"):
            store.commit(turn)
        assert store.steps(1) == [] and store.attempts(1) == []
    ballast.unlink()
    store.commit(turn)
    assert len(store.steps(1)) == 300
    store.close()


def test_a_file_that_may_not_grow_is_reported(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from partita.errors import StoreError
from partita.store.port import Turn
from partita.store.sqlite import SqliteStore
from partita.testing.store_contract import a_run, a_step
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(Path(sys.argv[1]))
store.acquire("test")
store.commit(Turn(runs=[a_run()]))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
turn = Turn(steps=[a_step(n, value=bytes(4000)) for n in range(300)])
try:
    store.commit(turn)
except StoreError as error:
    print(error)
assert store.steps(1) == []
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.commit(turn)
assert len(store.steps(1)) == 300
"""
    path = tmp_path / "store.db"
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=_ENVIRONMENT, check=True
    )
    assert str(path) in told.stdout and "disk" in told.stdout


def test_a_disk_that_became_read_only_is_reported(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "store.db")
    store.acquire("test")
    store.commit(Turn(runs=[a_run()]))
    store.close()
    if subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], capture_output=True, check=False).returncode:
        pytest.skip("no right to remount")
    with pytest.raises(StoreError, match=r"store\.db: .*(written|opened).*(right|may write)"):
        SqliteStore(small_disk / "store.db").acquire("again")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_reported(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from partita.errors import StoreError
from partita.store.sqlite import SqliteStore
os.setuid(65534)
try:
    SqliteStore(Path(sys.argv[1])).acquire("test")
except StoreError as error:
    print(error)
"""
    os.chmod(tmp_path, 0o755)
    for folder in list(tmp_path.parents)[:-1]:
        if not folder.stat().st_mode & 0o001:
            os.chmod(folder, folder.stat().st_mode | 0o011)
    existing = tmp_path / "store.db"
    SqliteStore(existing).close()
    for path in (existing, tmp_path / "new.db", tmp_path / "folder" / "new.db"):
        told = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=_ENVIRONMENT, check=True
        )
        assert str(path if path.parent == tmp_path else path.parent) in told.stdout


@pytest.mark.parametrize("damage", ["header", "text", "middle", "cut"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    store.acquire("test")
    store.commit(Turn(runs=[a_run()], steps=[a_step(n, value=bytes(300)) for n in range(3000)]))
    store.close()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:100] = os.urandom(100)
    elif damage == "text":
        data = bytearray(b"this is no database\n" * 100)
    elif damage == "middle":
        for position in range(4096, len(data), 4096):
            data[position : position + 64] = os.urandom(64)
    else:
        data = data[: len(data) // 2]
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"store\.db: it is damaged.*move.*away.*backup"):
        SqliteStore(path)


def test_damage_in_a_large_file_is_found_where_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.store.sqlite._CHECKED_BYTES", 0)
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    store.acquire("test")
    store.commit(Turn(runs=[a_run()], steps=[a_step(n, value=bytes(300)) for n in range(3000)]))
    store.close()
    data = bytearray(path.read_bytes())
    for position in range(len(data) // 8192 * 4096, len(data), 4096):
        data[position : position + 64] = bytes(64)
    path.write_bytes(data)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="it is damaged"):
        list(store.all_steps(1))
    store.close()


def test_two_engines_cannot_both_write(tmp_path: Path) -> None:
    first, second = SqliteStore(tmp_path / "store.db"), SqliteStore(tmp_path / "store.db")
    first.acquire("first")
    assert second.acquire("second") == 2
    for number in range(1, 20):
        second.commit(Turn(runs=[a_run(number)]))
        with pytest.raises(FencedError, match="passed on"):
            first.commit(Turn(runs=[a_run(number + 100)]))
    assert len(first.runs()) == 19
    first.close()
    second.close()


def test_a_row_that_sqlite_cannot_hold_refuses_the_turn_and_no_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("test")
    with pytest.raises(StoreError, match="too large"):
        store.commit(Turn(runs=[a_run()], steps=[a_step(0, profile=2**70)]))
    with pytest.raises(StoreError, match="surrogates"):
        store.commit(Turn(runs=[a_run()], steps=[a_step(0, name="\ud800")]))
    store.commit(Turn(runs=[a_run()]))
    assert store.steps(1) == []
    store.close()


def test_durability_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match='"process" or "full"'):
        SqliteStore(tmp_path / "store.db", "none")
    store = SqliteStore(tmp_path / "store.db", "full")
    assert store._connection.execute("pragma synchronous").fetchone() == (2,)
    assert store._connection.execute("pragma journal_mode").fetchone() == ("wal",)
    store.close()


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("test")
    store.commit(Turn(runs=[a_run()]))
    for start in range(0, 40_000, 2000):
        store.commit(Turn(steps=[a_step(n, value=bytes(500)) for n in range(start, start + 2000)]))
    assert (tmp_path / "store.db-wal").stat().st_size < 12 << 20 < (tmp_path / "store.db").stat().st_size
    store.close()
