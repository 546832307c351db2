"""Files, folders and sounds that steps of real runs returned: shown, written, and held by Python code."""

from __future__ import annotations

from pathlib import Path

import pytest

import partita
from partita.cli import main
from partita.errors import NotFoundError
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
from pathlib import Path
import numpy as np
from partita import Audio, File, Folder, flow, task

@task(secrets=["API_KEY"])
def report() -> File:
    import os
    Path("report.csv").write_text("city,price\\nLisbon,1.5\\n" + "x" * 70 + os.environ["API_KEY"] + ",2\\n")
    return File("report.csv")

@task
def tree() -> dict:
    Path("data/deep").mkdir(parents=True)
    Path("data/deep/a.txt").write_text("a")
    return {"data": Folder("data"), "n": 1}

@task
def tone(k: int) -> Audio:
    return Audio(np.full(8000 * k, 0.5, "float32"), 8000)

@flow
def make() -> list:
    return [report(), tree(), tone.map([1, 2])]
"""


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch) -> partita.Run:
    monkeypatch.setenv("API_KEY", "s3cret-" * 20)
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)
    run = project.start("make").wait(60)
    assert run.state == "succeeded"
    return run


def test_files_and_sounds_are_shown_and_written(
    run: partita.Run, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> str:
        capsys.readouterr()
        assert main(words) == 0
        return capsys.readouterr().out

    shown = told("artifacts", "show", "report")
    assert "table of 2 rows and 2 columns" in shown and "Lisbon" in shown and "s3cret" not in shown
    assert "sound of 2.0 s, 1 channel at 8,000 Hz" in told("artifacts", "show", "tone[1]")
    assert told("artifacts", "get", "report").split() == ["report.csv"]
    assert "s3cret" in (project.folder / "report.csv").read_text()
    assert told("artifacts", "get", "tree", "out").split() == ["out/data/deep/a.txt", "out/n.json"]
    assert told("artifacts", "get", "tree.data", "only").split() == ["only/deep/a.txt"]
    assert told("artifacts", "get", 'tree.data["deep/a.txt"]').split() == ["a.txt"]
    Path("a.txt").write_text("mine")
    assert main(("artifacts", "get", 'tree.data["deep/a.txt"]')) == 4 and Path("a.txt").read_text() == "mine"
    assert told("artifacts", "get", "tone[0]", "tone.wav").split() == ["tone.wav"]
    assert (project.folder / "tone.wav").read_bytes()[:4] == b"RIFF"


def test_a_run_gives_its_artifacts(run: partita.Run, project: Project) -> None:
    tone = run.artifact("tone[1]")
    assert isinstance(tone, partita.Artifact) and tone.name == f"{run.id}:tone[1]" and tone.view["codec"] == "audio"
    assert tone.value().duration_s == 2.0 and tone.record is not None and tone.record["kind"] == "audio"
    assert "<svg" in tone._repr_html_() and "tone[1]" in tone._repr_html_()
    assert repr(tone) == f"<Artifact {run.id}:tone[1] Audio 2 s, 1 channel at 8,000 Hz, float32>"
    assert tone.save() == [Path("tone-1.wav")]
    assert Path("tone-1.wav").read_bytes()[:4] == b"RIFF"
    report = run.artifact("report")
    assert report.record is not None and report.record["kind"] == "table" and "Lisbon" in report._repr_html_()
    assert report.save(project.folder / "r.csv") == [project.folder / "r.csv"] and report.value().name == "report.csv"
    tree = run.artifact("tree")
    assert tree.record is None and [part.name for part in tree.parts][-1] == f"{run.id}:tree.n"
    assert run.artifact("tree.n").value() == 1 and "<code>1</code>" in run.artifact("tree.n")._repr_html_()
    assert tree.value()["data"]["deep/a.txt"].read_text() == "a"
    with pytest.raises(NotFoundError, match="did you mean"):
        run.artifact("tone[5]")


def test_a_file_or_folder_is_one_artifact(run: partita.Run, project: Project) -> None:
    del run
    found = {item["path"] + item["part"]: item for item in project.workspace.artifacts()}
    assert sorted(found) == ["report", "tone[0]", "tone[1]", "tree.data", "tree.n"]
    report, data = found["report"], found["tree.data"]
    assert (report["type"], data["type"], data["preview"]) == ("File", "Folder", "Folder data, 1 file")
    assert report["preview"].startswith("File report.csv, ") and report["hash"] and data["size_bytes"] == 1
    below = project.workspace.artifact("tree.data")["parts"]
    assert [item["part"] for item in below] == ['.data["deep/a.txt"]']
    by_name = project.workspace.artifact('tree.data["deep/a.txt"]')["view"]
    by_hash = project.workspace.artifact(below[0]["hash"][:10])["view"]
    assert by_name["part"] == by_hash["part"] == '.data["deep/a.txt"]'
    assert project.workspace.artifact(report["hash"][:10])["view"]["path"] == "report"
