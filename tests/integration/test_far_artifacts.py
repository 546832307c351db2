"""A project whose values lie in S3."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.blobs.remote import RemoteBlobs
from partita.cli import main
from partita.errors import EngineError, StepError
from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace
from tests.integration.conftest import Project
from tests.integration.s3_server import running_bucket, stop_server

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

FLOWS = """
from pathlib import Path

import numpy
from partita import File, flow, task

@task(cache=True)
def make(count: int) -> numpy.ndarray:
    with open("made", "a") as file:
        file.write("x")
    return numpy.arange(count, dtype="float64")

@task
def total(array: numpy.ndarray) -> float:
    return float(array.sum())

@task
def write(text: str) -> File:
    Path("note.txt").write_text(text * 2000)
    return File("note.txt")

@task
def length(file: File) -> int:
    return len(file.read_text())

@flow
def chain(count: int = 300_000) -> float:
    return total(make(count))

@flow
def notes(text: str) -> int:
    return length(write(text))

@flow
def passed(array: numpy.ndarray) -> float:
    return total(array)

"""

APART = """
from partita import flow, task

@task(environment=["packaging"])
def elsewhere(count: int) -> bytes:
    return b"x" * count

@task
def size(data: bytes) -> int:
    return len(data)

@flow
def apart(count: int) -> int:
    return size(elsewhere(count))
"""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import s3fs

    with running_bucket(monkeypatch) as url:
        s3fs.S3FileSystem.clear_instance_cache()
        yield f"{url}/project"
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def far(make_project: Callable[[str], Project], bucket: str) -> Project:
    project = make_project(f'artifacts = "{bucket}"\n')
    project.write(FLOWS)
    return project


def stored(bucket: str) -> list[str]:
    import s3fs

    files = s3fs.S3FileSystem()
    files.invalidate_cache()
    return [name for name in files.find(bucket) if not name.endswith("partita-workspace")]


def forget_what_is_near(project: Project) -> None:
    """As another machine that has the store sees it."""
    shutil.rmtree(project.workspace.state / "fetched")


def test_values_pass_through_s3_and_lie_nowhere_else(far: Project, bucket: str) -> None:
    assert far("chain") == 300_000 * 299_999 / 2
    assert far("notes", text="abc") == 6000
    assert len([name for name in stored(bucket) if "." not in name.rpartition("/")[2]]) == 2
    assert not [path for path in (far.workspace.state / "blobs").rglob("*") if path.is_file()]
    forget_what_is_near(far)
    assert far.workspace.value("write").read_text() == "abc" * 2000
    (array,) = [item for item in far.workspace.artifacts() if item["path"] == "make"]
    record = far.workspace.artifact_record(array["hash"])
    assert record is not None and record["kind"] == "array"
    assert far("chain") == 300_000 * 299_999 / 2  # from the cache: fetched, not made
    assert Path(far.folder, "made").read_text() == "x"


def test_inputs_from_python_go_there_too(far: Project, bucket: str) -> None:
    script = "import numpy; from flows import passed; print(passed.run(numpy.ones(200_000)).result())"
    done = subprocess.run([sys.executable, "-c", script], cwd=far.folder, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("200000.0"), done.stderr
    assert len([name for name in stored(bucket) if "." not in name.rpartition("/")[2]]) == 1


def test_a_task_in_an_environment_of_its_own_reaches_s3(far: Project, bucket: str) -> None:
    far.write(APART, "apart.py")
    assert far("apart.py:apart", count=9000) == 9000
    assert stored(bucket)


@pytest.mark.parametrize("harm", ["changed", "empty", "removed"])
def test_what_was_damaged_there_is_refused_and_then_made_again(far: Project, bucket: str, harm: str) -> None:
    import s3fs

    far("chain")
    (place,) = [name for name in stored(bucket) if "." not in name.rpartition("/")[2]]
    files = s3fs.S3FileSystem()
    files.rm(place) if harm == "removed" else files.pipe_file(place, b"" if harm == "empty" else b"y" * 2_400_128)
    forget_what_is_near(far)
    (fault,) = far.workspace.verify_artifacts()[2]
    assert fault["fault"] == {"changed": "damaged", "empty": "empty", "removed": "missing"}[harm]
    with pytest.raises(StepError, match=r"total failed.*[Rr]erun the run"):
        far("chain")  # `make` is taken from the cache, and who wants to read it finds out
    assert far("chain") == 300_000 * 299_999 / 2
    assert Path(far.folder, "made").read_text() == "xx"
    assert far.workspace.verify_artifacts()[2] == []


def test_collecting_removes_there_what_nothing_needs(far: Project, bucket: str) -> None:
    runs = [far.start("notes", text=text).wait(60).id for text in ("a", "b")]
    for run in runs:
        assert far.workspace.run(run)["state"] == "succeeded"
    before = stored(bucket)
    assert far.workspace.collect_artifacts()["blobs"] == 0
    far.workspace.delete_run(runs[0])
    assert far.workspace.collect_artifacts()["young"] == 1
    # Let an hour pass for what was used here; the server's own times are today's, so its clock is asked for less.
    for path in (far.workspace.state / "fetched").rglob("*"):
        os.utime(path, (time.time() - 7200,) * 2)
    found = _collect_later(far)
    assert (found["blobs"], found["kept"]) == (1, 1) and len(stored(bucket)) == len(before) // 2
    assert far.workspace.value("write").read_text() == "b" * 2000


def _collect_later(project: Project) -> dict[str, Any]:
    from partita.workspace.sweeping import Sweep

    sweep = Sweep(project.workspace.state, 0.0, project.workspace.blobs, slack_s=-3600)
    return sweep.collect()


def test_copies_here_are_removed_and_fetched_again(far: Project) -> None:
    assert far("chain") == 300_000 * 299_999 / 2
    copies = [path for path in (far.workspace.state / "fetched").rglob("*") if path.is_file() and not path.suffix]
    for path in copies:
        os.utime(path, (time.time() - 7200,) * 2)
    assert far.workspace.collect_artifacts(local_copies=True)["copies"] == len(copies) == 1
    assert not copies[0].exists()
    assert float(far.workspace.value("make").sum()) == 300_000 * 299_999 / 2


def test_two_workspaces_do_not_share_a_place(far: Project, bucket: str, tmp_path: Path) -> None:
    far("chain", count=1000)
    other = tmp_path / "other"
    other.mkdir()
    (other / "partita.toml").write_text(f'artifacts = "{bucket}"\nstore = "state"\n')
    (other / "flows.py").write_text(FLOWS)
    workspace = LocalWorkspace(other, load_settings(other))
    with pytest.raises(EngineError, match="belong to another workspace"):
        workspace.launch("flows.py:chain", texts={"count": "5"})
    assert "belong to another workspace" in workspace.artifacts_fault() and far.workspace.artifacts_fault() == ""


def test_a_place_that_cannot_be_reached_says_so(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    project = make_project('artifacts = "s3://nowhere/project"\n')
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)
    assert main(["doctor"]) == 4
    assert "cannot be reached at s3://nowhere/project" in capsys.readouterr().out
    assert not project.workspace.state.exists()
    with pytest.raises(EngineError, match="cannot be reached at s3://nowhere/project"):
        project.start("chain")


def test_blobs_from_before_the_setting_are_sent_by_a_repair(
    make_project: Callable[[str], Project], bucket: str
) -> None:
    project = make_project("")
    project.write(FLOWS)
    assert project("chain") == 300_000 * 299_999 / 2
    project.workspace.stop_engine()
    moved = make_project(f'artifacts = "{bucket}"\n')
    assert float(moved.workspace.value("make").sum()) == 300_000 * 299_999 / 2
    assert moved("chain") == 300_000 * 299_999 / 2  # taken from the cache
    _, _, faults = moved.workspace.verify_artifacts(repair=True)
    assert [(fault["fault"], fault["is_repaired"]) for fault in faults] == [("missing", True)]
    assert moved.workspace.verify_artifacts()[2] == []
    assert isinstance(moved.workspace.blobs, RemoteBlobs)
    shutil.rmtree(moved.workspace.state / "blobs")
    forget_what_is_near(moved)
    assert float(moved.workspace.value("make").sum()) == 300_000 * 299_999 / 2


def test_a_server_that_goes_away_fails_steps_and_not_the_engine(
    far: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.workspace.stop_engine()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert far("chain", count=1000) == 499_500
    address = os.environ["AWS_ENDPOINT_URL"]
    stop_server(address)
    with pytest.raises(StepError, match="cannot be reached at s3://"):
        far("notes", text="x")
    assert far("chain", count=1000) == 499_500  # what is near needs nobody
