"""Disks, folders and stores that fail: a clear error or safe waiting, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.errors import EngineError, StepError, StoreError
from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace

pytestmark = pytest.mark.integration

SIMPLE = """
import os, time
from partita import flow, task
@task
def one(n: int) -> int:
    return n + 1
@task
def gate(n: int) -> int:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n
@task
def large(n: int) -> bytes:
    return bytes([n]) * 200_000
@flow
def main() -> int:
    return one(1)
@flow
def gated() -> list[bytes]:
    return large.map([gate(1), 2, 3])
@task
def length(parts: list[bytes]) -> int:
    return sum(map(len, parts))
@flow
def after_gate() -> int:
    opened = gate(1)
    return length([large(opened), large(one(opened))])
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def make(folder: Path, project_type: Any) -> Any:
    made = project_type(folder)
    made.write(SIMPLE)
    return made


def test_a_full_disk_is_waited_for(small_disk: Path, project: Any) -> None:
    there = make(small_disk, type(project))
    run = there.start("after_gate")
    until = time.monotonic() + 30
    while there.workspace.run(run.id)["counts"].get("running", 0) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 65536):
            pass
    (there.folder / "go").touch()
    try:
        while there.workspace.run(run.id)["state"] == "running":
            assert time.monotonic() < until
            time.sleep(0.05)
    except StoreError as error:
        assert "waits because nothing can be stored" in str(error)
    filler.unlink()
    run.wait(60)
    assert run.state in ("succeeded", "failed")
    if run.state == "failed":  # a result that could not be stored is its step's failure, and says why
        assert "No space left" in str(run.view["error"])
        again = type(run)(there.workspace, there.workspace.rerun(run.id))
        assert there.result(again) == 400_000
    there.workspace.stop_engine()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_bytes(b"not a database" * 1000), "store.db"),
        (lambda file: set_version(file, 999), "newer"),
    ],
)
def test_a_store_that_cannot_be_used_is_named(project: Any, spoil: Any, message: str) -> None:
    project.write(SIMPLE)
    assert project("main") == 2
    project.workspace.stop_engine()
    file = project.workspace.state / "store.db"
    wait_until_unlocked(project.workspace.state)
    for beside in file.parent.glob("store.db-*"):
        beside.unlink()
    spoil(file)
    with pytest.raises(EngineError, match=message):
        project.workspace.runs()


def set_version(file: Path, version: int) -> None:
    database = sqlite3.connect(file)
    database.execute(f"pragma user_version = {version}")
    database.commit()
    database.close()


def wait_until_unlocked(state: Path) -> None:
    import fcntl

    until = time.monotonic() + 20
    with (state / "engine.lock").open("w") as lock:
        while time.monotonic() < until:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                time.sleep(0.02)
    raise AssertionError("the engine did not end")


def test_a_read_only_folder_is_said_to_be_so(small_disk: Path, project: Any) -> None:
    there = make(small_disk, type(project))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(Exception, match=r"[Rr]ead-only|cannot be written"):
        there("main")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert there("main") == 2
    there.workspace.stop_engine()


def test_clients_that_start_an_engine_at_the_same_moment_share_one(project: Any) -> None:
    project.write(SIMPLE)
    project.workspace.state.mkdir()  # asking does not make a workspace where there is none
    pids: list[int] = []

    def ask() -> None:
        workspace = LocalWorkspace(project.folder, load_settings(project.folder))
        workspace.runs()
        view = workspace.engine()
        assert view is not None
        pids.append(view["pid"])
        workspace.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6
    assert len(set(pids)) == 1


def test_an_engine_ends_when_it_is_idle_and_the_next_one_knows_the_runs(make_project: Any) -> None:
    project = make_project('idle_timeout = "0.3s"\n')
    project.write(SIMPLE)
    run = project.start("main")
    assert project.result(run) == 2
    project.workspace.close()
    wait_until_unlocked(project.workspace.state)
    assert project.workspace.engine() is None
    assert project.workspace.run(run.id)["state"] == "succeeded"


def test_a_project_deep_down_in_folders_works(project: Any, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / ("f" * 60)
    deep.mkdir(parents=True)
    there = make(deep, type(project))
    assert there("main") == 2
    there.workspace.stop_engine()


def test_the_command_line_says_what_is_wrong_with_the_store(project: Any) -> None:
    project.write(SIMPLE)
    project.workspace.state.mkdir()
    (project.workspace.state / "store.db").write_bytes(b"garbage" * 2000)
    command = [sys.executable, "-m", "partita.cli", "run", "flows.py:main"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 4
    assert "store.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_limit_on_files_is_waited_for_like_a_full_disk(project: Any) -> None:
    import resource

    import psutil

    project.write(SIMPLE)
    run = project.start("after_gate")
    until = time.monotonic() + 30
    while not project.workspace.run(run.id)["counts"].get("running", 0) >= 2:
        assert time.monotonic() < until
    view = project.workspace.engine()
    assert view is not None
    engine = psutil.Process(view["pid"])
    before = engine.rlimit(resource.RLIMIT_FSIZE)
    engine.rlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    (project.folder / "go").touch()
    with pytest.raises(StoreError, match="waits because nothing can be stored"):
        while time.monotonic() < until:
            project.workspace.run(run.id)
            time.sleep(0.02)
    engine.rlimit(resource.RLIMIT_FSIZE, before)
    assert project.result(run) == 400_000
    assert project.workspace.engine()["pid"] == engine.pid


CLOCK = """
import os, time
_real = time.time
def _wrong():
    try:
        with open(os.environ["WRONG_CLOCK"]) as file:
            return _real() + float(file.read() or 0)
    except (OSError, ValueError):
        return _real()
time.time = _wrong
"""


@pytest.fixture
def clock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that says by how many seconds the clock of engine and workers is wrong."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "sitecustomize.py").write_text(CLOCK)
    (folder / "wrong").write_text("0")
    monkeypatch.setenv("WRONG_CLOCK", str(folder / "wrong"))
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")
    return folder / "wrong"


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0 * 400, -3600.0])
def test_a_clock_that_jumps_disturbs_no_run(project: Any, clock: Path, jump_s: float) -> None:
    project.write("""
import os, time
from partita import context, flow, task
@task(retries=2, retry_delay=0.4, timeout=20)
def flaky() -> int:
    if context().attempt < 3:
        raise ValueError("again")
    return context().attempt
@task(timeout=20)
def steady(n: int) -> int:
    time.sleep(0.05)
    return n
@task
def total(xs: list[int], y: int) -> int:
    return sum(xs) + y
@flow
def main() -> int:
    return total(steady.map(list(range(20))), flaky())
""")
    began = time.monotonic()
    run = project.start("main")
    while not any(step["state"] == "waiting" for step in run.steps):
        assert time.monotonic() - began < 30
    clock.write_text(str(jump_s))
    assert project.result(run) == 193
    assert time.monotonic() - began < 30
    view = run.view
    assert abs((view["ended_at"] or 0) - view["created_at"] - jump_s) < 60, "the clock did not jump"
    project.workspace.stop_engine()
    wait_until_unlocked(project.workspace.state)
    clock.write_text("0")
    assert project.workspace.run(run.id)["state"] == "succeeded"
    assert project("main") == 193
    assert len(project.workspace.runs()) == 2


def test_a_wait_is_no_longer_than_it_was_where_the_clock_was_set_back_under_a_killed_engine(
    project: Any, clock: Path
) -> None:
    project.write("""
from partita import context, flow, task
@task(retries=1, retry_delay=2.5)
def flaky() -> int:
    if context().attempt < 2:
        raise ValueError("again")
    return 1
@flow
def main() -> int:
    return flaky()
""")
    began = time.monotonic()
    run = project.start("main")
    while not any(step["state"] == "waiting" for step in run.steps):
        assert time.monotonic() - began < 30
    view = project.workspace.engine()
    assert view is not None
    os.kill(view["pid"], signal.SIGKILL)
    clock.write_text("-7200")
    assert project.result(run) == 1
    assert time.monotonic() - began < 30


def test_a_rerun_makes_again_what_was_cleared_from_the_artifacts(project: Any) -> None:
    project.write(SIMPLE)
    (project.folder / "go").touch()
    run = project.start("after_gate")
    assert project.result(run) == 400_000
    for file in (project.workspace.state / "blobs").glob("??/*"):
        file.unlink()
    project.write(SIMPLE.replace("sum(map(len, parts))", "1 + sum(map(len, parts))"))
    again = type(run)(project.workspace, project.workspace.rerun(run.id))
    assert project.result(again) == 400_001


def test_a_blob_that_was_changed_or_cleared_is_named(project: Any) -> None:
    project.write(SIMPLE + "@flow\ndef two_sizes() -> int:\n    return length([large(3), large(gate(4))])\n")
    for spoil, message in ((change, "is not what was written"), (Path.unlink, "cannot be read")):
        run = project.start("two_sizes")
        while [step["state"] for step in run.steps if step["name"].startswith("large")].count("succeeded") != 1:
            assert run.state == "running"
        (blob,) = (project.workspace.state / "blobs").glob("??/*")
        spoil(blob)
        (project.folder / "go").touch()
        with pytest.raises(StepError, match=message):
            project.result(run)
        (project.folder / "go").unlink()
        for file in (project.workspace.state / "blobs").glob("??/*"):
            file.unlink()


def change(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(b"changed" + file.read_bytes()[7:])
