"""How many flights an engine has left, with real workers on all of the data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.examples.conftest import copied, partita, result_of

pytestmark = pytest.mark.integration
pytest.importorskip("sklearn", reason="needs the extra 'examples'")
pytest.importorskip("pandas", reason="needs the extra 'tables'")
pytest.importorskip("optuna", reason="needs the extra 'tune'")


def test_the_blend_reaches_its_error_and_a_study_beats_none_of_its_defaults(tmp_path: Path) -> None:
    project = copied("remaining_life", tmp_path)
    found = result_of(project, "flow.py")
    assert found["rmse"] == found["members"]["blend"] < min(found["members"]["trees"], found["members"]["kernel"])
    for error, low, high in found["judged"].values():  # with the truth as it is, too
        assert low < error < high
        assert error <= 14.8
    picture = "latest:examine[]/examine[at most 125].pictures.predicted"
    partita(project, "artifacts", "show", picture, "--picture", "predicted.svg")
    assert "<svg" in (project / "predicted.svg").read_text()

    # A few trials of the study: none looks at the engines to be judged by, and none is better than what 30 have found.
    partita(project, "tune", "study.yaml", "--trials", "3", "--quiet")
    study = json.loads(partita(project, "studies", "show", "engines", "--json"))
    assert [trial["state"] for trial in study["trials"]] == ["succeeded"] * 3
    assert study["best"][0]["values"]["rmse"] >= found["rmse"]
    for trial in study["trials"]:
        shown = json.loads(partita(project, "runs", "show", trial["run"], "--json"))
        assert "examine" not in json.dumps(shown)
