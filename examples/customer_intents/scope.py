"""What can an assistant not help with: 150 intents of CLINC150, and questions that are none of them.

partita run scope.py                # in this folder; --accuracy 0.95 has it refuse fewer questions
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from flow import MODEL, NGRAMS, TOKENIZER, chunks
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline

from partita import flow, task
from partita.components import read_json
from partita.compose import Route, Vote
from partita.compose.flows import fit_composition, predict
from partita.models.hub import TextFeatures, embed_texts

LEARN, CHOOSE, JUDGE = (("train", "oos_train"), ("val", "oos_val"), ("test", "oos_test"))
OUTSIDE = "oos"  # the label of what is out of scope


@task
def questions(data: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """The texts of some parts, their intents, and which of them the threshold is chosen on."""
    rows = [(text, intent, part in CHOOSE) for part in parts for text, intent in data[part]]
    texts, intents, is_choosing = zip(*rows, strict=True)
    return {"texts": list(texts), "intents": list(intents), "is_choosing": list(is_choosing)}


@task
def route_of(learn: dict[str, Any], vectors: list[Any], accuracy: float) -> Route:
    """One vote for all, and nobody for what it is not sure enough of; how sure it has to be is chosen on the validation part."""
    known = (learn["texts"], np.concatenate(vectors))
    line = make_pipeline(TextFeatures(MODEL, TOKENIZER, known=known), LogisticRegression(C=20, max_iter=200))
    vote = Vote([("line", line), ("ngrams", NGRAMS)], weights=[2, 1])
    split = PredefinedSplit(np.where(learn["is_choosing"], 0, -1))
    return Route([("vote", vote)], out_of_scope="confidence", outside=OUTSIDE, accuracy=accuracy, cv=split)


@task
def standing(route: Route, told: list[Any], judge: dict[str, Any]) -> dict[str, Any]:
    """Of the questions in scope the share that is answered rightly, and of the others the share that is found."""
    truth, said = np.array(judge["intents"]), np.concatenate(told)
    is_outside = truth == OUTSIDE
    return {
        "in scope, right": round(float(np.mean(said[~is_outside] == truth[~is_outside])), 4),
        "out of scope, found": round(float(np.mean(said[is_outside] == OUTSIDE)), 4),
        "questions": [int(np.sum(~is_outside)), int(np.sum(is_outside))],
        "validation": {"in scope, right": round(route.accuracy_, 4), "out of scope, found": round(route.found_, 4)},
    }


@flow
def out_of_scope(data: Path = Path("data/clinc150/data_full.json.gz"), accuracy: float = 0.93) -> dict[str, Any]:
    """Fit a vote on the training and validation parts of CLINC150, and examine it on the test part.

    Returns:
        Of the questions in scope the share that is answered, and rightly; of those out of scope the share that is found.

    Args:
        data: the data set, packed JSON.
        accuracy: of the validation part's questions in scope, the share that is to be answered, and rightly.
    """
    parts = read_json(str(data))
    learn, judge = questions(parts, (*LEARN, *CHOOSE)), questions(parts, JUDGE)
    embed = embed_texts.with_options(cache=True, name="embed").partial(address=MODEL, tokenizer=TOKENIZER)
    route = route_of(learn, embed.map(chunks(learn["texts"])), accuracy)
    fitted = fit_composition(route, learn["texts"], learn["intents"])
    told = predict.partial(model=fitted).map(x=chunks(judge["texts"]))
    return standing(fitted, told, judge)
