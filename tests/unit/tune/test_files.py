"""Studies in YAML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import CheckError
from partita.tune.files import read_study

WHOLE = """
tune:
  flow: flows.py:train
  name: mine
  inputs: {rows: 100, name: x}
  space:
    rate: 0.001..1:log
    kind: [line, forest]
    fast: true
  objective: {accuracy: maximize, seconds: minimize}
  trials: 20
  time: 10m
  report: {loss: minimize}
"""


def test_everything_that_is_said_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(WHOLE)
    assert read_study(file) == {
        "flow": "flows.py:train", "study": "mine", "texts": {"rows": "100", "name": "x"},
        "space": {"rate": "0.001..1:log", "kind": ["line", "forest"], "fast": True},
        "objectives": {"accuracy": "maximize", "seconds": "minimize"}, "trials": 20, "time_s": 600.0, "report": "loss",
        "report_direction": "minimize",
    }  # fmt: skip


def test_names_alone_are_searched_by_their_types(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("tune: {flow: 'f.py:g', space: [fast, kind], objective: score, direction: minimize}")
    found = read_study(file)
    assert found["space"] == {"fast": True, "kind": True} and found["objectives"] == {"score": "minimize"}


def test_a_flow_may_say_how_it_is_tuned(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text("steps: {a: {task: 'f:g'}}\ntune: {space: {x: 1..2}, trials: 3}\n")
    assert read_study(file)["flow"] == str(file) and read_study(file)["trials"] == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tune: {flow: a, trails: 3}", "did you mean trials"),
        ("tune: {flow: a, trials: many}", "give a whole number"),
        ("tune: {flow: a, trials: true}", "give a whole number"),
        ("tune: {space: {x: 1..2}}", "names no flow"),
        ("tune: {flow: a, time: soon}", "is not a duration"),
        ("tune: 3", "no mapping `tune`"),
        ("[", "is not YAML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(CheckError, match=told):
        read_study(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="cannot be read"):
        read_study(tmp_path / "none.yaml")
