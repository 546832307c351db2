"""Evaluating sequence labelling: names in text and the like, entity by entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from partita.drawing.charts import Bar, interval_chart
from partita.flow.task import task
from partita.models.evaluation.assembling import assembled
from partita.models.evaluation.chunks import TagCounts, count_tags, tag_report
from partita.models.evaluation.inputs import same_length
from partita.models.evaluation.measures import Array, Rows
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling

__all__ = ["evaluate_sequence_labelling"]


@dataclass(frozen=True)
class _Tagged:
    """Sentences with what was counted in them."""

    counts: Array  # (sentences, 2 + 3 * types): tokens, right tokens; then entities there, found and right by type

    names = ("f1", "precision", "recall", "f1_macro", "token_accuracy")

    @property
    def rows(self) -> int:
        return len(self.counts)

    def taken(self, rows: Rows) -> _Tagged:
        return _Tagged(self.counts[rows])

    def values(self, counts: Array) -> Array:
        summed = counts @ self.counts
        there, found, right = summed[2:].reshape(3, -1)
        all_there, all_found, all_right = there.sum(), found.sum(), right.sum()
        is_met = there + found > 0
        each = 2 * right[is_met] / (there + found)[is_met]
        values = [
            2 * all_right / (all_there + all_found) if all_there + all_found else np.nan,
            all_right / all_found if all_found else 0.0 if all_there else np.nan,
            all_right / all_there if all_there else 0.0 if all_found else np.nan,
            each.mean() if len(each) else np.nan,
            summed[1] / summed[0] if summed[0] else np.nan,
        ]
        return np.array(values, dtype=np.float64)


@task(tags=("evaluation", "sequence labelling", "entities", "ner", "metrics", "model"))
def evaluate_sequence_labelling(
    truth: Sequence[Sequence[str]],
    prediction: Sequence[Sequence[str]],
    *,
    is_plain: bool = False,
    slices: Any = None,
    groups: Any = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate tags of tokens by the entities they make, counted as conlleval does: precision, recall and F1, by type and in all.

    An entity is right when its type, beginning and end are. IOB1, IOB2, IOE and IOBES are read alike; an I behind another type
    begins a new entity.

    Args:
        truth: for each sentence its true tags: "B-PER", "I-PER", "O".
        prediction: for each sentence its predicted tags, as many.
        is_plain: tags are types without prefixes, where each token is an entity of its own (conlleval's -r).
        slices: name -> boolean mask of the sentences, or a column whose values are the slices; a table serves as well.
        groups: (sentences,): sentences of one group, such as a document's, are resampled together.
        confidence: of the intervals.
        resamples: of the bootstrap over sentences; 0: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer sentences is marked as small.

    Raises:
        ValueError: a sentence has not as many predicted as true tags, or there is none.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    same_length(truth=truth, prediction=prediction)
    if not len(truth):
        raise ValueError("there are no sentences to evaluate")
    each = []
    for sentence, (real, said) in enumerate(zip(truth, prediction, strict=True)):
        if isinstance(real, str) or isinstance(said, str):
            raise ValueError(f"sentence {sentence} is a text; give a list of its tags")
        if len(real) != len(said):
            raise ValueError(f"sentence {sentence} has {len(real)} true tags and {len(said)} predicted ones")
        each.append(count_tags([str(tag) for tag in real], [str(tag) for tag in said], is_plain=is_plain))
    whole = reduce(add, each)
    table = [_row(kind, whole) for kind in whole.types]
    bars = [Bar(f"{row['type']} ({row['support']:,})", row["f1"]) for row in table]
    pictures = {"types": interval_chart("F1 by type", bars, x_label="F1")} if table else {}
    return assembled(
        "sequence labelling", _Tagged(_matrix(each, whole.types)), how, slices, table=table, report=tag_report(whole),
        pictures=pictures,
    )  # fmt: skip


def _matrix(each: list[TagCounts], types: list[str]) -> Array:
    rows = [
        [
            one.tokens,
            one.right_tokens,
            *(counter[kind] for counter in (one.there, one.found, one.right) for kind in types),
        ]
        for one in each
    ]
    return np.array(rows, dtype=np.float64)


def _row(kind: str, counts: TagCounts) -> dict[str, Any]:
    there, found, right = counts.there[kind], counts.found[kind], counts.right[kind]
    return {
        "type": kind, "precision": right / found if found else 0.0, "recall": right / there if there else 0.0,
        "f1": 2 * right / (there + found), "support": there, "found": found, "correct": right,
    }  # fmt: skip
