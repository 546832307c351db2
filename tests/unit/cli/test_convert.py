"""`partita convert` and `partita schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from partita.cli.statuses import TROUBLE, WRONG_USE
from tests.unit.cli.conftest import Partita


def test_a_flow_is_written_and_what_it_does_not_say_is_told(partita: Partita, tmp_path: Path) -> None:
    told = partita("convert", "news", "--n", "3")
    assert told.status == 0
    assert told.out == "name: news\n"
    assert "note: fit: its option retry_on is left out" in told.err
    document = json.loads(partita("convert", "news", "--json").out)
    assert document["notes"] == ["fit: its option retry_on is left out"]


def test_a_file_that_exists_is_not_overwritten(
    partita: Partita, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ci.yml").write_text("jobs: {a: {steps: [{run: ls}]}}", encoding="utf-8")
    assert partita("convert", "ci.yml", "--output", "flow.yaml").status == 0
    assert "run: ls" in (tmp_path / "flow.yaml").read_text(encoding="utf-8")
    again = partita("convert", "ci.yml", "--output", "flow.yaml")
    assert again.status in (WRONG_USE, TROUBLE)
    assert "flow.yaml is there already" in again.err
    assert "there is no file nothing.yml" in partita("convert", "nothing.yml").err


def test_the_schema_is_json(partita: Partita) -> None:
    assert json.loads(partita("schema").out)["title"] == "A flow of Partita"
