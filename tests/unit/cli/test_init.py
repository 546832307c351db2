from __future__ import annotations

import json
from pathlib import Path

from partita.flow.entry import lay_out
from partita.flow.loading import load
from partita.settings import load_settings
from partita.values import PLAIN
from tests.unit.cli.conftest import Partita


def test_init_makes_a_project_that_lays_out(partita: Partita, project: Path) -> None:
    told = partita("init", "new folder")
    assert told.status == 0
    assert "cd 'new folder'\n  partita run words\n" in told.out
    made = project / "new folder"
    assert sorted(file.name for file in made.iterdir()) == [".gitignore", "README.md", "flows.py", "partita.toml"]
    assert load_settings(made, environment={}).sources == {}
    layout = lay_out(
        load("flows.py:words", made), encode=lambda value, declared=None: [PLAIN, repr(value)], texts={"top": "3"}
    )
    assert [row[0] for row in layout.rows] == ["read", "count[]", "most_common"]


def test_the_flow_of_init_is_plain_python(partita: Partita, project: Path) -> None:
    partita("init", "made")
    flows = load("flows.py:words", project / "made")
    counted = flows.function.__globals__["count"]("steps of steps, and words of a flow")
    assert counted == {"steps": 2, "words": 1, "flow": 1}


def test_init_overwrites_nothing(partita: Partita, project: Path) -> None:
    before = (project / "flows.py").read_text()
    told = partita("init")
    assert told.status == 2
    assert "flows.py already, and nothing is overwritten" in told.err
    assert (project / "flows.py").read_text() == before
    assert not (project / "partita.toml").exists()


def test_init_goes_into_a_folder_in_use(partita: Partita, project: Path) -> None:
    (project / "flows.py").unlink()
    (project / "README.md").write_text("mine")
    told = partita("init", "--json")
    assert json.loads(told.out)["files"] == ["partita.toml", "flows.py", ".gitignore"]
    assert (project / "README.md").read_text() == "mine"
