"""Evaluations of classifiers, compared with scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from partita.models.evaluation import evaluate_classification

NAMES = np.array(["cat", "dog", "eel"])


def drawn(rows: int = 200, classes: int = 3, seed: int = 0) -> tuple[Any, Any, Any]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, rows)
    scores = draw.normal(size=(rows, classes)) + 1.5 * (np.arange(classes) == truth[:, None])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return truth, np.argmax(probabilities, axis=1), probabilities


def test_every_metric_is_that_of_scikit_learn() -> None:
    truth, prediction, probabilities = drawn()
    found = evaluate_classification(truth, prediction, probabilities=probabilities, resamples=0).metrics
    expected = {
        "accuracy": metrics.accuracy_score(truth, prediction),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, prediction),
        "mcc": metrics.matthews_corrcoef(truth, prediction),
        "log_loss": metrics.log_loss(truth, probabilities),
        "brier": metrics.brier_score_loss(truth, probabilities),
        "auc": metrics.roc_auc_score(truth, probabilities, multi_class="ovr"),
    }
    for mean in ("macro", "weighted"):
        for name, score in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
        ):
            expected[f"{name}_{mean}"] = score(truth, prediction, average=mean)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_report_is_the_text_of_scikit_learn() -> None:
    truth, prediction, _ = drawn()
    found = evaluate_classification(NAMES[truth], NAMES[prediction], resamples=0)
    assert found.report == metrics.classification_report(NAMES[truth], NAMES[prediction])
    assert [row["class"] for row in found.table] == ["cat", "dog", "eel"]
    told = metrics.classification_report(NAMES[truth], NAMES[prediction], output_dict=True)
    assert found.table[1]["f1"] == pytest.approx(told["dog"]["f1-score"])
    assert found.table[1]["support"] == told["dog"]["support"]


def test_two_classes_have_a_positive_one() -> None:
    truth, prediction, probabilities = drawn(classes=2)
    names = NAMES[:2]
    found = evaluate_classification(names[truth], probabilities=probabilities[:, 1], resamples=0)
    assert found.metrics["recall"] == pytest.approx(metrics.recall_score(truth, prediction))
    assert found.metrics["brier"] == pytest.approx(metrics.brier_score_loss(truth, probabilities[:, 1]))
    assert found.metrics["auc"] == pytest.approx(metrics.roc_auc_score(truth, probabilities[:, 1]))
    other = evaluate_classification(names[truth], probabilities=probabilities, positive="cat", resamples=0)
    assert other.metrics["precision"] == pytest.approx(metrics.precision_score(truth, prediction, pos_label=0))
    assert other.notes[0] == "positive class: cat"


def test_the_calibration_error_by_hand() -> None:
    # Two bins are met: .9 is right 3 of 4 times, .6 is right 1 of 2 times.
    truth = [1, 1, 1, 0, 1, 0]
    probabilities = [0.9, 0.9, 0.9, 0.9, 0.6, 0.6]
    found = evaluate_classification(truth, probabilities=probabilities, bins=10, resamples=0)
    assert found.metrics["calibration_error"] == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)


def test_a_class_that_is_never_met_is_left_out_and_one_that_is_only_predicted_counts() -> None:
    truth, prediction = [0, 0, 1, 1], [0, 2, 1, 1]
    probabilities = np.full((4, 4), 0.25)
    found = evaluate_classification(truth, prediction, probabilities=probabilities, classes=[0, 1, 2, 3], resamples=0)
    assert found.metrics["f1_macro"] == pytest.approx(
        metrics.f1_score(truth, prediction, average="macro", zero_division=0)
    )
    assert [row["class"] for row in found.table] == ["0", "1", "2"]
    assert "classes without a row in truth: 2, 3" in found.notes
    assert found.metrics["auc"] == 0.5


def test_one_class_alone_has_no_area_and_says_so() -> None:
    found = evaluate_classification([1, 1], probabilities=[[0.1, 0.9], [0.2, 0.8]], classes=[0, 1])
    assert "auc" not in found.metrics and "auc: no value for these rows" in found.notes
    assert found.metrics["accuracy"] == 1.0


@pytest.mark.parametrize("make", [list, np.array, pandas.Series, polars.Series])
def test_columns_of_any_library_are_read(make: Any) -> None:
    found = evaluate_classification(make(["a", "b", "b"]), make(["a", "b", "a"]), resamples=0)
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)


def test_pictures_are_small_and_of_many_classes_the_worst_are_drawn() -> None:
    truth, _, probabilities = drawn(3000, 77)
    found = evaluate_classification(truth, probabilities=probabilities, resamples=0)
    assert set(found.pictures) == {"confusion", "roc", "calibration"}
    assert all(picture.text.startswith("<svg") and len(picture.text) < 32_768 for picture in found.pictures.values())
    assert "the 20 of 77 classes with the most errors" in found.pictures["confusion"].text


def test_what_is_shown_is_escaped() -> None:
    found = evaluate_classification(["<b>", "a|b", "a|b"], ["<b>", "a|b", "<b>"], resamples=0)
    assert "<b>" not in found.pictures["confusion"].text and "&lt;b&gt;" in found.pictures["confusion"].text
    assert "a\\|b" in found.markdown()
    assert "<td><b></td>" not in found._repr_html_()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"truth": [0, 1]}, "give prediction, probabilities or both"),
        ({"truth": [], "prediction": []}, "truth is empty"),
        ({"truth": [0, 1], "prediction": [0]}, "truth has 2, prediction has 1"),
        ({"truth": [0, None], "prediction": [0, 1]}, "truth has no label in row 1"),
        ({"truth": [0, float("nan")], "prediction": [0, 1]}, "truth is nan in row 1"),
        ({"truth": [0, 1], "prediction": ["0", "1"]}, "some labels are texts and some are not"),
        ({"truth": [0, 1], "probabilities": [[0.1, 0.2, 0.7]] * 2}, "have 3 columns, and 2 classes were met"),
        ({"truth": [0, 1], "probabilities": [[0.1, 0.2]] * 2}, "row 0 add up to 0.3"),
        ({"truth": [0, 1], "probabilities": [1.4, 0.2]}, "numbers from 0 to 1"),
        ({"truth": [0, 5], "prediction": [0, 1], "classes": [0, 1]}, "labels that classes lack: 5"),
        ({"truth": [0, 1], "prediction": [0, 1], "classes": [0, 1, 1]}, "name one label twice"),
        ({"truth": [0, 1, 2], "prediction": [0, 1, 2], "positive": 1}, "makes sense for two classes"),
        ({"truth": [0, 1], "prediction": [0, 1], "positive": 7}, "none of the classes 0 and 1"),
        ({"truth": [[0, 1]], "prediction": [0]}, "has the shape"),
        ({"truth": [0, 1], "prediction": [0, 1], "resamples": -1}, "resamples=-1"),
        ({"truth": [0, 1], "prediction": [0, 1], "confidence": 95}, "confidence=95"),
        ({"truth": [0, 1], "prediction": [0, 1], "interval": "exact"}, "neither 'percentile' nor 'bca'"),
        ({"truth": [0, 1], "prediction": [0, 1], "groups": [1]}, "groups has 1"),
        ({"truth": [0, 1], "probabilities": [0.1, 0.9], "bins": 0}, "bins=0"),
    ],
)
def test_wrong_input_says_what_is_wrong(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_classification(**given)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 10_000))
def test_any_labels_and_probabilities_have_the_metrics_of_scikit_learn(rows: int, classes: int, seed: int) -> None:
    truth, prediction, probabilities = drawn(rows, classes, seed)
    found = evaluate_classification(
        truth, prediction, probabilities=probabilities, classes=range(classes), resamples=20
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes without rows
        assert found.metrics["f1_macro"] == pytest.approx(
            metrics.f1_score(truth, prediction, average="macro", zero_division=0)
        )
        assert found.metrics["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, prediction))
        assert found.metrics["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, prediction))
    labels = list(range(classes))
    assert found.metrics["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities, labels=labels))
