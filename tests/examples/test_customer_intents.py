"""What customers want, and what an assistant cannot help with, with real workers on all of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.conftest import copied, partita, result_of

pytestmark = pytest.mark.integration
pytest.importorskip("sklearn", reason="needs the extra 'examples'")
pytest.importorskip("pandas", reason="needs the extra 'tables'")
pytest.importorskip("tokenizers", reason="needs the extra 'hub'")
pytest.importorskip("skops", reason="needs the extra 'models'")


def test_the_cascade_is_as_good_as_meaning_and_embeds_few(tmp_path: Path) -> None:
    project = copied("customer_intents", tmp_path)
    rows = {row.pop("model"): row for row in result_of(project, "flow.py")}
    accuracy, low, high = rows["cascade"]["accuracy"]
    assert accuracy >= 0.928
    assert low < accuracy < high < low + 0.03
    assert accuracy > rows["ngrams"]["accuracy"][0] + 0.01
    assert rows["cascade"]["embedded"] < 0.45
    assert rows["cascade"]["time"] < 0.5
    assert rows["ngrams"]["time"] < 0.1
    assert "accuracy" in partita(project, "models", "card", "customer_intents")


def test_what_is_out_of_scope_is_found(tmp_path: Path) -> None:
    found = result_of(copied("customer_intents", tmp_path), "scope.py")
    assert found["questions"] == [4500, 1000]
    assert found["in scope, right"] >= 0.92
    assert found["out of scope, found"] >= 0.41
    assert found["validation"]["in scope, right"] == pytest.approx(0.93, abs=1e-3)
