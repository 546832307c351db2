"""The main example, as plain calls and on the engine, on its real data."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.examples.conftest import EXAMPLES

FOLDER = EXAMPLES / "news_sentiment"
DATA = FOLDER / "data" / "sent_train.csv.gz"


@pytest.fixture(scope="module")
def example(load_example: Callable[[str], ModuleType]) -> ModuleType:
    return load_example("news_sentiment")


@pytest.fixture(scope="module")
def parts(example: ModuleType) -> tuple[Any, Any]:
    learn, judge = example.split(example.read_tweets(DATA), 7)
    return learn, judge


def test_tweets_are_read_once_each_and_with_one_opinion(example: ModuleType) -> None:
    tweets = example.read_tweets(DATA)
    assert set(tweets.labels) == set(example.LABELS)
    keys = [example.identity(text) for text in tweets.texts]
    assert len(set(keys)) == len(keys) > 9000
    assert all(keys)


def test_the_split_keeps_the_classes_shares_and_shares_no_tweet(example: ModuleType, parts: tuple[Any, Any]) -> None:
    learn, judge = parts
    assert len(judge.texts) == pytest.approx(0.2 * (len(learn.texts) + len(judge.texts)), abs=1)
    assert not set(learn.texts) & set(judge.texts)
    for label in example.LABELS:
        share = learn.labels.count(label) / len(learn.labels)
        assert judge.labels.count(label) / len(judge.labels) == pytest.approx(share, abs=0.001)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("$AAPL raises   dividend +5.2% https://t.co/x", "_ticker_ rais dividend _rise_ _link_"),
        ("Shares fell -3% to $12.50 &amp; stayed", "shar fell _fall_ to _number_ & stay"),
        ("Margin of 12 %", "margin of _percent_"),
    ],
)
def test_texts_are_normalised(example: ModuleType, text: str, normal: str) -> None:
    assert example.normalise(text) == normal


def test_the_flow_as_plain_calls_reaches_its_numbers(example: ModuleType, tmp_path: Path) -> None:
    summary = example.news_sentiment(DATA, tmp_path / "report", folds=3)
    assert summary.accuracy >= 0.83
    assert summary.macro_f1 >= 0.76
    _assert_report_is_whole(summary.report, summary.accuracy)


def test_the_yaml_flow_gives_what_the_python_flow_gives(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitting is settled by the seed, so the results are the same to the last digit, and so are the graphs."""
    from partita import load_flow
    from partita.testing import memory_workspace

    monkeypatch.chdir(FOLDER)
    written = load_flow(FOLDER / "flow.yaml")
    assert [p.name for p in written.signature.parameters] == [
        p.name for p in example.news_sentiment.signature.parameters
    ]
    found, shapes = [], []
    with memory_workspace():
        for flow in (example.news_sentiment, written):
            run = flow.run(tweets=DATA, folder=tmp_path / "report", seed=7, folds=2)
            summary = run.result()
            found.append((summary.chosen, summary.accuracy, summary.macro_f1, summary.report))
            names = [step["path"].replace("trials", "") for step in run.steps if step["kind"] == "task"]
            shapes.append(sorted(names))
    assert found[0] == found[1]
    assert shapes[0] == shapes[1]


@pytest.mark.integration
def test_the_flow_on_the_engine_gives_what_plain_calls_give(tmp_path: Path) -> None:
    """As a user runs it: from a shell, in a copy of the example's folder."""
    import json
    import shutil

    project = tmp_path / "news"
    shutil.copytree(FOLDER, project, ignore=shutil.ignore_patterns(".partita", "report", "__pycache__"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PARTITA_IDLE_TIMEOUT": "1s"}
    told = subprocess.run(
        [sys.executable, "-m", "partita.cli", "run", "flow.py", "--json", "--folds", "3"],
        cwd=project, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    run = json.loads(told.stdout)
    assert run["state"] == "succeeded", run
    result = run["result"]
    assert result["accuracy"] >= 0.83
    assert result["macro_f1"] >= 0.76
    _assert_report_is_whole(project / "report" / "report.html", result["accuracy"])


def _assert_report_is_whole(page: Path, accuracy: float) -> None:
    text = page.read_text(encoding="utf-8")
    assert f"{accuracy:.1%}" in text
    for word in ("bearish", "bullish", "neutral", "precision", "recall", "complement naive Bayes"):
        assert word in text
    picture = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    assert picture is not None
    assert base64.b64decode(picture[1]).startswith(b"\x89PNG")
    assert 'src="http' not in text and "@import" not in text
    assert (page.parent / "report.md").read_text(encoding="utf-8").startswith("# ")
