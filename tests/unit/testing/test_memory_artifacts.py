"""What a run in memory gives of its steps' values."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from partita import Artifact, Audio, File, flow, task
from partita.errors import NotFoundError
from partita.testing import memory_workspace


@task
def tone(k: int) -> dict[str, Audio]:
    return {"sound": Audio(numpy.zeros(8 * k, "int16"), 8000)}


@task
def page(text: str) -> File:
    Path("page.html").write_text(text)
    return File("page.html")


@flow
def make() -> list[object]:
    return [tone.map([1, 2]), page("<p>")]


def test_a_run_in_memory_gives_its_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with memory_workspace() as workspace:
        run = make.run()
        sound = run.artifact("tone[1].sound")
        assert isinstance(sound, Artifact) and sound.value().frames == 16 and sound.record is not None
        assert sound.save() == [Path("tone-1.sound.wav")] and sound.record["kind"] == "audio"
        Path("page.html").unlink()
        assert run.artifact("page").save() == [Path("page.html")] and Path("page.html").read_text() == "<p>"
        assert "iframe" in run.artifact("page")._repr_html_()
        assert [part.name for part in run.artifact("tone[0]").parts] == [f"{run.id}:tone[0].sound"]
        assert workspace.artifact(sound.view["hash"][:12])["view"]["hash"] == sound.view["hash"]
        with pytest.raises(NotFoundError, match="did you mean"):
            run.artifact("tone[7]")
