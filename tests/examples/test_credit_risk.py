"""Who will not pay, with real workers on all of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.conftest import copied, partita, result_of

pytestmark = pytest.mark.integration
pytest.importorskip("sklearn", reason="needs the extra 'examples'")
pytest.importorskip("pyarrow", reason="needs the extra 'tables'")
pytest.importorskip("skops", reason="needs the extra 'models'")


def test_compositions_reach_their_numbers_and_the_file_says_the_same(tmp_path: Path) -> None:
    project = copied("credit_risk", tmp_path)
    rows = {row.pop("model"): row for row in result_of(project, "flow.py")}
    members = [rows[name]["auc"][0] for name in ("line", "boosted", "forest")]
    for composed in ("blend", "stack"):
        auc, low, high = rows[composed]["auc"]
        assert auc >= 0.779
        assert auc > max(members)
        assert low < auc < high < low + 0.04
        gain, least, most = rows[composed]["gain"]
        assert gain == pytest.approx(auc - max(members), abs=2e-4)
        assert least < gain < most
    partita(project, "artifacts", "show", "latest:examine[]/examine[blend].pictures.roc", "--picture", "roc.svg")
    assert "<svg" in (project / "roc.svg").read_text()
    assert "auc" in partita(project, "models", "card", "credit_risk")
    found = result_of(project, "flow.yaml")  # members are there already, so that it takes a few seconds
    assert found["auc"] == pytest.approx(rows["blend"]["auc"][0], abs=1e-4)
