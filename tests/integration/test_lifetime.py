"""What becomes of engines: they end, are killed, lose their folder, and the next one goes on; nothing is done twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from partita.errors import EngineError, PartitaError, ProtocolError
from partita.workspace.connection import Connection
from tests.integration.engines import engine_pid
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from partita import CommandResult, command, flow, task
@task
def one(n: int) -> int:
    return n + 1
@task
def gate(n: int) -> int:
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n
@task
def large(n: int) -> bytes:
    return bytes([n]) * 200_000
@task
def length(parts: list[bytes]) -> int:
    return sum(map(len, parts))
@task(retries=1, retry_delay=0.5)
def flaky() -> int:
    if not os.path.exists("begun"):
        open("begun", "w").close()
        raise ValueError("try again")
    return 5
sleeps = command("touch begun; test -e go || sleep 600")
@flow
def main() -> int:
    return one(1)
@flow
def after_gate() -> int:
    opened = gate(1)
    return length([large(opened), large(one(opened))])
@flow
def program() -> CommandResult:
    return sleeps()
@flow
def later() -> int:
    return flaky()
"""


def engine_of(project: Any) -> psutil.Process:
    view = project.workspace.engine()
    assert view is not None
    return psutil.Process(view["pid"])


def test_whoever_asks_while_an_engine_ends_gets_the_next_one(project: Any) -> None:
    project.write(FLOWS)
    pids = set()
    for _ in range(6):
        assert project("main") == 2
        pids.add(engine_of(project).pid)
        project.workspace.stop_engine()
    assert len(pids) == 6


def test_a_client_waits_for_an_engine_that_has_the_workspace_but_does_not_answer_any_more(project: Any) -> None:
    """Such as one that ends: it has closed its socket, and still holds the lock."""
    import fcntl

    project.write(FLOWS)
    project.workspace.state.mkdir()
    with (project.workspace.state / "engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release = threading.Timer(1.5, fcntl.flock, (lock, fcntl.LOCK_UN))
        release.start()
        assert project("main") == 2
        release.join()


def test_a_launch_over_which_the_engine_died_is_made_once(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    project.workspace.runs() if project.workspace.state.exists() else None
    honest = Connection._receive
    died = []

    def receive(self: Connection, size: int) -> bytes:
        answer = honest(self, size)
        if not died:  # the launch is stored, and the engine dies before the answer has arrived
            died.append(engine_pid(project))
            os.kill(died[0], signal.SIGKILL)
            raise ConnectionResetError("the engine is gone")
        return answer

    monkeypatch.setattr(Connection, "_receive", receive)
    run = project.start("main")
    assert died
    assert project.result(run) == 2
    assert [view["id"] for view in project.workspace.runs()] == [run.id]
    project.workspace.rerun(run.id)
    assert len(project.workspace.runs()) == 2


def test_an_id_that_would_lead_out_of_the_workspace_is_refused(project: Any) -> None:
    project.write(FLOWS)
    request = {"flow": "flows.py:main", "bundle": project.workspace.bundle(), "id": "../../outside"}
    with pytest.raises(ProtocolError, match="cannot be the id of a run"):
        project.workspace.start(request)


def test_a_project_moved_during_a_run_goes_on_where_it_is_now(project: Any, tmp_path: Path) -> None:
    project.write(FLOWS)
    run = project.start("after_gate")
    wait_until((tmp_path / "begun").exists)
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    os.rename(tmp_path, moved)
    (moved / "go").touch()
    there = type(project)(moved)
    try:
        assert there.result(type(run)(there.workspace, run.id)) == 400_000
        assert not tmp_path.exists(), "something was written where nobody will find it"
        assert "was moved or removed" in (there.workspace.state / "engine.log").read_text()
    finally:
        there.workspace.stop_engine()
        os.rename(moved, tmp_path)


def test_an_engine_whose_workspace_was_deleted_harms_none_that_is_made_there_anew(project: Any) -> None:
    project.write(FLOWS)
    assert project("main") == 2
    old = engine_of(project)
    project.workspace.close()
    shutil.rmtree(project.workspace.state)
    run = project.start("main")
    new = engine_of(project)
    assert new.pid != old.pid
    old.wait(20)
    assert engine_pid(project) == new.pid
    project.workspace.close()
    assert engine_of(project).pid == new.pid  # its socket is there still
    new.kill()
    new.wait(10)
    assert project.result(run) == 2  # and so is the log of its database


def test_what_a_killed_engines_steps_left_running_ends_before_they_begin_again(project: Any, tmp_path: Path) -> None:
    project.write(FLOWS)
    run = project.start("program")
    wait_until((tmp_path / "begun").exists)
    left = [process for process in engine_of(project).children(recursive=True) if process.name() in ("sh", "sleep")]
    assert left
    engine_of(project).kill()
    (tmp_path / "go").touch()
    assert project.result(run).exit_status == 0
    psutil.wait_procs(left, timeout=10)
    assert not [process for process in left if process.is_running()]


def test_a_retry_whose_engine_was_killed_while_it_waited_comes(project: Any, tmp_path: Path) -> None:
    project.write(FLOWS)
    run = project.start("later")
    wait_until(lambda: any(step["state"] == "waiting" for step in run.steps))
    engine_of(project).kill()
    assert project.result(run) == 5
    assert [step["attempts"] for step in run.steps if step["name"] == "flaky"] == [2]


def test_an_engine_that_waits_for_a_full_disk_ends_when_it_is_asked_to(tmp_path: Path, project: Any) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        there = type(project)(disk)
        there.write(FLOWS)
        run = there.start("after_gate")
        wait_until((disk / "begun").exists)
        engine = engine_of(there)
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError:
                    pass
        with pytest.raises(PartitaError, match=r"full|disk|stored"):
            wait_until(lambda: there.workspace.launch("flows.py:main") and False)
        engine.terminate()
        engine.wait(20)
        filler.unlink()
        (disk / "go").touch()
        assert there.result(run) == 400_000
        there.workspace.stop_engine()
        wait_until(lambda: not there.workspace.engine())
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_workspace_of_somebody_else_is_said_to_be_so(project: Any) -> None:
    """As another user sees a folder that only its owner may write."""
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    project.write(FLOWS)
    assert project("main") == 2
    project.workspace.stop_engine()
    for folder in (project.folder, *project.folder.parents[:2]):
        folder.chmod(0o755)
    said = as_nobody(project.folder, ["run", "flows.py:main"])
    assert "ermission" in said, said
    assert "Traceback" not in said, said
    said = as_nobody(project.folder, ["runs", "list"])
    assert "ermission" in said, said
    assert "Traceback" not in said, said
    assert project("main") == 2


def as_nobody(folder: Path, arguments: list[str]) -> str:
    """What the command line says to another user. A fork, because that one may not be able to read this Python."""
    from partita.cli import main

    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: the child uses none of theirs
        child = os.fork()
    if child == 0:
        try:
            os.dup2(write, 1)
            os.dup2(write, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.chdir(folder)
            sys.argv = ["partita", *arguments]
            main()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as output:
        said = output.read()
    os.waitpid(child, 0)
    return said


def test_no_engine_is_started_for_whoever_only_looks(project: Any) -> None:
    assert project.workspace.engine() is None
    assert project.workspace.runs() == []
    with pytest.raises(EngineError, match="no engine is up"):
        project.workspace._connection.ask("runs", start=False)
    assert not project.workspace.state.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_engine_that_is_run_by_hand_stays_until_it_is_told_to_end(
    make_project: Callable[[str], Any], number: signal.Signals
) -> None:
    project = make_project('idle_timeout = "0.1s"\n')
    project.write(FLOWS)
    words = [sys.executable, "-m", "partita.cli", "engine", "run"]
    engine = subprocess.Popen(words, cwd=project.folder, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: project.workspace.engine() is not None)
        assert project("main") == 2
        project.workspace.close()
        time.sleep(1.0)  # ten times as long as an engine of its own accord would stay
        view = project.workspace.engine()
        assert view is not None and view["pid"] == engine.pid
        again = subprocess.run(words, cwd=project.folder, capture_output=True, text=True, timeout=60)
        assert again.returncode == 4 and "an engine is up already" in again.stderr
    finally:
        engine.send_signal(number)
        _, told = engine.communicate(timeout=60)
    assert engine.returncode == 0 and "is up for" in told
    assert project.workspace.engine() is None


def test_what_an_attempt_had_printed_when_its_engine_was_killed_is_read_after_it(project: Any) -> None:
    project.write("""
import os, time
from partita import flow, task
@task
def talk(n: int) -> int:
    print("so far", n, flush=True)
    while not os.path.exists("go"):
        time.sleep(0.01)
    print("and on", n)
    return n
@flow
def main() -> list[int]:
    return talk.map([1, 2])
""")
    run = project.start("main")
    noted = project.workspace.state / "logs" / run.id / "running"
    wait_until(lambda: noted.exists() and noted.read_text().count("\n") == 2)
    os.kill(engine_pid(project), signal.SIGKILL)
    (project.folder / "go").touch()
    assert project.result(run) == [1, 2]
    for step in (step for step in run.steps if step["name"] == "talk"):
        assert [end["outcome"] for end in project.workspace.attempts(run.id, step["id"])] == ["lost", "succeeded"]
        first, second = (
            "".join(chunk["text"] for chunk in project.workspace.logs(run.id, step=step["id"], attempt=number))
            for number in (1, 2)
        )
        assert first.startswith("so far ")
        assert second.startswith("so far ") and "and on" in second
