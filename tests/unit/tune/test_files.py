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


def test_scalars_are_read_as_in_flows(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "tune:\n  flow: f.py:g\n  inputs: {mode: on, day: 2026-01-02, at: 1:30, parts: [no, yes]}\n"
        "  space: {kind: [on, off], label: [1_000, 010]}\n"
    )
    found = read_study(file)
    assert found["texts"] == {"mode": "on", "day": "2026-01-02", "at": "1:30", "parts": '["no", "yes"]'}
    assert found["space"] == {"kind": ["on", "off"], "label": ["1_000", 10]}


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("tune:\n  trails: 3\n  time: soon\n  cost: on\n")
    with pytest.raises(CheckError) as caught:
        read_study(file)
    assert [problem.place for problem in caught.value.problems] == [
        "study.yaml:1:1", "study.yaml:2:3", "study.yaml:3:9", "study.yaml:4:9",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tune: {flow: a, trails: 3}", "did you mean 'trials'"),
        ("tune: {flow: a, trials: many}", "give a whole number"),
        ("tune: {flow: a, trials: true}", "give a whole number"),
        ("tune: {space: {x: 1..2}}", "names no flow"),
        ("flow: flows.py:train\ntune: {space: {x: 1..2}}", "names no flow"),
        ("tune: {flow: a, time: soon}", "is not a duration"),
        ("tune: 3", "no mapping `tune`"),
        ("[", "is not YAML"),
        ("tune:\n  flow: a\n  trials: 1_000", r"study\.yaml:3:11: trials is '1_000'"),
        ("tune:\n  flow: a\n  time: 1:30", r"study\.yaml:3:9: .*'1:30'"),
        ("tune:\n  flow: a\n  trails: 3", r"study\.yaml:3:3: `tune` has no 'trails'"),
        ("tune:\n  flow: a\n  flow: b", r"study\.yaml:3:3: the key 'flow' stands here twice, first in line 2"),
        ("tune:\n  flow: a\n  space:\n    x: 1..2\n    y: 2..1", r"study\.yaml:5:8: the space of y"),
        ("tune:\n  flow: a\n  space:\n    x: {low: 1, high: b}", r"study\.yaml:4:8: the space of x"),
        ("tune:\n  flow: a\n  space:\n    x: {choices: 3}", r"study\.yaml:4:8: the space of x"),
        ("tune:\n  flow: a\n  space: [x, 3]", r"study\.yaml:3:14: .* 3"),
        ("tune:\n  flow: a\n  objective: {loss: down}", r"study\.yaml:3:21: .*'down'"),
        ("tune:\n  flow: a\n  direction: down", r"study\.yaml:3:14: .*'down'"),
        ("tune:\n  flow: a\n  report: {loss: minimize, gain: maximize}", r"study\.yaml:3:11: .*one name"),
        ("tune:\n  flow: a\n  sampler: best", r"study\.yaml:3:12: there is no sampler 'best'"),
        ("tune:\n  flow: a\n  pruner: best", r"study\.yaml:3:11: there is no pruner 'best'"),
        ("steps: {a: {task: 'f:g'}}\ntune:\n  trials: no", r"study\.yaml:3:11: trials is 'no'"),
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
