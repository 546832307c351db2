"""What an evaluation is beside its numbers: a value, a text, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita import flow, task
from partita.errors import MissingExtraError
from partita.models import evaluation
from partita.models.evaluation import Comparison, Evaluation, compare_classifiers, evaluate_classification
from partita.testing import memory_workspace

TRUTH, PREDICTION = np.arange(60) % 2, (np.arange(60) + (np.arange(60) % 5 == 0)) % 2


@task
def accuracy(judged: Evaluation, compared: Comparison) -> tuple[float, float]:
    return judged.metrics["accuracy"], compared.second


@flow
def judged(truth: list[int], prediction: list[int]) -> Any:
    found = evaluate_classification(truth, prediction, slices={"early": [n < 30 for n in range(60)]})
    return found, accuracy(found, compare_classifiers(truth, prediction, truth))


def test_it_passes_between_steps_and_comes_back_as_it_was() -> None:
    with memory_workspace():
        found, seen = judged.run(TRUTH.tolist(), PREDICTION.tolist()).result()
    direct = evaluate_classification(TRUTH, PREDICTION, slices={"early": np.arange(60) < 30})
    assert found == direct and seen == (0.8, 1.0)


def test_its_text_is_for_a_model_card() -> None:
    found = evaluate_classification(TRUTH, PREDICTION, slices={"early": np.arange(60) < 30})
    text = found.markdown(heading="How good it is", pictures="pictures/")
    assert text.startswith("## How good it is\n\nClassification, 60 rows.\n\n| metric | value | 95 % interval |")
    assert "![confusion](pictures/confusion.svg)" in text and "### Slices" in text and "weighted avg" in text
    assert str(found) == found.markdown() and "](" not in str(found)
    shown = found._repr_html_()
    assert "<svg" in shown and "<td>accuracy</td><td>0.8</td>" in shown


def test_it_is_written_into_a_folder(tmp_path: Path) -> None:
    found = evaluate_classification(TRUTH, PREDICTION)
    files = found.save(tmp_path / "deep" / "here")
    assert sorted(file.name for file in files) == ["confusion.svg", "evaluation.json", "evaluation.md"]
    plain = json.loads(files[0].read_text())
    assert plain["metrics"] == found.metrics and plain["pictures"] == ["confusion.svg"]


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    monkeypatch.delitem(vars(evaluation), "learning_curve", raising=False)
    with pytest.raises(MissingExtraError, match=r"learning_curve needs sklearn.*'partita\[evaluation\]'"):
        _ = evaluation.learning_curve
    with pytest.raises(AttributeError, match="nonsense"):
        _ = evaluation.nonsense
