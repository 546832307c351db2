"""Backups of a workspace that is in use, and what a restored one is."""

from __future__ import annotations

import json
import sqlite3
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs.hashing import hash_file
from partita.cli import main
from partita.errors import BackupError
from partita.flow.loading import set_project
from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine, stop_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
from partita import context, flow, task

class Box:
    def __init__(self, n: int) -> None:
        self.data = b"%d" % n * 9000

@task
def make(n: int) -> Box:
    print("making", n)
    return Box(n)

@task
def size(box: Box) -> int:
    return len(box.data)

@task
def total(sizes: list[int]) -> int:
    return sum(sizes)

@flow
def churn(first: int, count: int) -> int:
    return total(size.map(make.map(list(range(first, first + count)))))

@task
def counted(n: int) -> int:
    with open("counted.txt", "a") as file:
        print(n, file=file)
    file = context().checkpoint / "state"
    seen = int(file.read_text()) if file.exists() else 0
    file.write_text(str(seen + 1))
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n + 1000 * seen

@flow
def held(n: int) -> int:
    return counted(size(make(n)))
"""

PASSPHRASE = "correct horse"


@pytest.fixture
def busy(project: Project) -> Project:
    # Forget what the workspaces of other tests have said: values here have their class in the folder that one is in.
    set_project(None)
    project.write(FLOWS)
    return project


@pytest.fixture
def restored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Project]]:
    made: list[Project] = []

    def restore(project: Project, source: Path, passphrase: str | None = PASSPHRASE, **more: Any) -> Project:
        folder = tmp_path_factory.mktemp("restored")
        project.workspace.restore(source, folder, passphrase, **more)
        other = Project.__new__(Project)
        other.folder = folder
        other.workspace = LocalWorkspace(folder, load_settings(folder))
        (folder / "flows.py").write_text(FLOWS)
        made.append(other)
        return other

    yield restore
    for other in made:
        other.workspace.stop_engine()


def runs(project: Project) -> dict[str, str]:
    return {run["id"]: run["state"] for run in project.workspace.runs(limit=1000)}


def sums_of(project: Project) -> dict[str, Any]:
    return {
        run: project.workspace.run(run, with_result=True).get("result")
        for run, state in runs(project).items()
        if state == "succeeded"
    }


@pytest.mark.parametrize("name", ["backup.tar.zst", "backup.tar.gz", "backup.tar", "folder"])
def test_what_was_taken_while_flows_ran_at_full_speed_is_whole_and_goes_on(
    busy: Project, restored: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory, name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place = tmp_path_factory.mktemp("backups") / name
    waiting = busy.start("held", n=7)
    wait_until(lambda: (busy.folder / "counted.txt").exists())
    is_over = threading.Event()
    started: list[Any] = []

    def keep_going() -> None:
        while not is_over.is_set():
            started.append(busy.start("churn", first=10 * len(started), count=40))
            while not is_over.is_set() and sum(state == "running" for state in runs(busy).values()) > 4:
                time.sleep(0.01)

    thread = threading.Thread(target=keep_going)
    thread.start()
    try:
        wait_until(lambda: sum(state == "succeeded" for state in runs(busy).values()) >= 3)
        before = runs(busy)
        report = busy.workspace.backup(place, PASSPHRASE)
        after = runs(busy)
    finally:
        is_over.set()
        thread.join()
    assert report.absent == [] and report.unfinished >= 1
    (busy.folder / "go").touch()
    busy.result(waiting)
    for run in started:
        busy.result(run)

    other = restored(busy, place)
    with sqlite3.connect(other.workspace.state / "store.db") as rows:
        kept = dict(rows.execute("select id, state from run"))
    assert set(before) <= set(kept) <= set(after) and len(kept) == report.runs
    assert all(kept[run] == 4 for run, state in before.items() if state == "succeeded")
    unfinished = [run for run, state in kept.items() if state < 4]
    assert len(unfinished) == report.unfinished and waiting.id in unfinished
    logs = "".join(path.read_text() for path in (other.workspace.state / "logs" / waiting.id).iterdir())
    assert "making 7" in logs

    (other.folder / "go").touch()
    for run in kept:
        view = other.workspace.wait(run, 60)["run"]
        assert view["state"] == "succeeded", (run, view)
    assert set(runs(other)) == set(kept)  # none was lost, and none is there twice
    count, _, faults = other.workspace.verify_artifacts()
    assert count > 40 and faults == []
    whole = sums_of(busy)
    monkeypatch.chdir(other.folder)  # where the class of the values is
    for run in set(kept) - {waiting.id}:
        assert other.workspace.run(run, with_result=True).get("result") == whole[run]
        assert other.workspace.value(f"{run}:make[3]").data
    # It was tried once before the snapshot, so that its checkpoint said 1, and once in the restored workspace.
    steps = {step["name"]: step for step in other.workspace.steps(waiting.id)}
    assert (other.folder / "counted.txt").read_text() == "9000\n" and steps["counted"]["attempts"] == 2
    assert other.workspace.run(waiting.id)["state"] == "succeeded"
    assert steps["counted"]["preview"] == "10000"  # 9000 and a thousand, by what the checkpoint said


def test_a_folder_takes_what_is_new_and_keeps_every_snapshot(
    busy: Project, restored: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("backups") / "folder"
    busy("churn", first=0, count=30)
    stop_engine(busy)
    first = busy.workspace.backup(place, PASSPHRASE)
    again = busy.workspace.backup(place, PASSPHRASE)
    assert again.shared >= 30 and again.written_bytes < first.written_bytes
    busy("churn", first=0, count=31)
    third = busy.workspace.backup(place, PASSPHRASE)
    assert third.shared >= 30 and third.runs == 2
    assert len(runs(restored(busy, place))) == 2
    older = restored(busy, place, snapshot=first.name)
    assert len(runs(older)) == 1 and older("churn", first=0, count=30) == busy("churn", first=0, count=30)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_what_is_not_what_was_written_is_not_restored(
    busy: Project, tmp_path_factory: pytest.TempPathFactory, harm: str
) -> None:
    place, into = tmp_path_factory.mktemp("backups") / "folder", tmp_path_factory.mktemp("into")
    busy("churn", first=0, count=3)
    busy.workspace.backup(place, PASSPHRASE)
    blob = next(path for path in sorted((place / "blobs").rglob("*")) if path.is_file() and not path.suffix)
    data = blob.read_bytes()
    blob.unlink()
    if harm != "remove":
        blob.write_bytes(data[:-1] if harm == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BackupError, match=r"is not what was written|lacks"):
        busy.workspace.restore(place, into, PASSPHRASE)
    assert list(into.iterdir()) == []


def test_an_archive_that_was_cut_or_made_by_others_is_refused(
    busy: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, into = tmp_path_factory.mktemp("backups"), tmp_path_factory.mktemp("into")
    busy("churn", first=0, count=3)
    for name in ("a.tar.zst", "a.tar.gz", "a.tar"):
        busy.workspace.backup(folder / name, PASSPHRASE)
        data = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(data[: len(data) // 2])
        with pytest.raises(BackupError):
            busy.workspace.restore(folder / f"cut-{name}", into, PASSPHRASE)
        with pytest.raises(BackupError, match="is there already"):
            busy.workspace.backup(folder / name, PASSPHRASE)
    for name, kind in (("../evil", tarfile.REGTYPE), ("/etc/evil", tarfile.REGTYPE), ("blobs/link", tarfile.SYMTYPE)):
        with tarfile.open(folder / "evil.tar", "w") as tar:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        with pytest.raises(BackupError, match="no backup"):
            busy.workspace.restore(folder / "evil.tar", into, PASSPHRASE)
    assert list(into.iterdir()) == [] and not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_workspace_that_is_there_is_not_overwritten(busy: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("backups") / "b.tar.gz"
    value = busy("churn", first=0, count=3)
    busy.workspace.backup(place, PASSPHRASE)
    busy("churn", first=3, count=3)
    with pytest.raises(BackupError, match="is in use"):
        busy.workspace.restore(place, None, PASSPHRASE, replaces=True)
    stop_engine(busy)
    with pytest.raises(BackupError, match="there is a workspace"):
        busy.workspace.restore(place, None, PASSPHRASE)
    report = busy.workspace.restore(place, None, PASSPHRASE, replaces=True)
    assert (Path(report.aside) / "store.db").exists() and len(runs(busy)) == 1
    assert busy("churn", first=0, count=3) == value


def test_keys_are_sealed_or_left_out(
    busy: Project, restored: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(busy.folder)  # where the class of the values is
    folder = tmp_path_factory.mktemp("backups")
    run = busy.start("churn", first=0, count=3)
    busy.result(run)
    key = (busy.workspace.state / "key").read_bytes()
    busy.workspace.backup(folder / "sealed", PASSPHRASE)
    busy.workspace.backup(folder / "bare", None)
    for path in folder.rglob("*"):
        assert not path.is_file() or key not in path.read_bytes()
        assert not path.is_file() or path.name == ".lock" or not path.stat().st_mode & 0o77
    with pytest.raises(BackupError, match="passphrase is not the one"):
        busy.workspace.restore(folder / "sealed", tmp_path_factory.mktemp("into"), "another")
    whole, without = restored(busy, folder / "sealed"), restored(busy, folder / "bare")
    assert (whole.workspace.state / "key").read_bytes() == key
    assert (whole.workspace.state / "key").stat().st_mode & 0o77 == 0
    assert not (without.workspace.state / "key").exists()
    assert whole.workspace.value(f"{run.id}:make[1]").data == b"1" * 9000


def test_a_collection_waits_for_the_backup(busy: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("backups") / "folder"
    busy("churn", first=0, count=5)
    for run in runs(busy):
        busy.workspace.delete_run(run)
    done: list[Any] = []
    seen: list[bool] = []

    def collect() -> None:
        from partita.workspace.sweeping import Sweep

        done.append(Sweep(busy.workspace.state, grace_s=0, slack_s=-60).collect())

    thread = threading.Thread(target=collect)

    def progress(what: str, count: int, total: int) -> None:
        if what == "logs" and not seen:
            thread.start()
            time.sleep(0.5)
            seen.append(bool(done))

    busy.workspace.backup(place, PASSPHRASE, progress)
    thread.join(60)
    assert seen == [False] and done[0]["blobs"] >= 5


def test_the_command_line(
    busy: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    monkeypatch.chdir(busy.folder)
    folder = tmp_path_factory.mktemp("backups")
    value = busy("churn", first=0, count=3)
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    assert main(["backup", str(folder / "b.tar.zst")]) == 2
    assert "--without-keys" in capsys.readouterr().err
    assert main(["backup", str(folder / "b.tar.zst"), "--passphrase-file", str(folder / "passphrase")]) == 0
    assert "has 1 run, 0 of them unfinished" in capsys.readouterr().out
    monkeypatch.setenv("PARTITA_BACKUP_PASSPHRASE", PASSPHRASE)
    assert main(["backup", str(folder / "b"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 1
    into = folder / "into"
    assert main(["restore", str(folder / "b.tar.zst"), "--into", str(into)]) == 0
    told = capsys.readouterr()
    assert "1 run, 0 of them unfinished" in told.out and "keys were left out" not in told.err
    assert main(["restore", str(folder / "b.tar.zst"), "--into", str(into)]) == 4
    assert main(["restore", str(folder / "b"), "--into", str(into), "--replace", "--without-keys"]) == 0
    told = capsys.readouterr()
    assert "keys were left out" in told.err and "What was there before lies in" in told.err
    assert value and hash_file(into / ".partita" / "store.db")[1] > 0


def test_an_engine_that_was_killed_is_no_hindrance(
    busy: Project, restored: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory
) -> None:
    waiting = busy.start("held", n=2)
    wait_until(lambda: (busy.folder / "counted.txt").exists())
    kill_engine(busy)
    place = tmp_path_factory.mktemp("backups") / "b.tar"
    busy.workspace.backup(place, PASSPHRASE)
    other = restored(busy, place)
    (other.folder / "go").touch()
    assert other.workspace.wait(waiting.id, 60)["run"]["state"] == "succeeded"
    (busy.folder / "go").touch()
