"""Evaluations of rankings and of retrieval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from partita.models.evaluation import evaluate_ranking, evaluate_retrieval, ranked_lists


def test_one_query_by_hand() -> None:
    found = evaluate_ranking([{"a": 3, "b": 1, "c": 2}], [["b", "x", "a", "y"]], cutoffs=[1, 3]).metrics
    best = 3 + 2 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@1"] == pytest.approx(1 / 3)
    assert found["ndcg@3"] == found["ndcg"] == pytest.approx((1 + 3 / math.log2(4)) / best)
    assert found["mrr"] == 1.0
    assert found["map"] == pytest.approx((1 / 1 + 2 / 3) / 3)  # c was never ranked
    steep = evaluate_ranking(
        [{"a": 3, "b": 1, "c": 2}], [["b", "x", "a", "y"]], cutoffs=[3], gain="exponential"
    ).metrics
    assert steep["ndcg@3"] == pytest.approx((1 + 7 / 2) / (7 + 3 / math.log2(3) + 1 / 2))


def test_rankings_by_scores_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    gains, scores = draw.integers(0, 4, (30, 12)), draw.normal(size=(30, 12))
    queries, items = np.repeat(np.arange(30), 12), np.tile(np.arange(12), 30)
    relevant, ranked = ranked_lists(queries, items, scores.ravel(), gains.ravel())
    found = evaluate_ranking(relevant, ranked, cutoffs=[5, 12])
    assert found.metrics["ndcg@5"] == pytest.approx(ndcg_score(gains, scores, k=5))
    assert found.metrics["ndcg@12"] == pytest.approx(ndcg_score(gains, scores))
    expected = np.mean([average_precision_score(own > 0, score) for own, score in zip(gains, scores, strict=True)])
    assert found.metrics["map"] == pytest.approx(expected)
    assert found.intervals["map"][0] < found.metrics["map"] < found.intervals["map"][1]


def test_retrieval_by_hand() -> None:
    relevant, ranked = [["a", "b"], {"c": 1, "d": 0}, []], [["a", "x", "b"], ["x", "y"], ["x"]]
    found = evaluate_retrieval(relevant, ranked, cutoffs=[1, 3])
    assert found.metrics == pytest.approx({
        "recall@1": 0.25, "recall@3": 0.5, "precision@1": 0.5, "precision@3": 1 / 3, "hit_rate@1": 0.5,
        "hit_rate@3": 0.5, "mrr": 0.5,
    })  # fmt: skip
    assert found.table[1] == pytest.approx({"cutoff": 3, "recall": 0.5, "precision": 1 / 3, "hit_rate": 0.5})
    assert found.notes == ["1 queries for which nothing is relevant are left out"]


def test_nothing_found_is_nothing_right() -> None:
    assert evaluate_retrieval([["a"], ["b"]], [[], ["b"]], cutoffs=[2]).metrics["recall@2"] == 0.5
    assert evaluate_ranking([["a"], ["b"]], [[], ["b"]], cutoffs=[2]).metrics["map"] == 0.5


@pytest.mark.parametrize("evaluate", [evaluate_ranking, evaluate_retrieval])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([["a"]], [["a", "a"]]), "query 0 has an id twice"),
        (([["a"]], [["a"], ["b"]]), "relevant has 1, ranked has 2"),
        (([[]], [["a"]]), "nothing is relevant for any query"),
        ((["ab"], [["a"]]), "query 0: give a list of ids"),
    ],
)
def test_wrong_input_says_what_is_wrong(evaluate: Any, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(*given)
    with pytest.raises(ValueError, match="cutoffs="):
        evaluate([["a"]], [["a"]], cutoffs=[0])
