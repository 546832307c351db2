"""Taggers that vote on names in texts, with real workers on all of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.conftest import copied, partita, result_of

pytestmark = pytest.mark.integration
pytest.importorskip("sklearn_crfsuite", reason="needs the extra 'examples'")
pytest.importorskip("pandas", reason="needs the extra 'tables'")
pytest.importorskip("tokenizers", reason="needs the extra 'hub'")


def test_votes_reach_their_numbers_by_each_split(tmp_path: Path) -> None:
    project = copied("entities", tmp_path)
    found = result_of(project, "flow.py")
    for split, least in (("WikiGold, by sentences", 0.74), ("WikiGold, by articles", 0.6), ("SEC filings", 0.8)):
        f1, low, high = found[split]["vote"]
        assert f1 >= least, split
        assert low < f1 < high
        assert f1 > found[split]["second"][0] - 0.02
    report = partita(project, "artifacts", "show", "latest:by_file[]/by_file[vote].report")
    assert "PER" in report and "ORG" in report
