"""Tests between two models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon
from sklearn.metrics import f1_score

from partita.models.evaluation import compare_classifiers, compare_regressors, mcnemar_test, permutation_test


def test_mcnemar_with_known_answers() -> None:
    # Agresti's table of approval: 150 and 86 changed their minds; R: chi-squared 34.71 is without correction,
    # with it (|150 - 86| - 1)^2 / 236 = 16.81...
    assert mcnemar_test(86, 150, exact=False) == pytest.approx(4.115e-05, rel=1e-3)
    assert mcnemar_test(121, 59) == pytest.approx(4.434444926375551e-06)
    assert mcnemar_test(0, 5) == pytest.approx(2 / 32)
    assert mcnemar_test(3, 3) == mcnemar_test(0, 0) == mcnemar_test(1, 0, exact=False) == 1.0
    with pytest.raises(ValueError, match="numbers of rows"):
        mcnemar_test(-1, 3)


def test_few_rows_are_swapped_in_all_ways() -> None:
    # Five rows that only the second has right: 2 of 32 ways give a difference as large.
    p = permutation_test(lambda t, y: float((t == y).mean()), [1] * 5, [0] * 5, [1] * 5)
    assert p == pytest.approx(2 / 32) == mcnemar_test(0, 5)


def test_the_permutation_test_agrees_with_mcnemar_and_is_seeded() -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 300)
    first, second = (np.where(draw.random(300) < share, truth, 1 - truth) for share in (0.75, 0.84))
    found = compare_classifiers(truth, first, second)
    assert found.p_values["permutation"] == pytest.approx(found.p_values["mcnemar_exact"], abs=0.01)
    assert found.counts["only_second"] - found.counts["only_first"] == pytest.approx(300 * found.difference)
    assert sum(found.counts.values()) == 300
    assert found.interval is not None and found.interval[0] > 0 and found.p_values["mcnemar_exact"] < 0.05
    assert compare_classifiers(truth, first, second) == found
    by_f1 = compare_classifiers(truth, first, second, metric=f1_score, rounds=199, resamples=50)
    assert by_f1.metric == "f1_score" and by_f1.p_values["permutation"] < 0.05
    assert "f1_score" in by_f1.markdown() and "mcnemar_exact" in str(found)


def test_a_model_does_not_differ_from_itself() -> None:
    truth = np.arange(40) % 2
    found = compare_classifiers(truth, truth, truth, rounds=99)
    assert set(found.p_values.values()) == {1.0} and found.difference == 0.0
    same = compare_regressors(truth, truth + 0.5, truth + 0.5, rounds=99)
    assert set(same.p_values.values()) == {1.0}


def test_alike_models_are_told_apart_as_often_as_the_level_says() -> None:
    draw = np.random.default_rng(1)
    told = sum(
        permutation_test(_mean_error, *draw.normal(size=(3, 20)), rounds=99, seed=trial) <= 0.05 for trial in range(120)
    )
    assert told <= 13


def _mean_error(truth: np.ndarray, prediction: np.ndarray) -> float:
    return float(np.abs(truth - prediction).mean())


def test_groups_are_swapped_together() -> None:
    # One person has all the difference: by rows it seems certain, by persons it is nothing.
    people = np.repeat(np.arange(15), 20)
    truth = np.zeros(300)
    first, second = np.full(300, 1.0), np.where(people == 0, 0.0, 1.0)
    assert compare_regressors(truth, first, second).p_values["permutation"] < 0.001
    grouped = compare_regressors(truth, first, second, groups=people)
    assert grouped.p_values["permutation"] > 0.9
    assert "Wilcoxon's test takes rows for independent" in grouped.notes[0]


def test_regressors_by_wilcoxon_and_by_loss() -> None:
    draw = np.random.default_rng(2)
    truth = draw.normal(size=80)
    first, second = truth + draw.normal(size=80), truth + draw.normal(scale=0.6, size=80)
    found = compare_regressors(truth, first, second)
    assert found.p_values["wilcoxon"] == pytest.approx(wilcoxon(abs(second - truth) - abs(first - truth)).pvalue)
    assert found.metric == "mae" and found.difference < 0 and found.p_values["permutation"] < 0.05
    assert compare_regressors(truth, first, second, loss="squared").metric == "mse"


def test_wrong_input_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="loss='huber'"):
        compare_regressors([1], [1], [1], loss="huber")
    with pytest.raises(ValueError, match="truth has 2, first has 1, second has 2"):
        compare_classifiers([1, 2], [1], [1, 2])
    with pytest.raises(ValueError, match="rounds=0"):
        permutation_test(_mean_error, range(20), range(20), range(1, 21), rounds=0)


def test_labels_of_two_kinds_are_refused_and_not_taken_for_wrong() -> None:
    truth = [0, 1] * 10
    right, wrong = [str(label) for label in truth], [str(1 - label) for label in truth]
    for first, second in ((right, wrong), (truth, wrong), (right, truth)):
        with pytest.raises(ValueError, match="some labels are texts and some are not: 0 and "):
            compare_classifiers(truth, first, second, resamples=0)
