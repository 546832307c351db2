"""DeLong's test between two areas under the ROC curve."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from partita.models.evaluation import auc_covariance, compare_auc, delong_test, permutation_test

#: Albumin, total protein, K-G score and whether surgery helped, of the patients of DeLong et al. (1988) with all three.
PATIENTS = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""


def test_known_answers() -> None:
    # As PROC LOGISTIC of SAS prints them for these data ("Comparing Receiver Operating Characteristic Curves").
    albumin, protein, score, helped = np.array(PATIENTS.split(), float).reshape(-1, 4).T
    areas, covariance = auc_covariance(helped, albumin, -score, protein)
    assert areas == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)
    found = compare_auc(helped, -score, albumin)
    assert found.difference == pytest.approx(0.0108, abs=5e-5) and found.p_values["delong"] == pytest.approx(
        0.9102, abs=5e-5
    )
    assert found.interval == pytest.approx([-0.1761, 0.1976], abs=5e-5)
    assert delong_test(helped, -score, protein) == pytest.approx(0.4561, abs=5e-5)
    contrast = np.array([[1, -1, 0], [0, -1, 1]])
    apart = contrast @ areas
    assert apart @ np.linalg.solve(contrast @ covariance @ contrast.T, apart) == pytest.approx(2.5340, abs=5e-5)


def by_pairs(truth: np.ndarray, *scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The areas and their covariance as DeLong et al. write them: every positive row with every negative one."""
    high, low = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    wins = np.array([[[float(s[i] > s[j]) + 0.5 * float(s[i] == s[j]) for j in low] for i in high] for s in scores])
    areas, of_high, of_low = wins.mean((1, 2)), wins.mean(2), wins.mean(1)
    found = np.zeros((len(scores), len(scores)))
    for r, s in product(range(len(scores)), repeat=2):
        s10 = sum((of_high[r] - areas[r]) * (of_high[s] - areas[s])) / (len(high) - 1)
        s01 = sum((of_low[r] - areas[r]) * (of_low[s] - areas[s])) / (len(low) - 1)
        found[r, s] = s10 / len(high) + s01 / len(low)
    return areas, found


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_all_pairs_say(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(5, 60))
    truth = np.r_[0, 0, 1, 1, draw.integers(0, 2, rows)]
    first = draw.normal(size=rows + 4).round(seed % 3) + truth * 0.5  # with ties
    second = draw.integers(0, 4, rows + 4) + truth
    areas, covariance = auc_covariance(truth, first, second)
    expected_areas, expected = by_pairs(truth, first, second)
    assert areas == pytest.approx(expected_areas) and covariance == pytest.approx(expected, abs=1e-12)
    assert areas == pytest.approx([roc_auc_score(truth, first), roc_auc_score(truth, second)])
    variance = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    z = (expected_areas[1] - expected_areas[0]) / variance**0.5
    assert delong_test(truth, first, second) == pytest.approx(2 * norm.sf(abs(z)))


def test_alike_models_are_told_apart_as_often_as_the_level_says() -> None:
    draw = np.random.default_rng(3)
    told = 0
    for _ in range(400):
        truth = np.arange(120) % 3 == 0
        known = truth + draw.normal(size=120)
        first, second = known + draw.normal(size=(2, 120))
        told += delong_test(truth, first, second) <= 0.05
    assert 8 <= told <= 36  # 20 are expected


def test_it_agrees_with_a_permutation_test() -> None:
    draw = np.random.default_rng(6)
    truth = draw.integers(0, 2, 400)
    first, second = truth + draw.normal(scale=1.6, size=400), truth + draw.normal(scale=1.2, size=400)
    ranks = [np.argsort(np.argsort(scores)) for scores in (first, second)]
    swapped = permutation_test(roc_auc_score, truth, *ranks, rounds=600)
    assert delong_test(truth, first, second) == pytest.approx(swapped, abs=0.05) and swapped < 0.3


def test_only_the_order_counts_and_either_label_may_be_positive() -> None:
    draw = np.random.default_rng(5)
    truth = draw.integers(0, 2, 200)
    first, second = truth + draw.normal(size=(2, 200))
    found = compare_auc(truth, first, second)
    assert compare_auc(truth, np.exp(first), 1 / (1 + np.exp(-second))) == found
    named = np.where(truth == 1, "good", "bad")
    other = compare_auc(named, -first, -second, positive="bad")
    assert other.difference == pytest.approx(found.difference) and other.p_values == pytest.approx(found.p_values)
    assert found.counts == {"positive": truth.sum(), "negative": 200 - truth.sum()}
    assert found.interval is not None and found.interval[0] < found.difference < found.interval[1]
    wider = compare_auc(truth, first, second, confidence=0.99).interval
    assert wider is not None and wider[0] < found.interval[0] and "delong p =" in str(found)


def test_scores_that_do_not_vary() -> None:
    truth = [0, 0, 0, 1, 1, 1]
    same = compare_auc(truth, [1, 2, 5, 4, 6, 7], [1, 2, 5, 4, 6, 7])
    assert same.p_values == {"delong": 1.0} and same.interval == [0.0, 0.0] and "no variance" in same.notes[0]
    assert delong_test(truth, [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]) == 0.0  # both are certain, of the contrary
    assert compare_auc(truth, [0] * 6, [1] * 6).first == 0.5


def test_wrong_input_says_what_is_wrong() -> None:
    for truth, given, told in (
        ([0, 1, 2], {}, "truth has 3 kinds of labels"), ([1, 1, 1], {}, "truth has 1 kinds"),
        ([0, 1, 1], {}, "a kind of label has 1 row"), ([0, 0, 1, 1], {}, "truth has 4, scores 1 has 3"),
        ([0, 0, 1], {"positive": 2}, "positive=2 is none of the labels"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            compare_auc(truth, [1, 2, 3], [1, 2, 3], **given)
    with pytest.raises(ValueError, match="scores 2 is nan in row 1"):
        compare_auc([0, 0, 1, 1], [1, 2, 3, 4], [1, np.nan, 3, 4])
    with pytest.raises(ValueError, match="confidence=95"):
        compare_auc([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3, 4], confidence=95)
