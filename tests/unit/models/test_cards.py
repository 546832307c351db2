"""Model cards: what is known of a version, and that nothing in them runs."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np

from partita.models.cards import gather, html_card, markdown_card

NOW = 1_790_000_000.0
EVALUATION: dict[str, Any] = {
    "kind": "classification", "rows": 1200, "metrics": {"accuracy": 0.912345, "log_loss": 0.3}, "main": "accuracy",
    "intervals": {"accuracy": [0.9, 0.925]}, "confidence": 0.95, "table": [{"class": "a|b", "f1": 0.9}, {"class": "c", "f1": 0.8}],
    "slices": [
        {"slice": "young", "rows": 30, "metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9, "gap": -0.1, "is_small": True},
        {"slice": "young", "rows": 30, "metric": "log_loss", "value": 0.5, "low": None, "high": None, "gap": 0.2, "is_small": True},
    ],
    "report": "precision recall", "pictures": {"calibration": "<svg onload='alert(1)'></svg>", "roc": b"\x89PNG"},
    "notes": ["few <b>rows</b>"],
}  # fmt: skip
RECORD: dict[str, Any] = {
    "title": "LogisticRegression", "format": "skops", "kind": "sklearn", "python": "3.11.7", "packages": {"scikit-learn": "1.9.1"},
    "notes": ["pickled: no"], "files": [["model.skops", "sealed", "f" * 64, 2048]], "function": "flows.py:fit",
    "fingerprint": "a" * 64, 
    "data": [["sealed", "c" * 64, 800531, "Sealed 800,531 bytes"], ["npy", "b" * 64, 4096, "ndarray float64 (500, 4)"]],
    "signature": {
        "kind": "table", "inputs": [["age", "float64", [None]]], "outputs": [["", "str", [None]]], "classes": ["no", "yes"],
        "has_probabilities": True,
    },
}  # fmt: skip
VIEW: dict[str, Any] = {
    "model": "churn", "number": 3, "name": "churn:3", "aliases": ["champion"], "title": "LogisticRegression",
    "description": "<script>alert(1)</script>", "tags": {"team": "sales"}, "metrics": {"accuracy": 0.91}, "record": RECORD,
    "size_bytes": 2048, "run": "run-1", "step": 4, "author": "ann", "created_at": NOW, "evaluations": ["test"],
}  # fmt: skip
MODEL: dict[str, Any] = {"name": "churn", "description": "Who leaves.", "tags": {"gates:champion": "accuracy >= 0.9"}}
MOVES: list[dict[str, Any]] = [
    {"id": 2, "alias": "champion", "before": 2, "after": 3, "author": "ann", "why": "better", "moved_at": NOW,
     "record": {"gates": [{"gate": "accuracy >= 0.9", "is_met": True, "told": "accuracy is 0.91"}]}},
    {"id": 1, "alias": "champion", "before": 0, "after": 2, "author": "ann", "why": "", "moved_at": NOW, "record": {}},
]  # fmt: skip
LINEAGE: list[dict[str, Any]] = [
    {"path": "fit", "run": "run-1", "flow": "train", "is_start": True},
    {"path": "load", "run": "run-1", "flow": "train", "is_start": False},
]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, dict(attrs)))


def test_a_card_tells_all_that_is_known() -> None:
    text = markdown_card(gather(VIEW, MODEL, MOVES, {"test": EVALUATION}, LINEAGE))
    for part in (
        "# churn:3", "LogisticRegression; 2.0 KiB", "Who leaves.", "team", "| age | float64 | rows |", "2 classes apart: no, yes",
        "## Evaluation on test", "Classification, 1,200 rows.", "| accuracy | 0.9123 | 0.9 to 0.925 |", "| a\\|b | 0.9 |",
        "young (few rows)", "precision recall", "- load of run run-1 (train)", "ndarray float64 (500, 4)", "scikit-learn",
        "flows.py:fit", "step 4 of run run-1", "better; met: accuracy >= 0.9 (accuracy is 0.91)", "- pickled: no",
    ):  # fmt: skip
        assert part in text, part
    assert "gates:champion" not in text and "| 0 |" not in text and text.count("| champion |") == 1
    assert "0.5" not in text, "slices of other metrics than the main one are left out"


def test_a_page_holds_its_pictures_and_runs_nothing() -> None:
    page = html_card(gather(VIEW, MODEL, MOVES, {"test": EVALUATION}, LINEAGE))
    tags = Tags()
    tags.feed(page)
    names = {name for name, _ in tags.seen}
    assert not names & {"script", "svg", "iframe", "object", "link"}
    images = [attributes["src"] or "" for name, attributes in tags.seen if name == "img"]
    assert [image.partition(";")[0] for image in images] == ["data:image/svg+xml", "data:image/png"]
    assert "&lt;script&gt;" in page and "few &lt;b&gt;rows" in page
    assert not any(key.startswith("on") for _, attributes in tags.seen for key in attributes)


def test_little_is_known_of_a_version_without_a_run() -> None:
    view = {**VIEW, "run": "", "record": {"format": "onnx"}, "aliases": [], "description": "", "tags": {}}
    text = markdown_card(gather(view, {"name": "churn", "description": "", "tags": {}}, [], {}))
    assert "outside of any run" in text and "Nobody has described it yet." in text and "| accuracy | 0.91 |" in text
    assert "Data and lineage" not in text and "What it takes and gives" not in text


def test_an_evaluation_of_partita_itself_is_told_with_its_pictures(encoder: Any) -> None:
    from partita.artifacts.codecs.plain import plain_value
    from partita.models.evaluation import evaluate_classification
    from partita.models.evaluations import metrics_of, plain_evaluation

    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 200)
    given = np.clip(truth * 0.6 + draw.uniform(size=200) * 0.4, 0, 1)
    found = evaluate_classification(
        truth,
        (given > 0.5).astype(int),
        probabilities=np.column_stack([1 - given, given]),
        slices={"half": np.arange(200) // 100},
    )
    plain = plain_evaluation(found)
    again = plain_value(encoder.encode(plain, dict), encoder.blobs)
    assert metrics_of(again) == metrics_of(plain) and "accuracy" in metrics_of(plain)
    page = html_card(gather(VIEW, MODEL, [], {"test": again}))
    assert page.count("data:image/svg+xml;base64,") == len(found.pictures) > 0 and "calibration" in page.lower()
    assert "half" in markdown_card(gather(VIEW, MODEL, [], {"test": again}))
