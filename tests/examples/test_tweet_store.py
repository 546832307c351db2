"""The example of ready tasks, on a real engine and its real data."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES

pytestmark = pytest.mark.integration
pytest.importorskip("sqlalchemy", reason="needs the extra 'sql'")
pytest.importorskip("pyarrow", reason="needs the extra 'tables'")


def test_it_runs_as_its_readme_says(tmp_path: Path) -> None:
    for name in ("tweet_store", "news_sentiment"):
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".partita", "out", "*.db"))
    project = tmp_path / "tweet_store"
    with (project / "partita.toml").open("a") as settings:
        settings.write('idle_timeout = "1s"\n')
    words = [sys.executable, "-m", "partita.cli", "run", "tweets.py:store", "--json"]
    for _ in range(2):  # a second run finds the table there, and makes it anew
        done = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
    shares = json.loads((project / "out" / "bullish.json").read_text())
    with sqlite3.connect(project / "tweets.db") as database:
        for name, share in shares.items():
            query = "select avg(opinion = 'bullish') from tweets where text like ?"
            assert share == pytest.approx(database.execute(query, [f"%{name}%"]).fetchone()[0], abs=0.001)
        assert database.execute("select count(*) from tweets").fetchone() == (9543,)
    database.close()
    assert list(shares) == ["$AAPL", "$AMZN", "$TSLA"]
    assert (project / "out" / "longest.parquet").stat().st_size > 1000
