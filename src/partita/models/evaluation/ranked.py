"""Evaluating rankings and retrieval: lists of ids for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from partita.drawing.charts import Line, line_chart
from partita.flow.task import task
from partita.models.evaluation.assembling import assembled
from partita.models.evaluation.inputs import same_length
from partita.models.evaluation.measures import Array, Means
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling

__all__ = ["evaluate_ranking", "evaluate_retrieval", "ranked_lists"]

Gains = dict[Any, float]


def ranked_lists(queries: Any, items: Any, scores: Any, relevance: Any) -> tuple[list[Gains], list[list[Any]]]:
    """What `evaluate_ranking` takes, of rows with a query, an item, a model's score and how relevant the item is.

    Args:
        queries, items, scores, relevance: (rows,). An item with a higher score stands before one with a lower; of equal ones the
            earlier row.

    Returns:
        For each query, in the order in which queries appear: item -> relevance where above 0, and the ranked items.
    """
    columns = [list(column) for column in (queries, items, scores, relevance)]
    same_length(queries=columns[0], items=columns[1], scores=columns[2], relevance=columns[3])
    rows: dict[Any, list[tuple[float, Any, float]]] = {}
    for query, item, score, gain in zip(*columns, strict=True):
        rows.setdefault(query, []).append((float(score), item, float(gain)))
    relevant, ranked = [], []
    for own in rows.values():
        relevant.append({item: gain for _, item, gain in own if gain > 0})
        ranked.append([item for _, item, _ in sorted(own, key=lambda row: -row[0])])
    return relevant, ranked


@task(tags=("evaluation", "ranking", "metrics", "model"))
def evaluate_ranking(
    relevant: Sequence[Any],
    ranked: Sequence[Sequence[Any]],
    *,
    cutoffs: Sequence[int] = (1, 5, 10),
    gain: Literal["linear", "exponential"] = "linear",
    slices: Any = None,
    groups: Any = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate rankings: NDCG at cutoffs and of whole lists, the mean reciprocal rank, the mean average precision.

    A query for which nothing is relevant has no value, and is left out of the means.

    Args:
        relevant: for each query the ids that are relevant, or id -> how relevant it is (0: not at all).
        ranked: for each query the ids in the order of the ranking, the best first.
        cutoffs: how many of the first are looked at.
        gain: what an id of relevance r is worth: r, or 2**r - 1 (Burges et al., 2005).
        slices: name -> boolean mask of the queries, or a column whose values are the slices; a table serves as well.
        groups: (queries,): queries of one group, such as a user's, are resampled together.
        confidence: of the intervals.
        resamples: of the bootstrap over queries; 0: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer queries is marked as small.

    Raises:
        ValueError: lengths differ, an id is ranked twice, or nothing is relevant anywhere.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    if gain not in ("linear", "exponential"):
        raise ValueError(f"gain={gain!r} is neither 'linear' nor 'exponential'")
    gains, lists, cuts = _checked(relevant, ranked, cutoffs)
    names = (*(f"ndcg@{cut}" for cut in cuts), "ndcg", "mrr", "map")
    rows = [_ranking_row(own, items, cuts, gain) for own, items in zip(gains, lists, strict=True)]
    each = np.array(rows)
    return assembled(
        "ranking", Means(names, each), how, slices, main=f"ndcg@{cuts[-1]}",
        table=_by_cutoff(names, each, cuts), notes=_lacking(gains),
    )  # fmt: skip


@task(tags=("evaluation", "retrieval", "search", "metrics", "model"))
def evaluate_retrieval(
    relevant: Sequence[Any],
    ranked: Sequence[Sequence[Any]],
    *,
    cutoffs: Sequence[int] = (1, 5, 10),
    slices: Any = None,
    groups: Any = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate retrieval: recall, precision and hit rate at cutoffs, and the mean reciprocal rank.

    Precision divides by the cutoff, also where fewer were found. A query for which nothing is relevant has no value, and is
    left out of the means.

    Args:
        relevant: for each query the ids that are relevant, or id -> how relevant it is (above 0: relevant).
        ranked: for each query the ids that were found, the best first.
        cutoffs: how many of the first are looked at.
        slices: name -> boolean mask of the queries, or a column whose values are the slices; a table serves as well.
        groups: (queries,): queries of one group, such as a user's, are resampled together.
        confidence: of the intervals.
        resamples: of the bootstrap over queries; 0: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer queries is marked as small.

    Raises:
        ValueError: lengths differ, an id is found twice, or nothing is relevant anywhere.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    gains, lists, cuts = _checked(relevant, ranked, cutoffs)
    names = (*(f"{name}@{cut}" for name in ("recall", "precision", "hit_rate") for cut in cuts), "mrr")
    rows = []
    for own, items in zip(gains, lists, strict=True):
        hits = np.cumsum([float(item in own) for item in items] or [0.0])
        at = np.array([hits[min(cut, len(hits)) - 1] for cut in cuts], dtype=np.float64)
        row = [*(at / max(len(own), 1)), *(at / np.array(cuts)), *(at > 0).astype(float), _reciprocal(own, items)]
        rows.append(row if own else [np.nan] * len(row))
    each = np.array(rows)
    table = _by_cutoff(names, each, cuts)
    pictures = {"recall": _recall_picture(table)} if len(cuts) > 1 else {}
    return assembled(
        "retrieval", Means(names, each), how, slices, main=f"recall@{cuts[-1]}", table=table, pictures=pictures,
        notes=_lacking(gains),
    )  # fmt: skip


def _checked(
    relevant: Sequence[Any], ranked: Sequence[Any], cutoffs: Sequence[int]
) -> tuple[list[Gains], list[list[Any]], list[int]]:
    cuts = sorted(set(cutoffs))
    if not cuts or any(isinstance(cut, bool) or int(cut) != cut or cut < 1 for cut in cuts):
        raise ValueError(f"cutoffs={list(cutoffs)!r} are to be whole numbers of 1 or more")
    same_length(relevant=relevant, ranked=ranked)
    gains: list[Gains] = []
    lists: list[list[Any]] = []
    for query, (own, items) in enumerate(zip(relevant, ranked, strict=True)):
        if isinstance(own, str) or isinstance(items, str):
            raise ValueError(f"query {query}: give a list of ids, and not a text")
        pairs = own.items() if isinstance(own, Mapping) else [(item, 1.0) for item in own]
        gains.append({item: float(value) for item, value in pairs if value > 0})
        lists.append(list(items))
        if len(set(lists[-1])) < len(lists[-1]):
            raise ValueError(f"query {query} has an id twice in its ranking; each counts once")
    if not any(gains):
        raise ValueError("nothing is relevant for any query; there is nothing to evaluate")
    return gains, lists, [int(cut) for cut in cuts]


def _ranking_row(own: Gains, items: list[Any], cuts: list[int], gain: str) -> list[float]:
    if not own:
        return [float("nan")] * (len(cuts) + 3)
    worth = {item: value if gain == "linear" else 2.0**value - 1 for item, value in own.items()}
    got = np.array([worth.get(item, 0.0) for item in items])
    best = np.array(sorted(worth.values(), reverse=True))
    whole = max(len(got), len(best), 1)
    ndcg = [_discounted(got, cut) / _discounted(best, cut) for cut in [*cuts, whole]]
    hits = np.array([item in own for item in items], dtype=np.float64)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return [*ndcg, _reciprocal(own, items), float(hits @ precision) / len(own)]


def _discounted(gains: Array, cut: int) -> float:
    kept = gains[:cut]
    return float(kept @ (1 / np.log2(np.arange(2, len(kept) + 2))))


def _reciprocal(own: Gains, items: list[Any]) -> float:
    return next((1.0 / rank for rank, item in enumerate(items, 1) if item in own), 0.0)


def _by_cutoff(names: Sequence[str], each: Array, cuts: list[int]) -> list[dict[str, Any]]:
    means = dict(zip(names, np.nanmean(each, axis=0).tolist(), strict=True))
    metrics = list(dict.fromkeys(name.partition("@")[0] for name in names if "@" in name))
    return [{"cutoff": cut, **{metric: means[f"{metric}@{cut}"] for metric in metrics}} for cut in cuts]


def _lacking(gains: list[Gains]) -> list[str]:
    count = sum(not own for own in gains)
    return [f"{count:,} queries for which nothing is relevant are left out"] if count else []


def _recall_picture(table: list[dict[str, Any]]) -> str:
    lines = [Line(name, [(row["cutoff"], row[name]) for row in table]) for name in ("recall", "precision", "hit_rate")]
    return line_chart("Retrieval by cutoff", lines, x_label="cutoff", y_label="", y=(0, 1))
