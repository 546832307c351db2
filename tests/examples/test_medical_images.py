"""Two classifiers of medical pictures, with real workers on all of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.conftest import copied, partita, result_of

pytestmark = pytest.mark.integration
pytest.importorskip("sklearn", reason="needs the extra 'examples'")
pytest.importorskip("scipy", reason="needs the extra 'data'")


def test_the_blend_reaches_its_numbers_and_severity_misses_less(tmp_path: Path) -> None:
    project = copied("medical_images", tmp_path)
    found = result_of(project, "flow.py")
    # Of breasts an accuracy of 0.859 was aimed at; the README says why it is 0.846, with two pictures fewer.
    for name, auc, accuracy in (("pneumonia", 0.957, 0.875), ("malignant", 0.872, 0.84)):
        rows = {row.pop("model"): row for row in found[name]}
        assert rows["blend"]["auc"][0] >= auc
        assert rows["blend"]["accuracy"][0] >= accuracy
        assert rows["severity"]["missed"][0] < rows["blend"]["missed"][0]
        for row in rows.values():
            assert row["cost"][1] <= row["cost"][0] <= row["cost"][2]
    lumps = {
        name: found["malignant"][at]["cost"][0] for at, name in enumerate(("outlines", "textures", "blend", "severity"))
    }
    assert lumps["severity"] < 0.7 * lumps["blend"]
    partita(
        project, "artifacts", "show", "latest:diagnose/examine[]/examine[blend].pictures.roc", "--picture", "roc.svg"
    )
    assert "<svg" in (project / "roc.svg").read_text()
