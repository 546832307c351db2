"""How financial news sounds: three classifiers are compared on real tweets, and the best one is examined.

partita run flow.py                 # in this folder; --seed 3 splits the tweets another way
partita graph flow.py               # what runs after what
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from news_report import report_html, report_markdown
from news_text import TOKEN, identity, normalise
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

from partita import context, flow, task

LABELS = ("bearish", "bullish", "neutral")  # in the order of the data set's numbers


@dataclass(frozen=True)
class Tweets:
    """Tweets with what a person said of each."""

    texts: list[str]
    labels: list[str]  # of LABELS


@dataclass(frozen=True)
class Fold:
    """One part of a cross-validation: features of the other parts to learn from, and of this one to be judged by."""

    number: int
    learn: csr_matrix
    learn_labels: list[str]
    judge: csr_matrix
    judge_labels: list[str]


@dataclass(frozen=True)
class Candidate:
    """A classifier that could be chosen."""

    name: str
    kind: str  # "svm", "logistic" or "bayes"
    strength: float  # how closely it follows the data: C, or 1 / alpha


@dataclass(frozen=True)
class Score:
    """How good predictions are."""

    accuracy: float
    macro_f1: float  # the mean of the classes' F1: the rare ones count as much as the frequent one


@dataclass(frozen=True)
class Trial:
    """A candidate with its scores, one a fold."""

    candidate: Candidate
    scores: list[Score]

    @property
    def macro_f1(self) -> float:
        return float(np.mean([score.macro_f1 for score in self.scores]))


@dataclass(frozen=True)
class Model:
    """What turns a text into a label."""

    candidate: Candidate
    vectorizer: TfidfVectorizer
    classifier: Any

    def predict(self, texts: list[str]) -> list[str]:
        predicted: list[str] = self.classifier.predict(self.vectorizer.transform(texts)).tolist()
        return predicted


@dataclass(frozen=True)
class Mistake:
    """A tweet that was taken for something else."""

    text: str
    label: str
    predicted: str


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int  # tweets of this class


@dataclass(frozen=True)
class Evaluation:
    """What the model does with tweets that it has never seen."""

    score: Score
    classes: list[ClassScore]
    confusion: list[list[int]]  # tweets by true label (rows) and predicted label (columns), in the order of LABELS
    mistakes: list[Mistake]


@dataclass(frozen=True)
class Summary:
    """What the flow gives."""

    chosen: str
    accuracy: float
    macro_f1: float
    report: Path


#: The settings were found by cross-validation on the training part alone.
CANDIDATES = (
    Candidate("linear support vector machine", "svm", 1.0),
    Candidate("logistic regression", "logistic", 20.0),
    Candidate("complement naive Bayes", "bayes", 2.0),
)


@task(retries=2, retry_delay="1s", retry_on=OSError)
def read_tweets(path: Path) -> Tweets:
    """Read the data set; empty tweets, repeated ones and those with two opinions are left out."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict[str, tuple[str, set[str]]] = {}
    for number, row in enumerate(rows):
        if number % 1000 == 0:
            context().progress(number, len(rows), "tweets")
        key = identity(row["text"])
        if key:
            found.setdefault(key, (row["text"], set()))[1].add(LABELS[int(row["label"])])
    agreed = [(text, labels.pop()) for text, labels in found.values() if len(labels) == 1]
    print(f"{len(rows)} tweets read, {len(agreed)} kept")
    return Tweets([text for text, _ in agreed], [label for _, label in agreed])


@task
def split(tweets: Tweets, seed: int) -> tuple[Tweets, Tweets]:
    """80 % to learn from and 20 % for the last examination, each with the same share of every class."""
    learn, judge, learn_labels, judge_labels = train_test_split(
        tweets.texts, tweets.labels, test_size=0.2, stratify=tweets.labels, random_state=seed
    )
    return Tweets(learn, learn_labels), Tweets(judge, judge_labels)


@task
def make_fold(number: int, tweets: Tweets, folds: int, seed: int) -> Fold:
    """Features of one fold. The vocabulary comes from the part to learn from, or the scores would be too good."""
    texts, labels = np.array(tweets.texts, dtype=object), np.array(tweets.labels)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(texts, labels)
    learn, judge = list(parts)[number]
    vectorizer = make_vectorizer()
    return Fold(
        number,
        vectorizer.fit_transform(texts[learn]),
        labels[learn].tolist(),
        vectorizer.transform(texts[judge]),
        labels[judge].tolist(),
    )


@task(cpu=1, timeout="5m")
def score_fold(fold: Fold, candidate: Candidate) -> Score:
    """Fit the candidate on one fold and judge it there."""
    classifier = make_classifier(candidate, fold.learn_labels).fit(fold.learn, fold.learn_labels)
    score = score_of(fold.judge_labels, classifier.predict(fold.judge))
    context().report(f"macro F1 of {candidate.name}", score.macro_f1, step=fold.number)
    return score


@task
def choose(trials: list[Trial]) -> Candidate:
    """The candidate with the best mean macro F1."""
    for trial in trials:
        print(f"{trial.candidate.name}: macro F1 {trial.macro_f1:.4f}")
    return max(trials, key=lambda trial: trial.macro_f1).candidate


@task(timeout="5m")
def fit(candidate: Candidate, tweets: Tweets) -> Model:
    """Fit the chosen one on all that there is to learn from."""
    vectorizer = make_vectorizer()
    features = vectorizer.fit_transform(tweets.texts)
    return Model(candidate, vectorizer, make_classifier(candidate, tweets.labels).fit(features, tweets.labels))


@task
def evaluate(model: Model, tweets: Tweets) -> Evaluation:
    """Examine the model, class by class, on tweets that took no part in fitting or choosing it."""
    predicted = model.predict(tweets.texts)
    columns = precision_recall_fscore_support(tweets.labels, predicted, labels=LABELS, zero_division=0)
    classes = [
        ClassScore(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(LABELS, *columns, strict=True)
    ]
    confusion = confusion_matrix(tweets.labels, predicted, labels=LABELS).tolist()
    triples = zip(tweets.texts, tweets.labels, predicted, strict=True)
    mistakes = [Mistake(text, label, wrong) for text, label, wrong in triples if label != wrong]
    return Evaluation(score_of(tweets.labels, predicted), classes, confusion, mistakes)


@task
def write_report(folder: Path, trials: list[Trial], model: Model, evaluation: Evaluation, learned: int) -> Summary:
    """Write report.html, which holds everything that it shows, and report.md."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(report_html(LABELS, trials, model, evaluation, learned), encoding="utf-8")
    (folder / "report.md").write_text(report_markdown(LABELS, trials, model, evaluation), encoding="utf-8")
    print(f"report: {page.resolve()}")
    return Summary(model.candidate.name, evaluation.score.accuracy, evaluation.score.macro_f1, page.resolve())


@task
def count(tweets: Tweets) -> int:
    """How many there are."""
    return len(tweets.texts)


@flow
def news_sentiment(
    tweets: Path = Path("data/sent_train.csv.gz"), folder: Path = Path("report"), seed: int = 7, folds: int = 5
) -> Summary:
    """Choose, fit and examine a classifier of financial news, and write a report.

    Args:
        tweets: the data set, a packed table with the columns text and label.
        folder: where the report is written.
        seed: decides which tweets are kept for the examination.
        folds: parts of the cross-validation.
    """
    learn, judge = split(read_tweets(tweets), seed)
    parts = make_fold.map(list(range(folds)), learn, folds, seed)
    # Each candidate goes through the folds as they get ready: 15 fits, as many at once as there are cores.
    trials = [
        Trial(candidate, score_fold.with_options(name=f"score_{candidate.kind}").map(parts, candidate))
        for candidate in CANDIDATES
    ]
    model = fit(choose(trials), learn)
    return write_report(folder, trials, model, evaluate(model, judge), count(learn))


def make_vectorizer() -> TfidfVectorizer:
    """Single words and pairs, weighed by how much they tell."""
    return TfidfVectorizer(preprocessor=normalise, token_pattern=TOKEN, ngram_range=(1, 2), sublinear_tf=True)


def make_classifier(candidate: Candidate, labels: list[str]) -> Any:
    """An unfitted classifier. Rare classes weigh more, by the square root of how much rarer they are."""
    names, counts = np.unique(labels, return_counts=True)
    weights = dict(zip(names.tolist(), np.sqrt(counts.max() / counts).tolist(), strict=True))
    if candidate.kind == "svm":
        return LinearSVC(C=candidate.strength, class_weight=weights, random_state=0)
    if candidate.kind == "logistic":
        return LogisticRegression(C=candidate.strength, class_weight=weights, max_iter=500, tol=1e-3)
    return ComplementNB(alpha=1 / candidate.strength)


def score_of(labels: list[str], predicted: Any) -> Score:
    """Accuracy and macro F1."""
    macro_f1 = f1_score(labels, predicted, labels=LABELS, average="macro", zero_division=0)
    return Score(float(accuracy_score(labels, predicted)), float(macro_f1))
