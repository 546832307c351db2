"""Files in CoNLL's format, what is to be seen at each of their words, and a conditional random field as a classifier."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn_crfsuite import CRF

WINDOW = (-2, -1, 0, 1, 2)
COMPONENTS, SCALE = 64, 4.0  # of vectors; scaled so that regularisation weighs them about as much as the words
GROUPS = (64, 256, 1024)  # into so many groups are words put by their vectors: coarse, finer, finest


def words_of(paths: Sequence[str]) -> pd.DataFrame:
    """A row for each word: the numbers of its file, document and sentence, itself, its part of speech ("": not told), its tag."""
    rows: list[tuple[Any, ...]] = []
    document = sentence = 0
    for number, path in enumerate(paths):
        for line in gzip.decompress(Path(path).read_bytes()).decode().splitlines():
            cells = line.split()
            if cells and cells[0] != "-DOCSTART-":
                rows.append((number, document, sentence, cells[0], cells[1] if len(cells) > 2 else "", cells[-1]))
            else:
                sentence += 1
                document += bool(cells)
        document, sentence = document + 1, sentence + 1
    return pd.DataFrame(rows, columns=["file", "document", "sentence", "word", "speech", "tag"])


def bounds_of(sentences: Sequence[int]) -> list[tuple[int, int]]:
    """Where each sentence begins and ends, of rows of words."""
    changes = np.flatnonzero(np.diff(np.asarray(sentences))) + 1
    return list(pairwise([0, *changes.tolist(), len(sentences)]))


def seen_at(words: pd.DataFrame, groups: dict[str, Any]) -> list[dict[str, Any]]:
    """What is to be seen at each word: itself, its form, its neighbours, and the groups that the vectors of these words are in.

    Args:
        words: rows of whole documents, in their order.
        groups: name -> (words,): the number of the group of each.
    """
    small = {
        document: {word.lower() for word in rows if word.islower()}
        for document, rows in words.groupby("document")["word"]
    }
    columns = (words["word"].tolist(), words["speech"].tolist(), words["document"].tolist())
    seen: list[dict[str, Any]] = []
    for start, end in bounds_of(words["sentence"]):
        word, speech = columns[0][start:end], columns[1][start:end]
        low, form = [each.lower() for each in word], [_form(each) for each in word]
        for at, own in enumerate(word):
            found: dict[str, Any] = {
                "word": own, "begins 2": own[:2], "begins 3": own[:3], "ends 2": own[-2:], "ends 3": own[-3:],
                "ends 4": low[at][-4:], "is small elsewhere": low[at] in small[columns[2][start]],
                "of capitals": own.isupper(), "is first": at == 0, "is last": at == len(word) - 1,
            }  # fmt: skip
            for step in WINDOW:
                if 0 <= at + step < len(word):
                    found |= {f"low {step}": low[at + step], f"form {step}": form[at + step]}
                    found |= {f"speech {step}": speech[at + step]} if speech[at] else {}
            for step in (-1, 0, 1):
                if 0 <= at + step < len(word):
                    found |= {f"{name} {step}": str(group[start + at + step]) for name, group in groups.items()}
            found["pair"] = f"{low[at - 1] if at else ''} {low[at]}"
            found["next pair"] = f"{low[at]} {low[at + 1] if at + 1 < len(word) else ''}"
            seen.append(found)
    return seen


def ended(words: pd.DataFrame) -> list[str]:
    """The tags of words with beginnings and ends: B, I and E for entities of several words, S for those of one (IOBES)."""
    tags, made = words["tag"].tolist(), list(words["tag"])
    for start, end in bounds_of(words["sentence"]):
        kinds = [tag.partition("-")[2] for tag in tags[start:end]]
        for at, kind in enumerate(kinds):
            if kind:
                begins = at == 0 or kinds[at - 1] != kind or tags[start + at].startswith("B")
                ends = at + 1 == len(kinds) or kinds[at + 1] != kind or tags[start + at + 1].startswith("B")
                made[start + at] = f"{'S' if begins and ends else 'B' if begins else 'E' if ends else 'I'}-{kind}"
    return made


def _form(word: str) -> str:
    """Xx for "Mad", X-d for "DC-10": its letters and digits by kind, repeated ones once."""
    kinds = re.sub("[0-9]", "d", re.sub("[a-z]", "x", re.sub("[A-Z]", "X", word)))
    return re.sub(r"(.)\1+", r"\1", kinds)


def grouped(vectors: Any, rows: Any, seed: int = 0) -> dict[str, Any]:
    """Words by their vectors: the number of the group of each, by how many groups there are, which are found on some rows."""
    chosen = np.random.default_rng(seed).permutation(rows)[:10_000]
    found = {}
    for count in GROUPS:
        means = MiniBatchKMeans(count, batch_size=1024, n_init=1, max_iter=10, random_state=seed).fit(vectors[chosen])
        found[f"of {count}"] = means.predict(vectors)
    return found


def around(vectors: Any, rows: Any, seed: int = 0) -> list[Any]:
    """(words,): the vectors of each word and of the words before and behind it, by their main components in some rows."""
    chosen = np.random.default_rng(seed).permutation(rows)[:10_000]
    short = PCA(COMPONENTS, random_state=seed).fit(vectors[chosen]).transform(vectors).astype(np.float32)
    padded = np.pad(short, ((1, 1), (0, 0)))
    return list(SCALE * np.hstack([short, padded[:-2], padded[2:]]))


class Crf(ClassifierMixin, BaseEstimator):
    """A tagger of CRFsuite over words in rows, a table with the columns "sentence" and "seen".

    With "lbfgs" it is a conditional random field, and tells marginal probabilities. What learns by margins ("pa") or by its
    mistakes ("ap") knows of no probabilities: it is sure of the tags of its best path.
    """

    def __init__(self, algorithm: str = "lbfgs", iterations: int = 60, options: dict[str, float] | None = None) -> None:
        self.algorithm, self.iterations, self.options = algorithm, iterations, options

    def fit(self, X: pd.DataFrame, y: Any) -> Crf:  # noqa: N803
        tags = np.asarray(y).tolist()
        self.crf_ = CRF(algorithm=self.algorithm, max_iterations=self.iterations, **(self.options or {}))
        self.crf_.fit(_sentences(X), [tags[start:end] for start, end in bounds_of(X["sentence"])])
        self.classes_ = np.array(sorted(self.crf_.classes_))
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:  # noqa: N803
        if self.algorithm in ("pa", "ap", "arow"):
            return (self.predict(X)[:, None] == self.classes_).astype(float)
        told = self.crf_.predict_marginals(_sentences(X))
        return np.array([[each[tag] for tag in self.classes_] for sentence in told for each in sentence])

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: N803
        return np.concatenate([np.array(tags) for tags in self.crf_.predict(_sentences(X))])


def _sentences(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
    seen = rows["seen"].tolist()
    return [seen[start:end] for start, end in bounds_of(rows["sentence"])]


def seen_in(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The column "seen", for a classifier that knows of no sentences."""
    found: list[dict[str, Any]] = rows["seen"].tolist()
    return found


def vectors_in(rows: pd.DataFrame) -> Any:
    """The column "around", (words, features)."""
    return np.stack(rows["around"].tolist())
